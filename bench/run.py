#!/usr/bin/env python3
"""Measures Rigi against the machine's own limits, in one run; prints a table and writes target/reports/bench.json.

    bench/run.py [--binary PATH] [NAME…]     only what is named, such as `throughput` or `million`; also ONLY=NAME,NAME

Exits with 1 where a figure falls short of its bar, unless REPORT_ONLY=1. QUICK=1 takes five minutes at most, with less of
everything. PEERS=1 runs other systems too (see peers.py).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import measures
import peers
from binary import binary_of
from figures import Figures
from places import find_places

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


class Bench:
    def __init__(self, binary, quick):
        self.binary, self.quick = binary, quick
        self.figures = Figures(quick)
        self.folder = Path(tempfile.mkdtemp(prefix="rigi-bench-"))
        self.pipelines = self.folder / "pipelines"
        self.pipeline("noop", {"command": ["/bin/true"]})
        self.spawn = str(self.folder / "spawn")
        subprocess.run(["cc", "-O2", "-o", self.spawn, str(HERE / "spawn.c")], check=True)
        self.limit = None
        self.places, self.cluster = find_places(ROOT)

    def scaled(self, usual, quick):
        return quick if self.quick else usual

    def pipeline(self, name, spec):
        folder = self.pipelines / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pipeline.json").write_text(json.dumps(spec))

    def python_pipeline(self, name, code):
        folder = self.pipelines / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.py").write_text(code)

    def close(self):
        if self.cluster:
            subprocess.run([ROOT / "tests" / "postgres.sh", "stop", self.cluster], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", help="the rigi binary; the release build unless told")
    parser.add_argument("names", nargs="*", help="measure only these")
    given = parser.parse_args()
    known = {measure.__name__: measure for measure in measures.ALL}
    names = given.names or [name for name in os.environ.get("ONLY", "").split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"there is no measure {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in names] or measures.ALL
    if measures.throughput in chosen and measures.spawn_limit not in chosen:
        chosen.insert(0, measures.spawn_limit)
    bench = Bench(binary_of(given.binary), is_set("QUICK"))
    begin = time.monotonic()
    try:
        for measure in chosen:
            print(f"{measure.__name__} …", flush=True)
            try:
                measure(bench)
            except Exception as error:
                # One that fails hides none of the others, and is no figure that holds.
                traceback.print_exc()
                bench.figures.missing(measure.__name__, str(error)[:200])
    finally:
        bench.close()
    short = bench.figures.close()
    print(f"{time.monotonic() - begin:.0f} s")
    if is_set("PEERS"):
        peers.run_peers(bench.figures)
    sys.exit(1 if short and not is_set("REPORT_ONLY") else 0)


def is_set(name):
    return os.environ.get(name, "") not in ("", "0")


if __name__ == "__main__":
    main()
