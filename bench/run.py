#!/usr/bin/env python3
"""Measures Rigi against the machine's own limits, in one run; prints a table and writes target/reports/bench.json.

    bench/run.py [--binary PATH] [NAME…]     only what is named, such as `throughput` or `latency`

QUICK=1 takes five minutes at most. STRICT=1 exits with 1 where a figure falls short of its bar.
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
from figures import Figures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


class Bench:
    def __init__(self, binary, quick):
        self.binary, self.quick = binary, quick
        self.figures = Figures()
        self.folder = Path(tempfile.mkdtemp(prefix="rigi-bench-"))
        self.pipelines = self.folder / "pipelines"
        self.pipeline("noop", {"command": ["/bin/true"]})
        self.spawn = str(self.folder / "spawn")
        subprocess.run(["cc", "-O2", "-o", self.spawn, str(HERE / "spawn.c")], check=True)
        self.limit = self.sqlite = None
        self.cluster, self.postgres = None, os.environ.get("RIGI_BENCH_POSTGRES")
        if not self.postgres and shutil.which("psql"):
            # As it comes from the box: commits are as durable as SQLite's.
            said = subprocess.run([ROOT / "tests" / "postgres.sh", "start"], capture_output=True, text=True)
            if said.returncode == 0:
                self.cluster, self.postgres = said.stdout.split()[-2:]

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


def binary_of(given):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or cache / "rigi" / "target")
    binary = Path(given or os.environ.get("RIGI_BIN") or target / "release" / "rigi")
    if not binary.is_file():
        sys.exit(f"there is no {binary}: build it with `make build`")
    return str(binary)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", help="the rigi binary; the release build unless told")
    parser.add_argument("names", nargs="*", help="measure only these")
    given = parser.parse_args()
    known = {measure.__name__: measure for measure in measures.ALL}
    unknown = [name for name in given.names if name not in known]
    if unknown:
        sys.exit(f"there is no measure {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in given.names] or measures.ALL
    if given.names and measures.spawn_limit not in chosen:
        chosen.insert(0, measures.spawn_limit)
    bench = Bench(binary_of(given.binary), os.environ.get("QUICK", "") not in ("", "0"))
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
    sys.exit(1 if short and os.environ.get("STRICT", "") not in ("", "0") else 0)


if __name__ == "__main__":
    main()
