"""Says hello, a few times, and leaves a file. Runs under Rigi and, with `python main.py`, without it."""

import json
import os
import time
from pathlib import Path


def main():
    params = parameters()
    outputs = Path(os.environ.get("RIGI_OUTPUTS", "outputs"))
    outputs.mkdir(exist_ok=True)

    for number in range(1, params["times"] + 1):
        print(f"Hello {params['name']}, {number} of {params['times']}", flush=True)
        time.sleep(0.2)

    (outputs / "hello.json").write_text(json.dumps(params, indent=2) + "\n")


def parameters():
    """The parameters of the run; what is missing outside Rigi takes these values."""
    given = {"name": "world", "times": 3}
    if "RIGI_PARAMS" in os.environ:
        given |= json.loads(Path(os.environ["RIGI_PARAMS"]).read_text())
    return given


if __name__ == "__main__":
    main()
