"""What is measured where the number of runs matters: very many waiting, a million ended."""

import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone

import history
from figures import quantile
from places import on_each
from server import proportional_memory, resident_memory


@on_each
def crowd(bench, place):
    """Very many runs in one call: how fast they are accepted, and what memory they take while they drain."""
    count = 100_000
    bench.pipeline("holds", {"command": ["sleep", "600"]})
    with place.server(bench, runs=1) as server:
        link = server.connect()
        link.call("POST", "/pipelines/holds/runs", {})
        begin = time.perf_counter()
        link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": count}]})
        bench.figures.add(f"{count:,} runs accepted in one call, {place.name}", time.perf_counter() - begin, "s", bar=2)
        server.start_again(runs=None)
        most, until = 0, time.monotonic() + bench.scaled(60, 8)
        while time.monotonic() < until:
            most = max(most, resident_memory(server.process.pid))
            time.sleep(0.25)
        bench.figures.add(f"server's memory while they drain, {place.name}", most / 2**20, "MB", bar=250)


@on_each
def queue(bench, place):
    """Runs that wait: how fast they are accepted, listed and cancelled, and the most memory that they take at any time."""
    bench.pipeline("holds", {"command": ["sleep", "600"]})
    for count, bar in ((100_000, 100), (bench.scaled(1_000_000, 300_000), 600)):
        with place.server(bench, runs=1) as server, Watch(server) as watch:
            link = server.connect()
            link.call("POST", "/pipelines/holds/runs", {})
            begin = time.perf_counter()
            for _ in range(count // 100_000):
                link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": 100_000, "parameters": {"text": "x" * 200}}]})
            bench.figures.add(f"{count:,} runs accepted, {place.name}", time.perf_counter() - begin, "s")
            begin = time.perf_counter()
            link.call("GET", "/runs?state=queued&limit=100")
            bench.figures.add(f"a page of them just then, {place.name}", 1000 * (time.perf_counter() - begin), "ms")
            server.start_again(runs=1)
            link, begin = server.connect(), time.perf_counter()
            link.call("POST", "/runs/cancel", {"filter": {"pipeline": "noop"}})
            bench.figures.add(f"{count:,} runs cancelled after a restart, {place.name}", time.perf_counter() - begin, "s")
        bench.figures.add(f"memory of {count:,} waiting runs above idle, at most, {place.name}", watch.most / 2**20, "MB", bar=bar)


class Watch:
    """The most memory of a server above what it had at first."""

    def __init__(self, server):
        self.server, self.most, self.over = server, 0, threading.Event()
        self.idle = proportional_memory(server.process.pid)
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.05):
            try:
                self.most = max(self.most, proportional_memory(self.server.process.pid) - self.idle)
            except (OSError, AttributeError):
                # It is being started again.
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@on_each
def million(bench, place):
    """A million ended runs, and a hundred thousand that wait: start, reads, growth, cancelling all."""
    ended, waiting = bench.scaled(1_000_000, 100_000), bench.scaled(100_000, 20_000)
    stored = f"{ended:,} ended"
    bench.pipeline("holds", {"command": ["sleep", "600"]})
    history.write_pipelines(bench.pipelines)
    with place.server(bench) as server:
        history.fill(server, ended)
        server.runs = 1
        bench.figures.add(f"start: {stored}, {place.name}", 1000 * min(server.start(), restart(server)), "ms", bar=1000)
        link = server.connect()
        hold = link.call("POST", "/pipelines/holds/runs", {})["id"]
        link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": waiting, "labels": {"team": "queue"}}]})
        stored += f", {waiting:,} waiting"
        reads(bench, link, stored, place)
        link.call("POST", f"/runs/{hold}/cancel")
        bench.figures.add(f"start: {stored}, {place.name}", 1000 * server.start_again(runs=None), "ms", bar=1000)
        growth(bench, server, stored, place)
        cancel(bench, server, place)
        back_up(bench, server, f"{ended:,} ended", place)
        if not bench.quick:
            collect(bench, server, place)


def restart(server):
    server.stop()
    return server.start()


def growth(bench, server, stored, place):
    """Runs a second off the front of a long queue, beside those on an empty database: in turns, one server holds still meanwhile.

    The first turn of each does not count: a server that has just started is still reading its queue.
    """
    seconds, turns = bench.scaled(5, 2), 4
    with place.server(bench) as other:
        other.connect().call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": 2500 * seconds * (turns + 1)}]})
        servers, ended = (server, other), [0, 0]
        links = [one.connect() for one in servers]
        waiting = lambda link: sum(link.call("GET", "/system")["runs"].values())
        for one in servers:
            one.pause()
        for turn in range(-2, 2 * turns):
            # One before the other, and next time the other way round.
            which = (turn + turn // 2) % 2
            servers[which].go_on()
            time.sleep(0.5)
            before, begin = waiting(links[which]), time.perf_counter()
            time.sleep(seconds)
            if turn >= 0:
                ended[which] += (before - waiting(links[which])) / (time.perf_counter() - begin)
            servers[which].pause()
        server.go_on()
        other.go_on()
    rate, empty = (sum_ / turns for sum_ in ended)
    bench.figures.add(f"no-op runs: {stored}, {place.name}", rate, "/s", limit=empty, bar=0.9, best="high")


def cancel(bench, server, place):
    link = server.connect()
    begin = time.perf_counter()
    cancelled = link.call("POST", "/runs/cancel", {"filter": {}})["cancelled"]
    took = time.perf_counter() - begin
    bench.figures.add(f"cancelling waiting runs in one call, {place.name}", cancelled / took, "/s")


def back_up(bench, server, stored, place):
    """A backup while the server works, another right after it, and all of it put into an empty place of either database."""
    backups = server.folder / "backups"

    def seconds(database, *words):
        env = {name: value for name, value in server.env.items() if name != "RIGI_DATABASE__URL"}
        if database:
            env["RIGI_DATABASE__URL"] = database
        command = [server.binary, "backup", *map(str, words), str(server.pipelines)]
        begin = time.perf_counter()
        subprocess.run(command, env=env, check=True, capture_output=True, text=True)
        return time.perf_counter() - begin

    for which in ("the first", "another"):
        took = seconds(server.database, "create", "--with-key", "--data", server.data, backups)
        bench.figures.add(f"backup, {which}: {stored}, {place.name}", took, "s")
    for number, target in enumerate(bench.places):
        took = seconds(target.schema(), "restore", "--data", server.folder / f"restored{number}", backups)
        bench.figures.add(f"restored into {target.name}: {stored}, {place.name}", took, "s", bar=120)


def collect(bench, server, place):
    """All but a few ended runs are forgotten; what a submission waits meanwhile."""
    server.stop()
    server.env["RIGI_RETENTION__RUNS"] = "100"
    server.start()
    link, waits, done = server.connect(), [], threading.Event()

    def submit():
        other = server.connect()
        while not done.is_set():
            begin = time.perf_counter()
            other.call("POST", "/pipelines/noop/runs", {})
            waits.append(1000 * (time.perf_counter() - begin))
            time.sleep(0.02)

    submitter = threading.Thread(target=submit)
    submitter.start()
    begin = time.perf_counter()
    try:
        removed = link.call("POST", "/system/gc")["runs"]
    finally:
        done.set()
        submitter.join()
    bench.figures.add(f"runs forgotten, {place.name}", removed / (time.perf_counter() - begin), "/s")
    bench.figures.add(f"a submission while runs are forgotten: p99, {place.name}", quantile(waits, 0.99), "ms")
    bench.figures.add(f"a submission while runs are forgotten: longest, {place.name}", max(waits), "ms")


def reads(bench, link, stored, place):
    """Every list, search and read, with what is hard on each: no match, all match, the middle, the last page."""
    times = []
    paths = paths_of(link)
    for path in paths:
        link.fetch(path)
    for _ in range(bench.scaled(40, 8)):
        for path in paths:
            begin = time.perf_counter()
            link.fetch(path)
            times.append((1000 * (time.perf_counter() - begin), path))
    milliseconds = [ms for ms, _ in times]
    bench.figures.add(f"reads: median; {stored}, {place.name}", quantile(milliseconds, 0.5), "ms", bar=10)
    bench.figures.add(f"reads: p99; {stored}, {place.name}", quantile(milliseconds, 0.99), "ms", bar=50)
    medians = {path: quantile([ms for ms, of in times if of == path], 0.5) for path in paths}
    for path, ms in sorted(medians.items(), key=lambda one: -one[1])[:6]:
        print(f"    {ms:6.1f} ms  {path}")


def paths_of(link):
    ago = lambda **time: (datetime.now(timezone.utc) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")
    middle, oldest = ago(days=15), ago(days=29, hours=23)
    first = link.call("GET", "/runs?limit=50")
    run = link.call("GET", "/runs?pipeline=build-map&limit=1&until=" + middle)["items"][0]["id"]
    file = link.call("GET", f"/runs?pipeline=monthly-report&limit=1&until={middle}")["items"][0]["id"]
    lists = [
        "", "&limit=500", f"&cursor={first['next_cursor']}", f"&until={middle}", f"&until={oldest}", f"&since={middle}", "&since=2100-01-01T00:00:00Z",
        "&state=failed", "&state=running", "&state=queued", "&state=skipped", f"&state=failed,timed_out&until={middle}",
        "&pipeline=noop", f"&pipeline=build-map&limit=500&until={middle}", "&pipeline=build-map&state=failed", "&pipeline=nothing",
        "&label=team=climate", "&label=team=queue", "&label=team=nobody", "&label=team=ops,batch=3", "&label=team=climate,batch=none",
        "&label=team=climate&state=cancelled", "&label=team=climate&state=timed_out", f"&label=team=climate&pipeline=build-map&until={middle}",
        "&q=a", "&q=map", "&q=zzz", "&q=0", f"&q={run[-4:]}", f"&q={run[4:14]}", "&q=map&state=failed", f"&q={run[-4:]}&state=failed", "&q=map&label=team=climate",
    ]
    parts = ["", "/attempts", "/events", "/usage", "/artifacts", "/code", "/log", "/log?from=2000", "/log/search?q=tile+2999"]
    return (
        [f"/runs?{query[1:] if 'limit' in query else 'limit=50' + query}" for query in lists]
        + [f"/runs/{run}{part}" for part in parts]
        + [f"/runs/{run[-10:]}", f"/runs/{first['items'][0]['id']}", f"/runs/{file}/artifacts", "/pipelines", "/pipelines/build-map", "/system"]
    )
