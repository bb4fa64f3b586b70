"""What is measured, one function a question. Each takes the bench and adds its figures."""

import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from figures import quantile
from followers import followers
from places import on_each
from scale import crowd, million, queue
from server import Server


def instant(text):
    """Seconds of an RFC 3339 time; microseconds count."""
    return datetime.fromisoformat(re.sub("Z$", "+00:00", text)).timestamp()


def spawn_limit(bench):
    """Processes a second that the machine starts at most, two side by side."""
    count = bench.scaled(4000, 1500)
    seconds = min(float(subprocess.check_output([bench.spawn, str(count), "2"], text=True)) for _ in range(3))
    bench.limit = count / seconds
    bench.figures.add("limit: posix_spawn of /bin/true, 2 wide", bench.limit, "/s")


def bulk(server, count, pipeline="noop"):
    """Runs a second from the first start to the last end, and the CPU of server and supervisor for each, in ms."""
    link = server.connect()
    before = server.cpu()
    begin = time.time()
    link.call("POST", "/runs", {"runs": [{"pipeline": pipeline, "count": count}]})
    link.drained()
    cpu = server.cpu() - before
    last = link.call("GET", f"/runs?pipeline={pipeline}&state=succeeded&limit=500")["items"]
    end = max(instant(run["ended_at"]) for run in last)
    return count / (end - begin), 1000 * cpu / count


def throughput_on(bench, place):
    count = bench.scaled(10_000, 3000)
    with place.server(bench) as server:
        bulk(server, 200)
        place.rate, cpu = bulk(server, count)
    return count, cpu


def throughput(bench):
    sqlite = bench.places[0]
    count, cpu = throughput_on(bench, sqlite)
    bench.figures.add(f"no-op runs, SQLite ({count:,} in one call)", sqlite.rate, "/s", limit=bench.limit, bar=0.45, best="high")
    bench.figures.add("CPU of server and supervisor per no-op run, SQLite", cpu, "ms", bar=0.9)
    for place in bench.places[1:]:
        count, cpu = throughput_on(bench, place)
        bench.figures.add(f"no-op runs, {place.name} ({count:,} in one call)", place.rate, "/s", limit=sqlite.rate, bar=0.7, best="high")
        bench.figures.add(f"CPU of server and supervisor per no-op run, {place.name}", cpu, "ms", bar=0.9)
    if len(bench.places) == 1:
        bench.figures.missing("no-op runs, PostgreSQL", "no server: RIGI_BENCH_POSTGRES, or install postgresql")


@on_each
def latency(bench, place):
    """From just before the request to the start of the process, on an idle server."""
    with place.server(bench) as server:
        link = server.connect()
        waits = []
        for _ in range(bench.scaled(500, 150)):
            begin = time.time()
            run = link.call("POST", "/pipelines/noop/runs", {})
            ended = wait(link, run["id"])
            waits.append(1000 * (instant(ended["started_at"]) - begin))
        waits = waits[5:]
        bench.figures.add(f"submit to process started, idle: p50, {place.name}", quantile(waits, 0.5), "ms", bar=5)
        bench.figures.add(f"submit to process started, idle: p99, {place.name}", quantile(waits, 0.99), "ms", bar=25)


def wait(link, run):
    """The run once it has ended: the stream of its log ends with it."""
    for name, _ in link.events(f"/runs/{run}/log/stream"):
        if name == "end":
            pass
    return link.call("GET", f"/runs/{run}")


@on_each
def chain(bench, place):
    with place.server(bench) as server:
        link = server.connect()
        best = None
        for _ in range(4):
            begin = time.perf_counter()
            for _ in range(40):
                wait(link, link.call("POST", "/pipelines/noop/runs", {})["id"])
            took = time.perf_counter() - begin
            best = took if best is None else min(best, took)
        bench.figures.add(f"40 no-op runs, each after the one before, {place.name}", best, "s", bar=0.25)


@on_each
def idle(bench, place):
    with place.server(bench) as server:
        link = server.connect()
        for _ in range(5):
            wait(link, link.call("POST", "/pipelines/noop/runs", {})["id"])
        time.sleep(5)
        cpu, before, asked, seconds = server.cpu(), traffic(server), last_query(place), bench.scaled(60, 12)
        time.sleep(seconds)
        after = traffic(server)
        name = f"idle: {{}} in {seconds} s, {place.name}"
        bench.figures.add(f"idle: server and supervisor, {place.name}", server.pss() / 2**20, "MB PSS", bar=40)
        bench.figures.add(name.format("written"), (after["write_bytes"] - before["write_bytes"]) / 1024, "KiB", bar=0)
        if place.url:
            # The moment of the last query of any of the server's connections.
            bench.figures.add(name.format("queries"), int(last_query(place) != asked), "", bar=0)
        else:
            # A query reads whole pages, or at least the state of the log; a thread that wakes another writes eight bytes.
            moved = sum(after[key] - before[key] for key in ("rchar", "wchar"))
            bench.figures.add(name.format("read and written, files and sockets"), moved, "bytes", bar=64)
        bench.figures.add(name.format("CPU"), 1000 * (server.cpu() - cpu), "ms")


def traffic(server):
    """What server and supervisor have read and written, by the kernel's count."""
    sums = {}
    for pid in server.pids():
        for name, value in re.findall(r"^(\w+): (\d+)", Path(f"/proc/{pid}/io").read_text(), re.M):
            sums[name] = sums.get(name, 0) + int(value)
    return sums


def last_query(place):
    return place.url and place.ask("SELECT MAX(query_start) FROM pg_stat_activity WHERE application_name LIKE 'rigi %'")


@on_each
def start(bench, place):
    times = []
    for _ in range(5):
        with place.server(bench) as server:
            server.stop()
            times.append(server.start())
    bench.figures.add(f"start on an empty state, {place.name}", 1000 * min(times), "ms", bar=100)


def logs(bench):
    """One process that prints as fast as it can, beside `cat` into a file."""
    megabytes = bench.scaled(512, 128)
    text = bench.folder / "lines.txt"
    line = b"2026-03-01 12:04:11 a line of a log as programs write them, eighty bytes in all\n"
    text.write_bytes(line * (megabytes * 2**20 // len(line)))
    out = bench.folder / "copy.txt"
    bench.pipeline("prints", {"command": ["cat", str(text)], "limits": {"log_size": "2GiB"}})
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        limit = rate = lost = 0
        # In turns, each with nothing left to write: the best of either is what the machine can do.
        for _ in range(3):
            os.sync()
            begin = time.perf_counter()
            subprocess.run(f"cat {text} | cat > {out}", shell=True, check=True)
            limit = max(limit, megabytes / (time.perf_counter() - begin))
            out.unlink()
            os.sync()
            run = link.call("POST", "/pipelines/prints/runs", {})["id"]
            link.drained()
            ended = link.call("GET", f"/runs/{run}")
            rate = max(rate, megabytes / (instant(ended["ended_at"]) - instant(ended["started_at"])))
            lost += text.stat().st_size // len(line) - ended["log"]["lines"]
        bench.figures.add("log of one process", rate, "MB/s", limit=limit, bar=0.5, best="high")
        bench.figures.add("log lines lost", lost, "lines", bar=0)
    text.unlink()


def live(bench):
    """From a line's own clock to a reader of the event stream."""
    script = 'import time\nfor _ in range(300): print(f"{time.time():.6f}", flush=True); time.sleep(0.01)'
    bench.pipeline("ticks", {"command": [sys.executable, "-c", script]})
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        run = link.call("POST", "/pipelines/ticks/runs", {})["id"]
        late = []
        for name, data in link.events(f"/runs/{run}/log/stream"):
            now = time.time()
            if name == "lines":
                late += [1000 * (now - float(one["text"])) for one in data if one["stream"] == "stdout"]
            if name == "end":
                break
        bench.figures.add("a line to a reader of the stream: p99", quantile(late, 0.99), "ms", bar=50)


def python(bench):
    """A warm Python pipeline beside `python -c pass` of the same environment."""
    bench.python_pipeline("warm", "pass\n")
    env = {"HOME": str(Path.home())}
    with Server(bench.binary, bench.pipelines, env=env) as server:
        link = server.connect()
        wait(link, link.call("POST", "/pipelines/warm/runs", {})["id"])
        found = sorted(server.data.glob("environments/*/**/bin/python"))
        program = str(found[0]) if found else sys.executable
        times = []
        for _ in range(bench.scaled(60, 25)):
            ended = wait(link, link.call("POST", "/pipelines/warm/runs", {})["id"])
            times.append(1000 * (instant(ended["ended_at"]) - instant(ended["created_at"])))
        limits = []
        for _ in range(bench.scaled(60, 25)):
            begin = time.perf_counter()
            subprocess.run([program, "-c", "pass"], check=True)
            limits.append(1000 * (time.perf_counter() - begin))
        limit = quantile(limits, 0.5)
        bench.figures.add("warm Python pipeline, less 5 ms", quantile(times, 0.5) - 5, "ms", limit=limit, bar=1.3)


def size(bench):
    bench.figures.add("release binary with the page", Path(bench.binary).stat().st_size / 2**20, "MB", bar=60)


ALL = [spawn_limit, throughput, latency, chain, start, idle, logs, live, followers, python, crowd, queue, million, size]
