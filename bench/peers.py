"""Other systems, measured on the same machine by scripts of their own, beside Rigi.

PEERS_DIR names the folder of those scripts: `peer_NAME.py` prints one line of JSON with `peer` and `results`. Takes most of an hour.
PEERS names some of them, or is 1 for all.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def run_peers(figures):
    folder = Path(os.environ.get("PEERS_DIR", ""))
    wanted = os.environ["PEERS"]
    scripts = sorted(folder.glob("peer_*.py")) if os.environ.get("PEERS_DIR") else []
    if wanted != "1":
        scripts = [script for script in scripts if script.stem.removeprefix("peer_") in wanted.split(",")]
    if not scripts:
        print("\nNo peers: PEERS_DIR names the folder of their scripts.")
        return
    rows = [(f"Rigi: {row['name']}", row["value"], row["unit"]) for row in figures.rows if row["value"] is not None]
    for script in scripts:
        print(f"{script.stem} …", flush=True)
        said = subprocess.run([sys.executable, "-u", script.name], cwd=folder, stdout=subprocess.PIPE, text=True)
        lines = [line for line in said.stdout.splitlines() if line.startswith("{")]
        if said.returncode or not lines:
            rows.append((f"{script.stem.removeprefix('peer_')}: not measured", None, f"status {said.returncode}"))
            continue
        told = json.loads(lines[-1])
        rows += [(f"{told['peer']}: {name}", value, unit) for name, value, unit in leaves(told["results"])]
    show(rows)
    keep(figures, rows)


#: What a peer's field is, in what unit.
FIELDS = {"per_s": "/s", "cpu_ms_per_task": "ms CPU", "pss_mib": "MB PSS", "p50": "", "p99": "", "median": ""}


def leaves(results, path=""):
    """Figures of a peer, as (what, value, unit); repetitions and other details are left out."""
    for name, value in results.items():
        where = f"{path}{name}"
        if isinstance(value, dict):
            if "median" in value:
                yield where, value["median"], FIELDS.get(name, "")
            else:
                yield from leaves(value, f"{where}: ")
        elif name in FIELDS and isinstance(value, (int, float)):
            yield where, value, FIELDS[name]


def show(rows):
    print(f"\n{'what':90} {'figure':>12}")
    for name, value, unit in rows:
        print(f"{name[:90]:90} {'–' if value is None else format(value, ',.4g'):>12} {unit}")


def keep(figures, rows):
    file = figures.report.parent / "peers.json"
    file.write_text(json.dumps([{"name": name, "value": value, "unit": unit} for name, value, unit in rows], indent=2) + "\n")
