"""What a storm found: printed, and kept in target/reports/chaos.json, one entry per database."""

import json
from pathlib import Path

REPORT = Path(__file__).resolve().parents[2] / "target" / "reports" / "chaos.json"
EXAMPLES = 10


def row(name, value, unit="", bar=None):
    holds = None if bar is None else value <= bar
    return {"name": name, "value": value, "unit": unit, "limit": None, "ratio": None, "bar": bar, "holds": holds}


def entry(database, seed, facts, findings):
    figures = [row(name, value, unit) for name, value, unit in facts]
    breaches = [row(name, count, bar=0) for name, count in findings.weights.items()]
    examples = {name: found[:EXAMPLES] for name, found in findings.found.items() if found}
    return {"database": database, "seed": seed, "figures": figures, "breaches": breaches, "examples": examples}


def show(entry):
    """Prints an entry; returns how many breaches there are."""
    print(f"\n{entry['database']}, seed {entry['seed']}")
    for figure in entry["figures"]:
        value = figure["value"]
        value = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
        print(f"  {figure['name']:44} {value:>10} {figure['unit']}")
    print("  must be 0:")
    for breach in entry["breaches"]:
        print(f"  {breach['name']:44} {breach['value']:>10,}{'' if breach['holds'] else '   BREACH'}")
    for name, examples in entry["examples"].items():
        print(f"  {name}:")
        for example in examples:
            print(f"    {example}")
    return sum(not breach["holds"] for breach in entry["breaches"])


def keep(entries):
    """Writes the entries, beside those of databases that were not tried this time."""
    try:
        before = json.loads(REPORT.read_text())
    except (OSError, ValueError):
        before = []
    fresh = {entry["database"] for entry in entries}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([entry for entry in before if entry["database"] not in fresh] + entries, indent=2) + "\n")
    print(f"\n{REPORT}")
