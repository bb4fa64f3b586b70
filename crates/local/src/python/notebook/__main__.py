"""Runs a Jupyter notebook from top to bottom, for Rigi.

    python -u FOLDER_OF_THIS_FILE NOTEBOOK --params FILE --cells JSON --out OUTPUTS_DIR

It runs inside the pipeline's own environment, with the attempt's work folder as the current directory.

- Parameters: the object in FILE becomes a cell tagged `injected-parameters`, after the cell tagged `parameters` or
  first when there is none (the convention of papermill). Those named by `--secrets` are read from FILE at run time,
  so that their values do not end up in the executed notebook.
- Retries: `--cells` is a list of `{retries, delay_seconds}` by code cell (the injected one is not counted);
  `rigi` or `fastflow` in the cell's metadata override it key by key. The kernel, and what it holds, lives on
  between tries. The first cell that exhausts its tries ends the run.
- Output streams while a cell runs. Progress goes, one JSON object a line, to the file that RIGI_EVENTS names.
- NAME.ipynb and NAME.html are written to OUTPUTS_DIR however it ends, SIGTERM included.

Exit status: 0 every cell succeeded; 1 a cell failed or the notebook could not be run; 130 and 143 stopped by SIGINT
and SIGTERM; when the kernel died, its status, or 128 and the number of the signal that killed it.
"""

import argparse
import asyncio
import importlib.util
import json
import logging
import os
import sys

LIBRARIES = ("nbclient", "nbformat", "nbconvert", "ipykernel")
if missing := [name for name in LIBRARIES if importlib.util.find_spec(name) is None]:
    sys.exit(
        f"The notebook was not run: its environment has no {' and no '.join(missing)}.\n"
        f"Add to the pipeline's requirements.txt: {' '.join(missing)}"
    )

from rigi_notebook.cells import Mistake
from rigi_notebook.runner import Runner


def arguments():
    parser = argparse.ArgumentParser(description="Run a notebook from top to bottom.")
    parser.add_argument("notebook")
    parser.add_argument("--params", required=True, metavar="FILE")
    parser.add_argument("--cells", type=json.loads, default=[], metavar="JSON")
    parser.add_argument("--secrets", type=json.loads, default=[], metavar="JSON")
    parser.add_argument("--out", required=True, metavar="OUTPUTS_DIR")
    return parser.parse_args()


def main():
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    # A kernel that goes while one listens to it is no word of the notebook's.
    logging.getLogger("tornado").setLevel(logging.CRITICAL)
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        runner = Runner(arguments())
        status = asyncio.run(runner.run())
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    try:
        runner.save_html()
    except Exception as error:  # Of any kind, in a library: the result itself is there and stands.
        print(f"{runner.name}.html was not written: {type(error).__name__}: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
