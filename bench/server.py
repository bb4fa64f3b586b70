"""A server to be measured: in a folder of its own, on a free port, ended by its pid."""

import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

CLOCK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, binary, pipelines, *, database=None, runs=None, env=None):
        self.binary, self.pipelines, self.runs, self.database = binary, pipelines, runs, database
        self.folder = Path(tempfile.mkdtemp(prefix="rigi-bench-"))
        self.data = self.folder / "data"
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")}
        # Retention would take what the figures are about.
        self.env |= {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder), "RIGI_RETENTION__RUNS": "none", "RIGI_LOG__LEVEL": "warn"}
        if database:
            self.env["RIGI_DATABASE__URL"] = database
        self.env |= env or {}
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts it; returns the seconds until it was ready."""
        command = [self.binary, "up", str(self.pipelines), "--data", str(self.data), "--port", "0"]
        if self.runs:
            command += ["--runs", str(self.runs)]
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=open(self.folder / "log", "ab"), text=True)
        if not select.select([self.process.stdout], [], [], 30)[0]:
            raise RuntimeError("the server is not ready within 30 s")
        line = self.process.stdout.readline()
        if " is ready in " not in line:
            raise RuntimeError(f"the server does not start: {line}{(self.folder / 'log').read_text()}")
        took = time.perf_counter() - begin
        told = json.loads((self.data / "server.json").read_text())
        self.token = told["token"]
        self.address = re.sub("^http://", "", told["url"])
        self.supervisor = next((pid for pid, command in processes() if "supervisor" in command and str(self.data) in command), None)
        return took

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid, command in processes():
            if str(self.data) in command:
                end(pid)
        self.process.stdout.close()
        self.process = None

    def start_again(self, runs=None):
        """Killed as by an accident and started again; returns the seconds until it was ready."""
        self.runs = runs
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return self.start()

    def pause(self):
        """It holds still; what runs goes on."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def pids(self):
        return [pid for pid in (self.process.pid, self.supervisor) if pid]

    def cpu(self):
        """Seconds of user and system time of server and supervisor, without those of the runs."""
        return sum(cpu_seconds(pid) for pid in self.pids())

    def pss(self):
        """Bytes of memory that are theirs: shared pages count by their share."""
        return sum(proportional_memory(pid) for pid in self.pids())

    def connect(self):
        return Connection(self.address, self.token)


class Connection:
    """One connection that is kept: what is measured is the server, not the opening of sockets."""

    def __init__(self, address, token):
        self.http = http.client.HTTPConnection(address, timeout=600)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        text = self.fetch(path, method, body)
        return json.loads(text) if text else None

    def fetch(self, path, method="GET", body=None):
        """The answer as it comes: reading JSON is not the server's time."""
        self.http.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), self.headers)
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text

    def events(self, path="/events"):
        """Server-sent events, as (name, data)."""
        self.http.request("GET", f"/api/v1{path}", None, self.headers)
        answer = self.http.getresponse()
        name = None
        for raw in answer:
            line = raw.decode().rstrip("\n")
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                yield name, json.loads(line[5:])

    def drained(self, seconds=300):
        """Waits until nothing waits and nothing runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            counts = self.call("GET", "/system")["runs"]
            if not any(counts.values()):
                return
            # A look a second costs nothing beside thousands of runs; the end is told exactly by the runs' own times.
            time.sleep(0.05)
        raise RuntimeError(f"runs are left after {seconds} s: {counts}")


def processes():
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                yield int(entry.name), Path(entry.path, "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def proportional_memory(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024


def resident_memory(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1)) * 1024


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
