#!/usr/bin/env python3
"""Kills servers of one PostgreSQL, the one that leads and those that follow, again and again under load: what any of them has
accepted runs once, and what was asked to stop stops.

    tests/chaos/servers.py [--binary PATH] [--seconds N] [--followers N] [--seed S]

RIGI_TEST_POSTGRES names the database. Prints what must be 0, and exits with 1 on a breach.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import urllib.error
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

from binary import binary_of  # noqa: E402

from peer import Peer  # noqa: E402

CLIENTS = 6
STUCK = 20
OPEN = {"queued", "starting", "running", "retrying"}


class Server(Peer):
    """One whose seat is set."""

    def __init__(self, world, name, seat):
        self.seat = seat
        super().__init__(world, name, {"RIGI_SERVER__SEAT": seat, "RIGI_LIMITS__RUNS": "8"})

    def prepare(self):
        if self.seat == "follower":
            shutil.copy(self.world.root / "leader" / "secret.key", self.data / "secret.key")


class World:
    def __init__(self, given):
        self.binary = binary_of(given.binary)
        self.root = Path(tempfile.mkdtemp(prefix="rigi-servers-"))
        self.ran = self.root / "ran"
        self.ran.touch()
        (self.root / "files").mkdir()
        self.pipelines = self.root / "pipelines"
        (self.pipelines / "short").mkdir(parents=True)
        # What a run writes here says how often it ran.
        script = f"echo $RIGI_RUN_ID >>{self.ran}; sleep 0.0$((RANDOM % 5))"
        spec = {"command": ["bash", "-c", script], "retries": {"attempts": 0}}
        (self.pipelines / "short" / "pipeline.json").write_text(json.dumps(spec))
        self.database = f"{os.environ['RIGI_TEST_POSTGRES']}?schema=servers{os.urandom(4).hex()}"
        self.servers = {"leader": Server(self, "leader", "leader")}
        for number in range(given.followers):
            name = f"follower{number}"
            self.servers[name] = Server(self, name, "follower")
        self.followers = [name for name in self.servers if name != "leader"]
        self.lock, self.over = threading.Lock(), threading.Event()
        self.accepted, self.cancelled, self.refused = set(), set(), 0

    def client(self, number, seed):
        """Submits until it is over, each call with a key of its own that it repeats at any server until one answers."""
        chance, count = random.Random(f"{seed}-{number}"), 0
        while not self.over.is_set():
            count += 1
            body = {"runs": [{"pipeline": "short", "count": chance.randint(1, 5)}]}
            ids = self.until_answered(lambda server: server.call("POST", "/runs", body, f"{number}-{count}")["ids"], chance, list(self.servers))
            with self.lock:
                self.accepted |= set(ids or [])
            # About as many as can be run meanwhile.
            time.sleep(chance.uniform(0, 0.1))
            if ids and chance.random() < 0.1:
                # It may be heard though its answer is lost.
                with self.lock:
                    self.cancelled |= set(ids)
                self.until_answered(lambda server: server.call("POST", "/runs/cancel", {"ids": ids}), chance, self.followers)

    def until_answered(self, ask, chance, names):
        for _ in range(2000):
            try:
                return ask(self.servers[chance.choice(names)])
            except (OSError, ValueError, urllib.error.URLError):
                self.refused += 1
                if self.over.is_set():
                    return None
                time.sleep(0.05)
        return None

    def storm(self, given):
        clients = [threading.Thread(target=self.client, args=(number, given.seed)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        chance, kills = random.Random(given.seed), dict.fromkeys(self.servers, 0)
        until = time.monotonic() + given.seconds
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.2, 1.2))
            name = chance.choice(["leader", *self.servers])
            self.servers[name].kill()
            kills[name] += 1
            time.sleep(chance.uniform(0, 0.4))
            self.servers[name].start()
        self.over.set()
        for client in clients:
            client.join()
        return kills

    def runs(self):
        found, cursor = [], ""
        while True:
            page = self.servers[self.followers[0]].call("GET", f"/runs?limit=500{cursor}")
            found += page["items"]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def drained(self):
        """All runs, when none is open any more, or when for so long none has ended."""
        least, since = None, time.monotonic()
        while True:
            runs = self.runs()
            left = sum(run["state"] in OPEN for run in runs)
            if least is None or left < least:
                least, since = left, time.monotonic()
            if left == 0 or time.monotonic() - since > STUCK:
                return runs
            time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--followers", type=int, default=2)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    world = World(given)
    try:
        kills = world.storm(given)
        runs = world.drained()
        ran = world.ran.read_text().split()
        ids = {run["id"] for run in runs}
        ends = {run["id"]: run["state"] for run in runs}
        zeros = {
            "accepted and not there": len(world.accepted - ids),
            "there and not accepted, once nobody asks": max(0, len(ids - world.accepted) - 5 * CLIENTS),
            "not ended": sum(state in OPEN for state in ends.values()),
            "ran twice": len(ran) - len(set(ran)),
            "succeeded and never ran": sum(state == "succeeded" for state in ends.values()) - sum(ends.get(run) == "succeeded" for run in set(ran)),
            "failed": sum(state not in ("succeeded", "cancelled", *OPEN) for state in ends.values()),
            "cancelled though nobody asked": sum(state == "cancelled" and run not in world.cancelled for run, state in ends.items() if run in world.accepted),
        }
        print(f"kills: {', '.join(f'{name} {count}' for name, count in kills.items())}; {len(runs)} runs, {world.refused} calls asked again")
        for name, count in zeros.items():
            print(f"  {count:>6}  {name}")
        broken = any(zeros.values())
        print("a promise was broken" if broken else "no breach")
        sys.exit(int(broken))
    finally:
        for server in world.servers.values():
            server.process.terminate()
            server.process.wait()
        shutil.rmtree(world.root, ignore_errors=True)


if __name__ == "__main__":
    main()
