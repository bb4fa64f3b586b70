#!/usr/bin/env python3
"""Several servers, files, sensors and chains while servers are killed: nothing is lost, nothing is done twice.

    bench/together.py BINARY [NAME…]     NAME: due, events      KILLS=200 SCHEDULES=1000 FILES=2000

`due`: one that leads and one that follows on one PostgreSQL, and a thousand schedules that are a thousand seconds late: each due time has one outcome.
`events`: files that come, a sensor and pipelines that wait for two others, on one server that is killed.
Prints one line a figure, with its bar. Ends with 1 if one is missed that does not depend on the machine.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))
from schedules import FAILED, Server, figure  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
LATE = 1000


def psql(url, sql):
    out = subprocess.run(["psql", url, "-AtF,", "-c", sql], check=True, capture_output=True, text=True).stdout
    return [line.split(",") for line in out.splitlines()]


def due(binary, root):
    kills, schedules = int(os.environ.get("KILLS", "20")), int(os.environ.get("SCHEDULES", "1000"))
    folder, url = subprocess.run(["bash", ROOT / "tests/postgres.sh", "start"], check=True, capture_output=True, text=True).stdout.split()
    os.environ["RIGI_DATABASE__URL"] = url
    os.environ["RIGI_STORAGE__URL"] = str(Path(root) / "stored")
    servers = []
    try:
        entry = {"interval": "1s", "catch_up": "latest", "overlap": "skip"}
        for name in ("one", "other"):
            server = Server(binary, Path(root) / name)
            server.keeps = ("RIGI_DATABASE__URL", "RIGI_STORAGE__URL", "RIGI_SERVER__SEAT")
            server.pipelines({f"p{n}": {"schedules": [entry | {"id": f"s{m}"} for m in range(50)]} for n in range(schedules // 50)})
            servers.append(server)
        servers[0].up()
        until = time.monotonic() + 120
        while int(psql(url, "SELECT COUNT(*) FROM schedules")[0][0]) < schedules and time.monotonic() < until:
            time.sleep(0.2)
        servers[0].stop()
        # What was seen and fired up to now counts as not: each is so late.
        psql(url, "DELETE FROM fires")
        psql(url, f"UPDATE schedules SET since = since - {LATE}000000")
        dice = random.Random(1)
        servers[1].data.mkdir(parents=True)
        shutil.copy(servers[0].data / "secret.key", servers[1].data / "secret.key")
        for index in [0, 1, *(one % 2 for one in range(kills))]:
            os.environ["RIGI_SERVER__SEAT"] = ("leader", "follower")[index]
            server = servers[index]
            if server.process and server.process.poll() is None:
                time.sleep(dice.uniform(0.3, 1.5))
                server.kill()
            server.up()
        until = time.monotonic() + 600
        late = "SELECT COUNT(*) FROM (SELECT pipeline, id FROM schedules EXCEPT SELECT pipeline, schedule FROM fires GROUP BY 1, 2 HAVING MAX(due) > (EXTRACT(EPOCH FROM now()) - 30) * 1000000) AS missing"
        while int(psql(url, late)[0][0]) and time.monotonic() < until:
            time.sleep(1)
        for server in servers:
            server.stop()
        [[total, lost]] = psql(
            url,
            "SELECT SUM(due), SUM(due - fires) FROM (SELECT (MAX(due) - MIN(due)) / 1000000 + 1 AS due, COUNT(*) AS fires, "
            "COUNT(DISTINCT run) AS runs FROM fires GROUP BY pipeline, schedule) AS each",
        )
        [[same]] = psql(url, "SELECT COUNT(*) FROM (SELECT run FROM fires WHERE run IS NOT NULL GROUP BY run HAVING COUNT(*) > 1) AS same")
        [[made]] = psql(url, "SELECT COUNT(*) FROM runs WHERE trigger_kind = 'schedule'")
        [[noted]] = psql(url, "SELECT COUNT(*) FROM fires WHERE outcome = 'run'")
        figure(f"due times of {schedules} schedules, two servers, {kills} kills", total, f"{schedules * LATE}", int(total) >= schedules * LATE)
        figure("due times without an outcome", lost, "0", int(lost) == 0)
        figure("runs of two due times", same, "0", int(same) == 0)
        figure("runs that no due time has", int(made) - int(noted), f"at most {schedules}", 0 <= int(made) - int(noted) <= schedules)
    finally:
        for server in servers:
            if server.process and server.process.poll() is None:
                server.kill()
        subprocess.run(["bash", ROOT / "tests/postgres.sh", "stop", folder], check=False)


def events(binary, root):
    kills, files = int(os.environ.get("KILLS", "20")), int(os.environ.get("FILES", "2000"))
    inbox = Path(root).resolve() / "inbox"
    inbox.mkdir()
    server = Server(binary, Path(root) / "server")
    counting = 'n=${RIGI_CURSOR:-0}; for i in 1 2 3 4 5; do n=$((n+1)); echo "{\\"id\\": \\"$n\\"}"; done; echo "{\\"cursor\\": $n}"'
    server.pipelines(
        {
            "each": {
                "inputs": {"file": {"required": False}},
                "parameters": {"name": {"type": "string"}},
                "triggers": [{"id": "in", "files": f"{inbox}/*.txt", "interval": "1s", "settle": "0s", "existing": "start", "input": "file", "parameters": {"name": "${file.name}"}}],
            },
            "batch": {"triggers": [{"id": "in", "files": f"{inbox}/*.txt", "interval": "1s", "settle": "0s", "existing": "start", "each": "batch"}]},
            "left": {"schedule": {"interval": "1s", "overlap": "allow", "catch_up": "all(1000)"}},
            "right": {"schedule": {"interval": "1s", "overlap": "allow", "catch_up": "all(1000)"}},
            "both": {"parameters": {"due": {"type": "string"}}, "triggers": [{"id": "j", "after": ["left", "right"], "key": "${run.due}", "parameters": {"due": "${key}"}}]},
            "count": {"command": ["/bin/sh", "-c", counting], "schedule": {"interval": "1s", "overlap": "skip"}},
            "told": {"parameters": {"n": {"type": "string"}}, "triggers": [{"id": "t", "sensor": "count", "parameters": {"n": "${id}"}}]},
        }
    )
    dice = random.Random(1)
    server.up()
    for number in range(files):
        draft = inbox / f".{number}"
        draft.write_text(str(number))
        draft.rename(inbox / f"{number}.txt")
        if number % (files // kills) == files // kills - 1:
            time.sleep(dice.uniform(0.1, 0.8))
            server.kill()
            server.up()
    until = time.monotonic() + 180
    seen = "SELECT COUNT(*) FROM trigger_events WHERE pipeline = '{}' AND outcome = 'run'"
    while time.monotonic() < until and any(server.rows(seen.format(name))[0][0] < files for name in ("each", "batch")):
        time.sleep(0.5)
    # What is due, and what follows from it, comes to its end.
    for name in ("left", "right", "count"):
        subprocess.run([binary, "--data", server.data, "schedules", "pause", f"{name}/default"], check=False, capture_output=True)
    left = "SELECT COUNT(*) FROM runs WHERE ended_at IS NULL UNION ALL SELECT COUNT(*) FROM follow_ups"
    while time.monotonic() < until and any(row[0] for row in server.rows(left)):
        time.sleep(0.5)
    time.sleep(1)
    server.stop()
    count = lambda sql: server.rows(sql)[0][0]  # noqa: E731
    of_each = count("SELECT COUNT(DISTINCT parameters) FROM runs WHERE pipeline = 'each'")
    made = count("SELECT COUNT(*) FROM runs WHERE pipeline = 'each'")
    figure(f"files with a run each, after {kills} kills", f"{of_each} of {files}, {made} runs", "all, once", of_each == made == files)
    batched = count("SELECT COUNT(*) FROM trigger_events WHERE pipeline = 'batch' AND outcome = 'run'")
    batches, runs = count("SELECT COUNT(DISTINCT run) FROM trigger_events WHERE pipeline = 'batch'"), count("SELECT COUNT(*) FROM runs WHERE pipeline = 'batch'")
    figure("files in a batch each", f"{batched} of {files} in {batches} batches, {runs} runs", "all, once", batched == files and batches == runs)
    due = [
        {row[0] for row in server.rows(f"SELECT json_extract(env, '$.RIGI_DUE') FROM runs WHERE pipeline = '{name}' AND state = 'succeeded'")}
        for name in ("left", "right")
    ]
    joined = [row[0] for row in server.rows("SELECT json_extract(parameters, '$.due') FROM runs WHERE pipeline = 'both'")]
    both = due[0] & due[1]
    figure("due times with both sides, and a run that waited for them", f"{len(both)}, {len(joined)}", "as many, once", sorted(joined) == sorted(both))
    numbers = sorted(int(row[0]) for row in server.rows("SELECT json_extract(parameters, '$.n') FROM runs WHERE pipeline = 'told'"))
    figure("events of a sensor", f"{len(numbers)}, the last {numbers[-1] if numbers else 0}", "each once, in order", numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 0)


if __name__ == "__main__":
    for name in sys.argv[2:] or ["due", "events"]:
        with tempfile.TemporaryDirectory() as place:
            print(f"-- {name}", flush=True)
            {"due": due, "events": events}[name](os.path.abspath(sys.argv[1]), place)
    sys.exit(1 if FAILED else 0)
