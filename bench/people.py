#!/usr/bin/env python3
"""Measures what people cost: the gate, sign-ins, what is taken back on two servers, ten thousand accounts.

    bench/people.py BINARY [NAME…]     NAME: gate, timing, storm, size, secrets, revoke (needs RIGI_TEST_POSTGRES)

Prints one line a figure, with its bar.
"""

import http.client
import json
import math
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PASSWORD = "seven quiet lanterns"


class Server:
    def __init__(self, binary, folder, team=True, env=None, port="0"):
        self.binary, self.data = binary, Path(folder)
        pipelines = self.data.parent / "pipelines"
        (pipelines / "noop").mkdir(parents=True, exist_ok=True)
        (pipelines / "noop" / "pipeline.json").write_text('{"command": ["/bin/true"]}')
        own = {k: v for k, v in os.environ.items() if not k.startswith("RIGI_")} | (env or {})
        args = [binary, "up", str(pipelines), "--data", str(self.data), "--port", port] + (["--team"] if team else [])
        self.log = open(f"{self.data}.log", "w")
        self.process = subprocess.Popen(args, env=own, stdout=self.log, stderr=self.log)
        for _ in range(400):
            if (self.data / "server.json").exists():
                break
            time.sleep(0.025)
        file = json.loads((self.data / "server.json").read_text())
        self.token, self.port = file["token"], int(file["url"].rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def call(self, connection, method, path, body=None, token=None, address=None):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if address:
            headers["x-forwarded-for"] = address
        if body is not None:
            headers["content-type"] = "application/json"
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def api(self, method, path, body=None, token=None):
        status, raw = self.call(self.connect(), method, path, body, token or self.token)
        assert status < 300, (method, path, status, raw)
        return json.loads(raw) if raw else None

    def rss(self):
        return int(Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().split("Pss:")[1].split()[0]) / 1024


def say(what, value, bar=""):
    print(f"{what:<66} {value:<28} {bar}", flush=True)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def timed(server, token, count, path="/runs?limit=1"):
    connection, times = server.connect(), []
    for _ in range(count):
        begun = time.perf_counter()
        status, _ = server.call(connection, "GET", path, token=token)
        times.append((time.perf_counter() - begun) * 1e3)
        assert status == 200, status
    return times


def service(server, name):
    server.api("POST", "/people", {"name": name, "kind": "service"})
    server.api("PUT", f"/members/{name}", {"role": "runner"})
    return server.api("POST", f"/people/{name}/tokens", {"name": "bench"})["key"]


def gate(binary, place):
    """A read as one person, with the server's own token, and as a service account of a team, in turns."""
    one, team = Server(binary, place / "one", team=False), Server(binary, place / "team")
    key = service(team, "robot")
    plain, own = [], []
    for _ in range(8):
        plain += timed(one, one.token, 500)
        own += timed(team, key, 500)
    difference = statistics.median(own) - statistics.median(plain)
    say("GET /runs, p50: one person → somebody's token of a team", f"{statistics.median(plain):.3f} → {statistics.median(own):.3f} ms", "≤ +0.2 ms")
    say("  difference", f"{difference:+.3f} ms")
    one.stop(), team.stop()


def person(server, number):
    invited = server.api("POST", "/invitations", {"role": "viewer"})
    key = invited["path"].split("#")[1]
    body = {"key": key, "name": f"Person {number}", "mail": f"p{number}@example.org", "password": PASSWORD}
    status, raw = server.call(server.connect(), "POST", "/sign-in/link", body)
    assert status == 201, raw


def timing(binary, place):
    """Wrong passwords of accounts that are there and of none, in turns, each from a network of its own."""
    server = Server(binary, place / "timing", env={"RIGI_SERVER__TRUSTED_PROXIES": "127.0.0.1"})
    # So few for each that no account has to wait.
    [person(server, n) for n in range(60)]
    connection, known, unknown = server.connect(), [], []
    for n in range(1000):
        for mail, times in ((f"p{n % 60}@example.org", known), (f"q{n}@example.org", unknown)):
            begun = time.perf_counter()
            address = f"10.{n % 250}.{n // 250}.9"
            status, raw = server.call(connection, "POST", "/session", {"mail": mail, "password": "wrong wrong wrong"}, address=address)
            times.append((time.perf_counter() - begun) * 1e3)
            assert status == 401, (status, raw)
    difference = statistics.median(known) - statistics.median(unknown)
    say(f"wrong password, median of {len(known)}: account that is there, none", f"{statistics.median(known):.2f}, {statistics.median(unknown):.2f} ms")
    say("  difference", f"{difference:+.3f} ms", "< 1 ms")
    say("  Mann-Whitney, two-sided p", f"{mann_whitney(known, unknown):.3f}", "> 0.05")
    server.stop()


def mann_whitney(one, other):
    """How likely two samples of one source differ in rank at least so much; by the normal distribution, without ties."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, of) in enumerate(ranked, 1) if of == 0)
    count, rest = len(one), len(other)
    u = ranks - count * (count + 1) / 2
    deviation = (count * rest * (count + rest + 1) / 12) ** 0.5
    return math.erfc(abs(u - count * rest / 2) / deviation / 2**0.5)


def secrets(binary, place):
    """From its place to its start: runs with five secrets and without, in turns."""
    names = [f"SECRET_{n}" for n in range(5)]
    for pipeline, given in (("plain", []), ("five", names)):
        (place / "pipelines" / pipeline).mkdir(parents=True)
        (place / "pipelines" / pipeline / "pipeline.yaml").write_text(json.dumps({"command": ["/bin/true"], "secrets": given}))
    server = Server(binary, place / "secrets", team=False)
    for name in names:
        server.api("PUT", f"/secrets/{name}", {"value": f"{name} is what it holds"})
    for _ in range(300):
        for pipeline in ("plain", "five"):
            run = server.api("POST", f"/pipelines/{pipeline}/runs", {})["id"]
            while server.api("GET", f"/runs/{run}")["state"] not in ("succeeded", "failed"):
                pass
    server.stop()
    db = sqlite3.connect(place / "secrets" / "rigi.db")
    took = lambda name: [
        (started - claimed) / 1e3
        for started, claimed in db.execute(
            "SELECT started_at, claimed_at FROM runs WHERE pipeline = ? AND state = 'succeeded' ORDER BY id LIMIT -1 OFFSET 20", (name,)
        )
    ]
    plain, five = statistics.median(took("plain")), statistics.median(took("five"))
    say("from its place to its start, median: no secret → five", f"{plain:.2f} → {five:.2f} ms", "≤ +0.3 ms")


def storm(binary, place, seconds=20):
    """A hundred wrong sign-ins a second from everywhere, and what others notice of it."""
    server = Server(binary, place / "storm", env={"RIGI_SERVER__TRUSTED_PROXIES": "127.0.0.1"})
    key = service(server, "robot")
    idle, before = timed(server, key, 1500), server.rss()
    stop, answers = threading.Event(), {}

    def knock(of):
        connection, n = server.connect(), 0
        while not stop.is_set():
            n += 1
            body = {"mail": f"x{of}-{n}@example.org", "password": "wrong wrong wrong"}
            status, _ = server.call(connection, "POST", "/session", body, address=f"10.{of}.{n % 250}.{n % 7}")
            answers[status] = answers.get(status, 0) + 1
            stop.wait(0.1)

    threads = [threading.Thread(target=knock, args=(n,)) for n in range(10)]
    [thread.start() for thread in threads]
    begun, busy = time.time(), []
    while time.time() - begun < seconds:
        busy += timed(server, key, 100)
    peak = server.rss()
    stop.set()
    [thread.join() for thread in threads]
    say(f"sign-ins that go wrong, {sum(answers.values()) / seconds:.0f} a second for {seconds} s: answers", str(answers))
    say("  GET /runs of others, p99: idle → storm", f"{quantile(idle, .99):.2f} → {quantile(busy, .99):.2f} ms", "≤ 2 ×")
    say("  memory (PSS)", f"{before:.0f} → {peak:.0f} MB", "≤ +60 MB")
    server.stop()


def size(binary, place):
    """10,000 people, 1,000 projects, 50,000 roles."""
    server = Server(binary, place / "size")
    person(server, 0)
    server.stop()
    db = sqlite3.connect(place / "size" / "rigi.db")
    ids = [f"per_{n:026d}" for n in range(10_000)]
    row = "INSERT INTO people (id, kind, name, name_key, mail, mail_key, state, created_at, created_by) VALUES (?, 'person', ?, ?, NULL, NULL, 'active', 1, 'bench')"
    db.executemany(row, ((one, f"Somebody {n}", f"somebody {n}") for n, one in enumerate(ids)))
    project = lambda n: "default" if n == 0 else f"project-{n}"
    grant = "INSERT INTO grants VALUES (?, ?, 'hand', 'runner', 'bench', 1)"
    db.executemany(grant, ((ids[(n * 7) % 10_000], project((n * 13 + n // 10_000) % 1000)) for n in range(50_000)))
    own = db.execute("SELECT id FROM people WHERE name = 'Person 0'").fetchone()[0]
    db.executemany("INSERT OR IGNORE INTO grants VALUES (?, ?, 'hand', 'runner', 'bench', 1)", ((own, project(n)) for n in range(1, 1000)))
    db.commit()
    server = Server(binary, place / "size")
    status, raw = server.call(server.connect(), "POST", "/session", {"mail": "p0@example.org", "password": PASSWORD})
    assert status == 201 and len(json.loads(raw)["roles"]) == 1000, raw[:200]
    link = server.api("POST", f"/people/{own}/link", {"kind": "sign-in"})
    cold = []
    for n in range(20):
        begun = time.perf_counter()
        server.api("GET", f"/people/{own}")
        cold.append((time.perf_counter() - begun) * 1e3)
    say("what somebody with 1,000 roles has, and why", f"{statistics.median(cold):.1f} ms", "≤ 10 ms")
    members = timed(server, server.token, 50, "/members")
    say("members of a project, 50,000 roles in all", f"{statistics.median(members):.1f} ms", "≤ 50 ms")
    people = timed(server, server.token, 50, "/people?q=somebody%20999")
    say("people by a part of their name, of 10,000", f"{statistics.median(people):.1f} ms")
    server.stop()


def revoke(binary, place):
    """A token that is taken back on one server of a PostgreSQL, and another one that has just let it in."""
    url = os.environ["RIGI_TEST_POSTGRES"] + f"?schema=bench{int(time.time())}"
    shared = {"RIGI_DATABASE__URL": url, "RIGI_STORAGE__URL": str(place / "files")}
    (place / "files").mkdir()
    leader = Server(binary, place / "leader", env=shared)
    (place / "follower").mkdir()
    shutil.copy(place / "leader" / "secret.key", place / "follower" / "secret.key")
    follower = Server(binary, place / "follower", env=shared | {"RIGI_SERVER__SEAT": "follower"})
    leader.api("POST", "/people", {"name": "robot", "kind": "service"})
    leader.api("PUT", "/members/robot", {"role": "runner"})
    there, times = follower.connect(), []
    for n in range(200):
        made = leader.api("POST", "/people/robot/tokens", {"name": f"t{n}"})
        status, _ = follower.call(there, "GET", "/runs", token=made["key"])
        assert status == 200, status
        leader.api("DELETE", f"/people/robot/tokens/{made['token']['id']}")
        begun = time.perf_counter()
        while follower.call(there, "GET", "/runs", token=made["key"])[0] != 401:
            pass
        times.append((time.perf_counter() - begun) * 1e3)
    say("taken back on one server → refused on the other, p50, p99 of 200", f"{statistics.median(times):.1f}, {quantile(times, .99):.1f} ms", "≤ 1,000 ms")
    follower.stop(), leader.stop()


def main():
    binary, *names = sys.argv[1:]
    all = {"gate": gate, "timing": timing, "storm": storm, "size": size, "revoke": revoke, "secrets": secrets}
    for name in names or all:
        place = Path(tempfile.mkdtemp(prefix="rigi-people-"))
        try:
            all[name](binary, place)
        finally:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
