"""Reads numbers, works on them in another file, writes what came out."""

import json
import os
from pathlib import Path

from steps import clean, summarise


def main():
    params = json.loads(Path(os.environ["RIGI_PARAMS"]).read_text()) if "RIGI_PARAMS" in os.environ else {}
    outputs = Path(os.environ.get("RIGI_OUTPUTS", "outputs"))
    outputs.mkdir(exist_ok=True)

    # The folder is the current directory of a run, so that files beside this one are found by their names.
    lines = Path("data.csv").read_text().splitlines()[1:]
    values = clean(lines, params.get("least", 0.0))
    print(f"{len(lines)} lines read, {len(values)} kept")

    summary = summarise(values)
    print(f"mean {summary['mean']:.2f}")
    (outputs / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
