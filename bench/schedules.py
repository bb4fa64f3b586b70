#!/usr/bin/env python3
"""Measures schedules: whether each due time has one run while the server is killed, how late runs start, what many cost.

    bench/schedules.py BINARY [NAME…]     NAME: kills, late, many        KILLS=200 for more of them

Prints one line a figure, with its bar. Ends with 1 if one is missed that does not depend on the machine.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAILED = []


class Server:
    def __init__(self, binary, root):
        self.binary, self.root, self.data = binary, Path(root), Path(root) / "data"
        self.process = None
        # Of the surroundings, what a server gets beside what every program does.
        self.keeps = ()

    def pipelines(self, specs):
        for name, spec in specs.items():
            folder = self.root / "pipelines" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "pipeline.yaml").write_text(json.dumps({"command": ["/bin/true"]} | spec))

    def up(self):
        own = {k: v for k, v in os.environ.items() if not k.startswith("RIGI_") or k in self.keeps}
        args = [self.binary, "up", str(self.root / "pipelines"), "--data", str(self.data), "--port", "0"]
        with open(self.root / "log", "a") as log:
            self.process = subprocess.Popen(args, env=own, stdout=subprocess.PIPE, stderr=log, text=True)
        begun = time.monotonic()
        line = self.process.stdout.readline()
        if " is ready in " not in line:
            raise SystemExit(f"the server does not start: {line}{(self.root / 'log').read_text()[-2000:]}")
        return time.monotonic() - begun

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.data}/rigi.db?mode=ro", uri=True, timeout=20) as database:
            return database.execute(sql).fetchall()

    def measured(self):
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = int(stat[11]) + int(stat[12])
        rss = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return ticks / os.sysconf("SC_CLK_TCK"), rss


def figure(name, value, bar, good=None):
    print(f"{name}: {value} (bar {bar}){'' if good is None else '  ok' if good else '  MISSED'}", flush=True)
    if good is False:
        FAILED.append(name)


def kills(binary, root):
    """Every second of every schedule has one run, however often the server dies."""
    server, count = Server(binary, root), int(os.environ.get("KILLS", "50"))
    entry = {"interval": "1s", "overlap": "allow", "catch_up": "all(1000)"}
    server.pipelines({f"p{n}": {"schedules": [entry | {"id": f"s{m}"} for m in range(3)]} for n in range(7)})
    dice = random.Random(1)
    server.up()
    for _ in range(count):
        time.sleep(dice.uniform(0.2, 1.2))
        server.kill()
        server.up()
    time.sleep(5)
    server.stop()
    lost = twice = total = 0
    for pipeline, schedule, first, last, fires, runs in server.rows(
        "SELECT pipeline, schedule, MIN(due), MAX(due), COUNT(*), COUNT(DISTINCT run) FROM fires GROUP BY pipeline, schedule"
    ):
        due = (last - first) // 1_000_000 + 1
        lost, twice, total = lost + due - fires, twice + fires - runs, total + due
    schedules = server.rows("SELECT COUNT(*) FROM (SELECT DISTINCT pipeline, schedule FROM fires)")[0][0]
    [(made,)] = server.rows("SELECT COUNT(*) FROM runs WHERE trigger_kind = 'schedule'")
    [(noted,)] = server.rows("SELECT COUNT(*) FROM fires WHERE outcome = 'run'")
    # The last second may have its run and not yet its row.
    figure("due times", f"{total} of {schedules} schedules, {count} kills", "all 21", schedules == 21)
    figure("due times without an outcome", lost, "0", lost == 0)
    figure("runs of the same due time", twice, "0", twice == 0)
    figure("runs that no due time has", made - noted, f"at most {schedules}", 0 <= made - noted <= schedules)


def lateness(server, pipeline):
    rows = server.rows(
        f"SELECT r.created_at - f.due FROM fires f JOIN runs r ON r.id = f.run WHERE f.pipeline = '{pipeline}' ORDER BY 1"
    )
    late = [row[0] / 1000 for row in rows]
    return late[len(late) // 2], late[min(len(late) - 1, int(len(late) * 0.99))], len(late)


def late(binary, root):
    server = Server(binary, root)
    server.pipelines({"idle": {"schedule": {"interval": "1s", "overlap": "allow"}}})
    server.up()
    time.sleep(25)
    middle, worst, count = lateness(server, "idle")
    server.stop()
    figure("a run is accepted after its due time, ms", f"p50 {middle:.1f}, p99 {worst:.1f} of {count}", "p99 50")


def many(binary, root):
    server = Server(binary, root)
    server.pipelines({"idle": {"schedule": {"interval": "1s", "overlap": "allow"}}})
    server.up()
    time.sleep(2)
    before = server.measured()[1]
    server.stop()
    entries = [{"id": f"s{n}", "cron": f"{n % 60} {n % 24} 1 {1 + n % 12} *", "timezone": "Europe/Zurich"} for n in range(500)]
    total = int(os.environ.get("SCHEDULES", "100000"))
    server.pipelines({f"p{n}": {"schedules": entries} for n in range(total // 500)})
    ready = server.up()
    wanted = time.monotonic() + 300
    while server.rows("SELECT COUNT(*) FROM schedules")[0][0] < total and time.monotonic() < wanted:
        time.sleep(0.5)
    known = server.rows("SELECT COUNT(*) FROM schedules")[0][0]
    server.stop()
    ready = server.up()
    time.sleep(5)
    cpu, rss = server.measured()
    time.sleep(20)
    after, _ = server.measured()
    middle, worst, count = lateness(server, "idle")
    server.stop()
    figure("schedules", known, str(total), known >= total)
    figure("ready with all of them, s", f"{ready:.2f}", "none")
    figure("memory of one, bytes", f"{(rss - before) / total:.0f}", "none")
    figure("cpu with one start a second, %", f"{(after - cpu) / 20 * 100:.2f}", "none")
    figure("a run is accepted after its due time, ms", f"p50 {middle:.1f}, p99 {worst:.1f} of {count}", "p99 250")


def main():
    binary, names = os.path.abspath(sys.argv[1]), sys.argv[2:] or ["kills", "late", "many"]
    for name in names:
        root = tempfile.mkdtemp(prefix="rigi-schedules-")
        print(f"-- {name}", flush=True)
        try:
            {"kills": kills, "late": late, "many": many}[name](binary, root)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
