#!/usr/bin/env python3
"""Measures flows: whether each item has one run and each end one follower while the server is killed, and what items cost.

    bench/flows.py BINARY [NAME…]     NAME: kills, items        KILLS=200, ITEMS=10000 for more of them

Prints one line a figure, with its bar. Ends with 1 if one is missed that does not depend on the machine.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
import urllib.request

from schedules import FAILED, Server, figure

ENDED = "('succeeded', 'failed', 'cancelled', 'timed_out')"


def call(server, method, path, body=None):
    found = json.loads((server.data / "server.json").read_text())
    request = urllib.request.Request(
        found["url"].rstrip("/") + "/api/v1" + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {found['token']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


FLOW = {
    "steps": {
        "list": {"command": ["/bin/true"]},
        "each": {
            "needs": ["list"],
            "for_each": list(range(20)),
            "parallel": 6,
            "command": ["/bin/sleep", "0.05"],
        },
        "breaks": {"command": ["/bin/false"], "optional": True},
        "mend": {"needs": ["breaks"], "run_if": "failed", "command": ["/bin/true"]},
        "gather": {"needs": ["each", "mend"], "inputs": ["each"], "command": ["/bin/true"]},
        "skipped": {"needs": ["breaks"], "command": ["/bin/true"]},
        "inner": {"needs": ["list"], "pipeline": "inner"},
    },
    "downstream_triggers": [{"pipeline": "after"}],
}
RUNS_OF_ONE = 1 + 20 + 1 + 1 + 1 + 1
INNER = {"steps": {"a": {"command": ["/bin/true"]}, "b": {"needs": ["a"], "command": ["/bin/true"]}}}


def write(server, specs):
    for name, spec in specs.items():
        folder = server.root / "pipelines" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pipeline.yaml").write_text(json.dumps(spec))


def kills(binary, root):
    """Whenever the server dies, each flow ends as it must, each item has one run, and each end one follower."""
    server, count = Server(binary, root), int(os.environ.get("KILLS", "30"))
    write(server, {"flow": FLOW, "inner": INNER, "after": {"command": ["/bin/true"]}})
    dice, asked = random.Random(1), 0
    server.up()
    for _ in range(count):
        try:
            asked += len(call(server, "POST", "/runs", {"runs": [{"pipeline": "flow", "count": 2}]})["ids"])
        except OSError as error:
            print(f"a submission was not answered: {error}", file=sys.stderr)
        time.sleep(dice.uniform(0.1, 1.0))
        server.kill()
        server.up()
    until = time.monotonic() + 120 + count * 4
    top = f"SELECT COUNT(*) FROM runs WHERE parent IS NULL AND pipeline = 'flow' AND state NOT IN {ENDED}"
    rest = "SELECT COUNT(*) FROM follow_ups"
    while (server.rows(top)[0][0] or server.rows(rest)[0][0]) and time.monotonic() < until:
        time.sleep(0.3)
    time.sleep(2)
    server.stop()
    flows = dict(server.rows("SELECT state, COUNT(*) FROM runs WHERE parent IS NULL AND pipeline = 'flow' GROUP BY state"))
    steps = server.rows(
        "SELECT f.id, COUNT(r.id), COUNT(DISTINCT r.step || '/' || COALESCE(r.item, '')) FROM runs f LEFT JOIN runs r ON r.parent = f.id "
        "WHERE f.parent IS NULL AND f.pipeline = 'flow' GROUP BY f.id"
    )
    twice = sum(runs - places for _, runs, places in steps)
    lacking = sum(1 for _, _, places in steps if places != RUNS_OF_ONE)
    total = len(steps)
    [(after,)] = server.rows("SELECT COUNT(*) FROM runs WHERE pipeline = 'after'")
    [(linked,)] = server.rows("SELECT COUNT(DISTINCT parent) FROM run_links")
    figure("flows", f"{total} of {asked} that were answered, {count} kills", "all", total >= asked)
    figure("flows that succeeded", flows.get("succeeded", 0), f"all {total}", flows == {"succeeded": total})
    figure("flows that lack a run of a step", lacking, "0", lacking == 0)
    figure("runs of the same item", twice, "0", twice == 0)
    figure("ends without a follower", total - linked, "0", total == linked)
    figure("followers beside", after - linked, "0", after == linked)


def items(binary, root):
    """What items of a step take, beside as many plain runs."""
    server, count = Server(binary, root), int(os.environ.get("ITEMS", "2000"))
    plain = {"command": ["/bin/true"]}
    fan = {"steps": {"each": {"for_each": list(range(count)), "command": ["/bin/true"]}}}
    write(server, {"plain": plain, "fan": fan})
    server.up()

    def took(body, query, wanted):
        begun = time.monotonic()
        call(server, "POST", "/runs", body)
        while server.rows(query)[0][0] < wanted:
            time.sleep(0.05)
        return time.monotonic() - begun

    of = f"SELECT COUNT(*) FROM runs WHERE pipeline = '{{}}' AND parent IS NULL AND state IN {ENDED}"
    took({"runs": [{"pipeline": "plain", "count": 200}]}, of.format("plain"), 200)
    memory = server.measured()[1]
    plain_s = took({"runs": [{"pipeline": "plain", "count": count}]}, of.format("plain"), 200 + count)
    between = server.measured()[1]
    fan_s = took({"runs": [{"pipeline": "fan"}]}, of.format("fan"), 1)
    after = server.measured()[1]
    run = call(server, "GET", "/runs?pipeline=fan")["items"][0]["id"]
    begun = time.monotonic()
    shown = json.dumps(call(server, "GET", f"/runs/{run}/steps"))
    answered = (time.monotonic() - begun) * 1000
    server.stop()
    ratio = fan_s / plain_s
    figure(f"{count} items against plain runs", f"{fan_s:.2f} s / {plain_s:.2f} s = {ratio:.2f}", "1.3", ratio <= 1.3)
    grown = f"{(between - memory) / 2**20:.0f}, then {(after - between) / 2**20:.0f} MiB"
    figure("memory beyond before: plain, items", grown, "30 MiB")
    figure("the steps of it, KiB and ms", f"{len(shown) / 1024:.1f}, {answered:.0f}", "100 KiB", len(shown) < 100 * 1024)


def main():
    binary, names = os.path.abspath(sys.argv[1]), sys.argv[2:] or ["kills", "items"]
    for name in names:
        root = tempfile.mkdtemp(prefix="rigi-flows-")
        try:
            {"kills": kills, "items": items}[name](binary, root)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    if FAILED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
