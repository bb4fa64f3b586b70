#!/usr/bin/env python3
"""A constant load for a long time: nothing may grow. Compares the end with the start, after a warm-up.

    tests/soak/run.py [--binary PATH] [--database sqlite|postgres] [--minutes N] [--rate R]

Retention keeps a hundred runs, and what it takes is collected four times a minute, so that a stable state is reached
within the warm-up. Prints each figure's median over the first and the last window, writes target/reports/soak.json, and exits
with 1 where one has grown by more than 5 % and by more than it varies from window to window anyway.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "chaos"), str(ROOT / "bench")]

from binary import binary_of  # noqa: E402
from tasks import KINDS  # noqa: E402
from world import Refused, World, cluster_start, cluster_stop  # noqa: E402

REPORT = ROOT / "target" / "reports" / "soak.json"
BAR = 1.05
WINDOWS = 10
# The first windows are the warm-up: caches fill, retention comes into its stride.
WARM = 3
COLLECT_EVERY = 15
SUBMITTERS = 3
RETENTION = {"RIGI_RETENTION__RUNS": "12", "RIGI_RETENTION__COLLECT_AFTER": "5s"}


class Figures:
    """Samples by name, each with its time."""

    def __init__(self, seconds):
        self.seconds, self.begin, self.lock = seconds, time.monotonic(), threading.Lock()
        self.samples = {}

    def add(self, name, value):
        with self.lock:
            self.samples.setdefault(name, []).append((time.monotonic() - self.begin, value))

    def over(self):
        return time.monotonic() - self.begin > self.seconds

    def rows(self):
        for name, samples in sorted(self.samples.items()):
            windows = [[] for _ in range(WINDOWS)]
            for at, value in samples:
                windows[min(WINDOWS - 1, int(WINDOWS * at / self.seconds))].append(value)
            medians = [statistics.median(window) for window in windows[WARM:] if window]
            yield name, medians


def load(world, figures, rate, dice):
    """Runs at an even rate, each kind by its weight; how long each answer took is a figure."""
    client, kinds = world.client(), [kind for kind in KINDS if kind.lines is not None]
    due = time.monotonic()
    while not figures.over():
        kind = dice.choices(kinds, [kind.weight for kind in kinds])[0]
        begin = time.monotonic()
        run, _ = client.call("POST", f"/pipelines/{kind.name}/runs", {})
        figures.add("submit, ms", 1000 * (time.monotonic() - begin))
        begin = time.monotonic()
        client.get("/runs?limit=50")
        figures.add("list of 50 runs, ms", 1000 * (time.monotonic() - begin))
        begin = time.monotonic()
        client.get(f"/runs/{run['id']}/log")
        figures.add("log, ms", 1000 * (time.monotonic() - begin))
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0, due - time.monotonic()))


def collect(world, figures):
    client = world.client()
    while not figures.over():
        time.sleep(COLLECT_EVERY)
        client.call("POST", "/system/gc")


def measure(world, figures):
    """Once a second: memory by share, descriptors, files."""
    client = world.client()
    while not figures.over():
        for name, pid in (("server", world.process.pid), ("supervisor", world.supervisor())):
            figures.add(f"memory of the {name}, MB", memory(pid) / 1e6)
            figures.add(f"descriptors of the {name}", len(os.listdir(f"/proc/{pid}/fd")))
        files, size = usage(world.data)
        figures.add("data folder, MB", size / 1e6)
        figures.add("data folder, files", files)
        figures.add("open runs", sum(client.get("/system")["runs"].values()))
        time.sleep(1)


def memory(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def usage(folder):
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_blocks * 512
                files += 1
            except OSError:
                continue
    return files, size


def judge(name, medians):
    """The end against the start. Where windows differ by more than 5 % without a direction, that is what can be seen at all."""
    first, last = medians[0], medians[-1]
    steps = [abs(b - a) for a, b in zip(medians, medians[1:])]
    noise = statistics.median(steps) / first if first else 0.0
    ratio = last / first if first else 1.0
    holds = ratio <= max(BAR, 1 + 2 * noise)
    return {"name": name, "value": last, "unit": "", "limit": first, "ratio": ratio, "bar": BAR, "noise": noise, "holds": holds, "windows": medians}


def soak(world, given):
    world.launch()
    problem = world.wait_ready()
    if problem:
        sys.exit(problem)
    figures, failures = Figures(60 * given.minutes), []

    def guarded(work, *args):
        try:
            work(world, figures, *args)
        except (Refused, OSError, http.client.HTTPException) as error:
            failures.append(f"{work.__name__}: {error!r}")

    work = [(collect,), (measure,)]
    work += [(load, given.rate / SUBMITTERS, random.Random(number)) for number in range(SUBMITTERS)]
    threads = [threading.Thread(target=guarded, args=args) for args in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [judge(name, medians) for name, medians in figures.rows()], failures, len(figures.samples.get("submit, ms", ()))


def show(database, rows, failures, runs, minutes):
    print(f"\n{database}: {runs:,} runs in {minutes:g} min, the first {10 * WARM} % left out")
    print(f"{'median over a window':34} {'start':>10} {'end':>10} {'ratio':>7} {'noise':>7}")
    for row in rows:
        verdict = "" if row["holds"] else "  GROWN"
        print(f"{row['name']:34} {row['limit']:>10.2f} {row['value']:>10.2f} {row['ratio']:>7.3f} {row['noise']:>7.3f}{verdict}")
    for failure in failures:
        print(f"FAILED: {failure}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", help="the rigi binary; the release build unless told")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20, help="runs per second")
    given = parser.parse_args()
    binary, (cluster, url) = binary_of(given.binary), (None, None)
    try:
        if given.database == "postgres":
            cluster, url = cluster_start()
        world = World(binary, url, settings=RETENTION)
        # A file of its own: its pages are shared with nobody else's server, whose coming and going would look like growth.
        world.binary = shutil.copy2(binary, world.folder / "rigi")
        try:
            rows, failures, runs = soak(world, given)
        finally:
            world.remove()
    finally:
        if cluster:
            cluster_stop(cluster)
    show(given.database, rows, failures, runs, given.minutes)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"database": given.database, "minutes": given.minutes, "runs": runs, "failures": failures, "figures": rows}, indent=2) + "\n")
    sys.exit(1 if failures or not all(row["holds"] for row in rows) else 0)


if __name__ == "__main__":
    main()
