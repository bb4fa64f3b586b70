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


def keep(entry):
    """Writes the entry, beside those of other databases."""
    try:
        others = [other for other in json.loads(REPORT.read_text()) if other["database"] != entry["database"]]
    except (OSError, ValueError):
        others = []
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([*others, entry], indent=2) + "\n")
    print(f"\n{REPORT}", flush=True)
