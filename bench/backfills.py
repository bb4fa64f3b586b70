#!/usr/bin/env python3
"""Measures backfills: a look at 10,000 due times, making and ending one, and whether each due time has one run while the server is killed.

    bench/backfills.py BINARY [NAME…]     NAME: many, kills        KILLS=20 TIMES=2000

Prints one line a figure, with its bar. Ends with 1 if one is missed that does not depend on the machine.
"""

import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
from flows import call  # noqa: E402
from schedules import FAILED, Server, figure  # noqa: E402

MINUTE = {"schedules": [{"id": "each", "interval": "1m", "enabled": False}], "timeout": "1h"}


def took(what):
    begun = time.monotonic()
    answer = what()
    return (time.monotonic() - begun) * 1000, answer


def body(times, **more):
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + 60 * times))
    return {"pipeline": "etl", "schedule": "each", "from": "2026-01-01", "to": end} | more


def many(binary):
    with tempfile.TemporaryDirectory() as root:
        server = Server(binary, root)
        server.pipelines({"etl": MINUTE | {"command": ["/bin/sleep", "1000"]}})
        server.up()
        look, answer = took(lambda: call(server, "POST", "/backfills/preview", body(10_000)))
        figure("a look at due times, ms", f"{look:.0f} of {answer['count']}", "50")
        make, made = took(lambda: call(server, "POST", "/backfills", body(10_000, parallel=4)))
        figure("one of 10,000 is accepted, ms", f"{make:.0f}", "1,000")
        time.sleep(1)
        path = f"/backfills/{made['id']}"
        figure("so many run at a time", call(server, "GET", path)["counts"], "4 of them")
        end, ended = took(lambda: call(server, "POST", f"{path}/cancel"))
        figure("it is ended, ms", f"{end:.0f}, {ended['state']}", "1,000")
        server.kill()


def kills(binary):
    times, wanted = int(os.environ.get("TIMES", "2000")), int(os.environ.get("KILLS", "20"))
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as root:
        server = Server(binary, root)
        server.pipelines({"etl": MINUTE | {"command": ["/bin/true"]}})
        server.up()
        made = call(server, "POST", "/backfills", body(times, parallel=16))
        for _ in range(wanted):
            time.sleep(dice.uniform(0.05, 0.3))
            server.kill()
            server.up()
        until = time.monotonic() + 120
        while call(server, "GET", f"/backfills/{made['id']}")["state"] != "done" and time.monotonic() < until:
            time.sleep(0.2)
        server.stop()
        [(of, runs)] = server.rows("SELECT COUNT(*), COUNT(DISTINCT run) FROM backfill_times WHERE state = 'run'")
        [(all_runs,)] = server.rows("SELECT COUNT(*) FROM runs")
        figure(f"due times with a run, after {wanted} kills", f"{of} of {times}", "all", of == runs == times)
        figure("runs beside", all_runs - times, "0", all_runs == times)


if __name__ == "__main__":
    for name in sys.argv[2:] or ["many", "kills"]:
        {"many": many, "kills": kills}[name](sys.argv[1])
    sys.exit(1 if FAILED else 0)
