"""What is measured, one function a question. Each takes the bench and adds its figures."""

import re
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

from figures import quantile
from server import Server, resident_memory


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


def throughput(bench):
    count = bench.scaled(10_000, 3000)
    with Server(bench.binary, bench.pipelines) as server:
        bulk(server, 200)
        rate, cpu = bulk(server, count)
        bench.sqlite = rate
        bench.figures.add(f"no-op runs, SQLite ({count:,} in one call)", rate, "/s", limit=bench.limit, bar=0.45, best="high")
        bench.figures.add("CPU of server and supervisor per no-op run", cpu, "ms", bar=0.9)


def throughput_postgres(bench):
    if not bench.postgres:
        bench.figures.missing("no-op runs, PostgreSQL", "no server: RIGI_TEST_POSTGRES, or install postgresql")
        return
    count = bench.scaled(10_000, 3000)
    with Server(bench.binary, bench.pipelines, database=bench.postgres) as server:
        bulk(server, 200)
        rate, _ = bulk(server, count)
        bench.figures.add(f"no-op runs, PostgreSQL ({count:,} in one call)", rate, "/s", limit=bench.sqlite, bar=0.7, best="high")


def latency(bench):
    """From just before the request to the start of the process, on an idle server."""
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        waits = []
        for _ in range(bench.scaled(500, 150)):
            begin = time.time()
            run = link.call("POST", "/pipelines/noop/runs", {})
            ended = wait(link, run["id"])
            waits.append(1000 * (instant(ended["started_at"]) - begin))
        waits = waits[5:]
        bench.figures.add("submit to process started, idle: p50", quantile(waits, 0.5), "ms", bar=5)
        bench.figures.add("submit to process started, idle: p99", quantile(waits, 0.99), "ms", bar=25)


def wait(link, run):
    """The run once it has ended: the stream of its log ends with it."""
    for name, _ in link.events(f"/runs/{run}/log/stream"):
        if name == "end":
            pass
    return link.call("GET", f"/runs/{run}")


def chain(bench):
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        best = None
        for _ in range(4):
            begin = time.perf_counter()
            for _ in range(40):
                wait(link, link.call("POST", "/pipelines/noop/runs", {})["id"])
            took = time.perf_counter() - begin
            best = took if best is None else min(best, took)
        bench.figures.add("40 no-op runs, each after the one before", best, "s", bar=0.25)


def crowd(bench):
    """Very many runs in one call: how fast they are accepted and read, and what memory they take while they drain."""
    count = 100_000
    bench.pipeline("holds", {"command": ["sleep", "600"]})
    # One run holds the only place, so that all others wait until the reads are measured.
    with Server(bench.binary, bench.pipelines, runs=1) as server:
        link = server.connect()
        link.call("POST", "/pipelines/holds/runs", {})
        begin = time.perf_counter()
        link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": count}]})
        bench.figures.add(f"{count:,} runs accepted in one call", time.perf_counter() - begin, "s", bar=2)
        lists(bench, link)
        again = server.start_again(runs=10)
        bench.figures.add(f"start with {count:,} runs", 1000 * again, "ms", bar=1000)
        most, until = 0, time.monotonic() + bench.scaled(60, 15)
        while time.monotonic() < until:
            most = max(most, resident_memory(server.process.pid))
            time.sleep(0.25)
        bench.figures.add("server's memory while they drain", most / 2**20, "MB", bar=250)


def lists(bench, link):
    """Reads of the API with as many runs as there are."""
    some = link.call("GET", "/runs?limit=50")
    newest, cursor = some["items"][0]["id"], some["next_cursor"]
    paths = [
        "/runs?limit=50",
        f"/runs?limit=50&cursor={cursor}",
        "/runs?state=succeeded&limit=50",
        "/runs?state=failed&limit=50",
        "/runs?pipeline=noop&limit=500",
        "/runs?label=no=such&limit=50",
        "/runs?q=noo&limit=50",
        f"/runs?q={newest[-4:]}&limit=50",
        f"/runs/{newest}",
        "/pipelines",
        "/system",
    ]
    times = []
    for _ in range(bench.scaled(40, 10)):
        for path in paths:
            begin = time.perf_counter()
            link.call("GET", path)
            times.append((1000 * (time.perf_counter() - begin), path))
    milliseconds = [ms for ms, _ in times]
    bench.figures.add("lists and reads: median", quantile(milliseconds, 0.5), "ms", bar=10)
    bench.figures.add("lists and reads: p99", quantile(milliseconds, 0.99), "ms", bar=50)
    medians = {path: quantile([ms for ms, of in times if of == path], 0.5) for path in paths}
    for path, ms in sorted(medians.items(), key=lambda one: -one[1])[:5]:
        print(f"    {ms:6.1f} ms  {path.split('&cursor')[0]}")


def idle(bench):
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        for _ in range(5):
            wait(link, link.call("POST", "/pipelines/noop/runs", {})["id"])
        written = lambda: sum(int(re.search(r"^write_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.M).group(1)) for pid in server.pids())
        time.sleep(2)
        cpu, bytes_before, seconds = server.cpu(), written(), bench.scaled(60, 15)
        time.sleep(seconds)
        bench.figures.add("idle: server and supervisor", server.pss() / 2**20, "MB PSS", bar=40)
        bench.figures.add(f"idle: written in {seconds} s", (written() - bytes_before) / 1024, "KiB", bar=0)
        bench.figures.add(f"idle: CPU in {seconds} s", 1000 * (server.cpu() - cpu), "ms")


def start(bench):
    times = []
    for _ in range(5):
        with Server(bench.binary, bench.pipelines) as server:
            server.stop()
            times.append(server.start())
    bench.figures.add("start on an empty state", 1000 * min(times), "ms", bar=100)


def logs(bench):
    """One process that prints as fast as it can, beside `cat` into a file."""
    megabytes = bench.scaled(512, 128)
    text = bench.folder / "lines.txt"
    line = b"2026-03-01 12:04:11 a line of a log as programs write them, eighty bytes in all\n"
    text.write_bytes(line * (megabytes * 2**20 // len(line)))
    out = bench.folder / "copy.txt"
    limit = 0
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(f"cat {text} | cat > {out}", shell=True, check=True)
        limit = max(limit, megabytes / (time.perf_counter() - begin))
    spec = {"command": ["cat", str(text)], "limits": {"log_size": "2GiB"}}
    bench.pipeline("prints", spec)
    with Server(bench.binary, bench.pipelines) as server:
        link = server.connect()
        run = link.call("POST", "/pipelines/prints/runs", {})["id"]
        link.drained()
        ended = link.call("GET", f"/runs/{run}")
        seconds = instant(ended["ended_at"]) - instant(ended["started_at"])
        bench.figures.add("log of one process", megabytes / seconds, "MB/s", limit=limit, bar=0.5, best="high")
        wanted = text.stat().st_size // len(line)
        bench.figures.add("log lines lost", wanted - ended["log"]["lines"], "lines", bar=0)
    text.unlink()
    out.unlink()


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


def followers(bench):
    """Five hundred readers of one log at a hundred lines a second."""
    many, lines = bench.scaled(500, 200), 300
    bench.pipeline("steady", {"command": [sys.executable, "-c", f"import time\nfor i in range({lines}): print(i, flush=True); time.sleep(0.01)"]})
    with Server(bench.binary, bench.pipelines) as server:
        run = server.connect().call("POST", "/pipelines/steady/runs", {})["id"]
        seen, begin, cpu = [None] * many, time.perf_counter(), server.cpu()

        def read(index):
            numbers = []
            for name, data in server.connect().events(f"/runs/{run}/log/stream"):
                if name == "lines":
                    numbers += [one["n"] for one in data]
                if name == "end":
                    break
            seen[index] = numbers

        readers = [threading.Thread(target=read, args=(index,), daemon=True) for index in range(many)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(60)
        took = time.perf_counter() - begin
        wrong = sum(numbers != list(range(1, lines + 1)) for numbers in seen)
        bench.figures.add(f"followers of one log that miss a line, of {many}", wrong, "", bar=0)
        bench.figures.add(f"server while {many} follow 100 lines/s", 100 * (server.cpu() - cpu) / took, "% of a core", bar=20)


def size(bench):
    bench.figures.add("release binary with the page", Path(bench.binary).stat().st_size / 2**20, "MB", bar=40)


ALL = [spawn_limit, throughput, throughput_postgres, latency, chain, crowd, idle, start, logs, live, followers, python, size]
