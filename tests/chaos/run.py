#!/usr/bin/env python3
"""Kills server and supervisor again and again under load, and checks that no accepted answer was broken.

    tests/chaos/run.py [--binary PATH] [--database sqlite|postgres] [--kills N] [--supervisor-kills N] [--seed S] [--rate R]

Prints what must be 0, writes target/reports/chaos.json, and exits with 1 on a breach.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import leftovers  # noqa: E402
import report  # noqa: E402
from binary import binary_of  # noqa: E402
from checker import Checker, Findings  # noqa: E402
from killer import Killer  # noqa: E402
from load import Load  # noqa: E402
from stream import Follower  # noqa: E402
from world import World, cluster_start, cluster_stop  # noqa: E402

# Waiting runs, three retries by infrastructure's fault with their delays, a grace period: then nothing may be open.
DRAIN = 120


def storm(world, database, given):
    """One storm on one database; returns its entry of the report."""
    findings, begin = Findings(), time.monotonic()
    load = Load(world, f"{given.seed}-{database}", given.rate)
    killer = Killer(world, load.moments, f"{given.seed}-{database}", given.kills, given.supervisor_kills, given.gap)
    killer.restart()
    if not killer.starts:
        sys.exit(f"the server does not start: {killer.failed_starts[0]}")
    follower = Follower(world)
    follower.start()
    load.start()
    killer.storm(progress(database, given))
    stormed = time.monotonic() - begin
    findings.add_all("requests that failed", (f"{name} does not end" for name in load.stop()))
    checker = Checker(world, load.ledger, follower, findings)
    checker.drain(DRAIN)
    drained = time.monotonic() - begin - stormed
    # The last changes are told a moment after they are durable.
    leftovers.until(lambda: len(follower.ended) < len(load.ledger.runs), 5)
    runs = checker.check()
    follower.over.set()
    leftovers.check_running(world, findings)
    world.stop()
    orphans = leftovers.check_stopped(world, findings, (checker.artifacts | checker.code_hashes(), checker.logs))
    findings.add_all("starts that failed", killer.failed_starts)
    facts = [
        ("server killed", killer.done["server"], "times"),
        ("supervisor killed", killer.done["supervisor"], "times"),
        *((f"  {moment}", count, "times") for moment, count in sorted(killer.struck.items())),
        ("start after a kill, median", 1000 * sorted(killer.starts)[len(killer.starts) // 2], "ms"),
        ("start after a kill, longest", 1000 * max(killer.starts), "ms"),
        ("storm", stormed, "s"),
        ("load held back", load.held_back, "s"),
        ("until nothing was open", drained, "s"),
        ("runs accepted", len(load.ledger.runs), ""),
        ("runs per second", len(load.ledger.runs) / stormed, ""),
        ("answers cut off and asked for again", load.ledger.cut_off, ""),
        ("answers asked for twice", load.ledger.repeated, ""),
        ("runs there", runs, ""),
        *((f"  {state}", count, "") for state, count in sorted(checker.ends.items())),
        ("attempts", sum(checker.attempts.values()), ""),
        *((f"  {state}", count, "") for state, count in sorted(checker.attempts.items())),
        ("log lines", checker.lines, ""),
        ("event streams opened", follower.connections, ""),
        ("  told to read everything again", follower.resets, "times"),
        ("  ends told again after a cut", follower.again, ""),
        ("files without reference before gc", orphans, ""),
        ("all of it", time.monotonic() - begin, "s"),
    ]
    return report.entry(database, given.seed, facts, findings)


def tried(binary, database, given):
    """A storm on a database of its own."""
    cluster, url = cluster_start() if database == "postgres" else (None, None)
    world = World(binary, url)
    try:
        return storm(world, database, given)
    finally:
        if given.keep:
            print(f"left: {world.folder}")
        else:
            world.remove()
        if cluster:
            cluster_stop(cluster)


def progress(database, given):
    told = [time.monotonic()]

    def tell(done):
        if time.monotonic() - told[0] > 10:
            told[0] = time.monotonic()
            print(f"{database}: {done['server']} of {given.kills}, {done['supervisor']} of {given.supervisor_kills}", flush=True)

    return tell


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", help="the rigi binary; the release build unless told")
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="both unless told")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--supervisor-kills", type=int, default=200)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    parser.add_argument("--rate", type=float, default=50, help="runs per second")
    parser.add_argument("--gap", type=float, default=0.4, help="mean seconds between two kills")
    parser.add_argument("--keep", action="store_true", help="leave the folder there, to be looked at")
    given = parser.parse_args()
    sys.setswitchinterval(0.0005)
    binary, breaches = binary_of(given.binary), 0
    print(f"seed {given.seed}", flush=True)
    for database in given.database or ["sqlite", "postgres"]:
        entry = tried(binary, database, given)
        breaches += report.show(entry)
        report.keep(entry)
    print(f"{breaches} kinds of breach" if breaches else "no breach")
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
