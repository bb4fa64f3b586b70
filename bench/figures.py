"""The figures of a run: collected, judged against their bars, printed, kept, compared with the last."""

import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "target" / "reports"


class Figures:
    """`bar` is what `value` must reach; `best` says in which direction. With a `limit`, the bar is on their ratio."""

    def __init__(self, quick, name="bench"):
        self.quick, self.rows = quick, []
        self.report, self.kept = REPORTS / f"{name}.json", REPORTS / name

    def add(self, name, value, unit, *, bar=None, limit=None, best="low"):
        ratio = value / limit if limit else None
        judged = ratio if limit else value
        holds = None if bar is None else (judged <= bar if best == "low" else judged >= bar)
        row = {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio, "bar": bar, "holds": holds}
        self.rows.append(row)
        print(f"  {line(row)}", flush=True)

    def missing(self, name, why):
        """A figure that could not be taken: it holds nothing, and says why."""
        self.rows.append({"name": name, "value": None, "unit": "", "limit": None, "ratio": None, "bar": None, "holds": False, "why": why})
        print(f"  {name}: not measured: {why}", flush=True)

    def close(self):
        """Writes the report, prints the table, and returns how many figures fall short."""
        before = self.last()
        self.kept.mkdir(parents=True, exist_ok=True)
        self.report.write_text(json.dumps(self.rows, indent=2) + "\n")
        now = time.gmtime()
        kept = self.kept / time.strftime("%Y%m%dT%H%M%SZ.json", now)
        run = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", now), "commit": commit(), "quick": self.quick, "figures": self.rows}
        kept.write_text(json.dumps(run) + "\n")
        print(f"\n{'what':74} {'figure':>14}  {'ratio':>6}  {'bar':>6}  {'':5} {'last':>10}")
        for row in self.rows:
            old = before.get(row["name"])
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
            bar = "" if row["bar"] is None else f"{row['bar']:g}"
            holds = {True: "holds", False: "SHORT", None: ""}[row["holds"]]
            value = "–" if row["value"] is None else f"{shown(row['value'])} {row['unit']}"
            print(f"{row['name']:74} {value:>14}  {ratio:>6}  {bar:>6}  {holds:5} {shown(old) if old is not None else '':>10}")
        short = sum(row["holds"] is False for row in self.rows)
        print(f"\n{len(self.rows)} figures, {short} fall short; {os.path.relpath(self.report)}")
        return short

    def last(self):
        """The last value of each figure, of runs as long as this one."""
        values = {}
        for file in sorted(self.kept.glob("*.json")):
            try:
                run = json.loads(file.read_text())
                if run["quick"] == self.quick:
                    values |= {row["name"]: row["value"] for row in run["figures"] if row["value"] is not None}
            except (OSError, ValueError, TypeError, KeyError):
                continue
        return values


def commit():
    said = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return said.stdout.strip() or None


def shown(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:.1f}"


def line(row):
    ratio = "" if row["ratio"] is None else f", {row['ratio']:.2f} of {shown(row['limit'])}"
    holds = f"  (short of {row['bar']:g})" if row["holds"] is False else ""
    return f"{row['name']}: {shown(row['value'])} {row['unit']}{ratio}{holds}"


def quantile(values, part):
    """The value that `part` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
