#!/usr/bin/env python3
"""Servers of one PostgreSQL that take the lead by themselves (`server.seat = "auto"`): the one that leads is ended, killed and stopped
for a while, again and again under load, and another one leads.

    tests/chaos/seats.py [--binary PATH] [--rounds N] [--servers N] [--seed S]

RIGI_TEST_POSTGRES names the database. Prints how long nobody led, and what must be 0; exits with 1 on a breach.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

from binary import binary_of  # noqa: E402

from peer import Peer  # noqa: E402

TOKEN = os.urandom(32).hex()
# Seconds within which another one leads.
CLEAN, KILLED, SILENT = 1.0, 6.0, 9.0
STOPPED = 12


class Server(Peer):
    """One that leads when no other does. All have one token, so that each may ask another in its caller's name."""

    def __init__(self, world, name):
        super().__init__(world, name, {"RIGI_SERVER__SEAT": "auto", "RIGI_SECRETS__KEY": world.key})

    def prepare(self):
        (self.data / "token").write_text(TOKEN)

    def seat(self):
        try:
            return self.call("GET", "/system", timeout=2)["seat"]
        except (OSError, ValueError, KeyError):
            return None

    def leads(self):
        return self.seat() == "leader"


class World:
    def __init__(self, given):
        self.binary = binary_of(given.binary)
        self.root = Path(tempfile.mkdtemp(prefix="rigi-seats-"))
        self.key = os.urandom(32).hex()
        self.ran = self.root / "ran"
        self.ran.touch()
        (self.root / "files").mkdir()
        self.pipelines = self.root / "pipelines"
        for name, seconds in (("short", "0.0$((RANDOM % 5))"), ("long", "600")):
            (self.pipelines / name).mkdir(parents=True)
            script = f"echo $RIGI_RUN_ID >>{self.ran}; echo begun; sleep {seconds}; true"
            spec = {"command": ["bash", "-c", script], "retries": {"attempts": 5, "delay": "100ms"}}
            (self.pipelines / name / "pipeline.json").write_text(json.dumps(spec))
        self.database = f"{os.environ['RIGI_TEST_POSTGRES']}?schema=seats{os.urandom(4).hex()}"
        self.servers = [Server(self, f"server{number}") for number in range(given.servers)]
        self.lock, self.over = threading.Lock(), threading.Event()
        self.accepted, self.refused = set(), 0

    def client(self, number, seed):
        """Submits until it is over, each call with a key of its own that it repeats at any server until one answers."""
        chance, count = random.Random(f"{seed}-{number}"), 0
        while not self.over.is_set():
            count += 1
            body = {"runs": [{"pipeline": "short", "count": chance.randint(1, 3)}]}
            for _ in range(2000):
                try:
                    ids = chance.choice(self.servers).call("POST", "/runs", body, f"{number}-{count}", timeout=5)["ids"]
                    with self.lock:
                        self.accepted |= set(ids)
                    break
                except (OSError, ValueError, urllib.error.URLError):
                    self.refused += 1
                    time.sleep(0.05)
            time.sleep(chance.uniform(0, 0.1))

    def leader(self, before=None, within=20.0):
        """Who leads, and how long it took until one did."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            for server in self.servers:
                if server is not before and server.process.poll() is None and server.leads():
                    return server, time.monotonic() - began
            time.sleep(0.02)
        sys.exit(f"nobody leads within {within} s: {self.logs()}")

    def logs(self):
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in sorted(self.root.glob("*.log")))


def end(world, how):
    """Ends the one that leads; how long until another does."""
    leader, _ = world.leader()
    if how == "stopped":
        leader.process.send_signal(signal.SIGSTOP)
    elif how == "killed":
        leader.kill()
    else:
        leader.process.terminate()
        leader.process.wait()
    _, took = world.leader(before=leader)
    if how == "stopped":
        time.sleep(max(0.0, STOPPED - took))
        leader.process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 10
        while leader.seat() != "follower" and time.monotonic() < deadline:
            time.sleep(0.05)
    else:
        leader.start()
    return took


def tells(server, run):
    """Whether a server, which need not lead, says what a run has said that has not ended."""
    try:
        return server.call("GET", f"/runs/{run}/log")["lines"][0]["text"] == "begun"
    except (OSError, ValueError, LookupError):
        return False


def open_runs(world):
    leader, _ = world.leader()
    return leader.call("GET", "/runs?state=queued,starting,running,retrying&limit=100")["items"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    world = World(given)
    breaches = 0
    try:
        long = world.leader()[0].call("POST", "/runs", {"runs": [{"pipeline": "long"}]})["ids"][0]
        clients = [threading.Thread(target=world.client, args=(number, given.seed)) for number in range(3)]
        for client in clients:
            client.start()
        took = {"ended": [], "killed": [], "stopped": []}
        for _ in range(given.rounds):
            for how in took:
                took[how].append(end(world, how))
        world.over.set()
        for client in clients:
            client.join()
        for how, most in (("ended", CLEAN), ("killed", KILLED), ("stopped", SILENT)):
            slow = sum(seconds > most for seconds in took[how])
            print(f"{slow:8}  of {len(took[how])} {how}: no other within {most} s (longest {max(took[how]):.2f} s)")
            breaches += slow
        breaches += judged(world, long)
        deaf = told_to_end(world)
        print(f"{deaf:8}  servers that do not end when all are told to, while the last of them is to lead")
        breaches += deaf
    finally:
        for server in world.servers:
            server.kill()
        for server in world.servers:
            subprocess.run([world.binary, "down", "--cancel", "--data", str(server.data)], capture_output=True, check=False)
        if not breaches:
            shutil.rmtree(world.root, ignore_errors=True)
    print("no breach" if not breaches else f"{breaches} breaches; {world.root} is kept")
    sys.exit(1 if breaches else 0)


def told_to_end(world):
    """Ends all, the one that leads first: the next has just begun to lead when it is told."""
    for server in sorted(world.servers, key=lambda server: not server.leads()):
        server.process.terminate()
        time.sleep(random.uniform(0, 0.5))
    deaf = 0
    for server in world.servers:
        try:
            server.process.wait(15)
        except subprocess.TimeoutExpired:
            deaf += 1
    return deaf


def judged(world, long):
    deadline = time.monotonic() + 40
    while [run for run in open_runs(world) if run["id"] != long] and time.monotonic() < deadline:
        time.sleep(0.2)
    leader, _ = world.leader()
    states = {}
    for run in sorted(world.accepted):
        states.setdefault(leader.call("GET", f"/runs/{run}")["state"], []).append(run)
    attempts = [line.split()[0] for line in world.ran.read_text().split("\n") if line]
    # Its attempts on machines that lead no more have been ended.
    running = leader.call("GET", f"/runs/{long}")["state"] == "running"
    alive = subprocess.run(["pgrep", "-fc", f"{world.ran}; echo begun; sleep 600; true"], capture_output=True, text=True, check=False).stdout.strip()
    told = {
        "not ended": sum(len(states.get(state, [])) for state in ("queued", "starting", "running", "retrying")),
        "not there": len(world.accepted) - sum(map(len, states.values())),
        "failed": len(states.get("failed", [])),
        "never ran": len(set(states.get("succeeded", [])) - set(attempts)),
        "processes of the long run, more or less than it has": abs(int(alive or 0) - running),
        "servers that do not tell the log of what runs": sum(not tells(server, long) for server in world.servers) if running else 0,
        "servers that lead, but one": abs(sum(server.leads() for server in world.servers) - 1),
    }
    print(f"{len(world.accepted)} runs, {world.refused} calls asked again; the long run was begun {attempts.count(long)} times")
    for what, count in told.items():
        print(f"{count:8}  {what}")
    return sum(told.values())


if __name__ == "__main__":
    main()
