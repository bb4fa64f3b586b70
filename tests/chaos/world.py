"""The place of one storm: folder, database, server and supervisor, and a way to talk to the server while it is killed."""

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tasks import write_pipelines

ROOT = Path(__file__).resolve().parents[2]
# A start that takes longer has failed.
READY = 30


def cluster_start():
    """A PostgreSQL of the storm's own: its folder and its URL."""
    said = subprocess.run([ROOT / "tests" / "postgres.sh", "start"], capture_output=True, text=True, check=True)
    folder, url = said.stdout.split()
    return folder, url


def cluster_stop(folder):
    subprocess.run([ROOT / "tests" / "postgres.sh", "stop", folder], check=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """`settings` are variables of the server, beside those that keep it apart from the machine's own."""

    def __init__(self, binary, database_url=None, *, runs=40, settings=None):
        self.binary, self.runs = binary, runs
        self.folder = Path(tempfile.mkdtemp(prefix="rigi-chaos-"))
        self.data, self.pipelines, self.chaos = (self.folder / name for name in ("data", "pipelines", "chaos"))
        (self.chaos / "locks").mkdir(parents=True)
        (self.chaos / "marks").touch()
        write_pipelines(self.pipelines, self.chaos)
        self.port = free_port()
        own = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder), "RIGI_LOG__LEVEL": "warn", "RIGI_RETENTION__RUNS": "none"}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")} | own
        if database_url:
            self.env["RIGI_DATABASE__URL"] = database_url
        self.env |= settings or {}
        self.process = None
        self.token = None
        # Set as long as a server is ready; the load waits for it instead of trying in vain.
        self.ready = threading.Event()

    def launch(self):
        """Starts the server's process, without waiting for anything."""
        command = [self.binary, "up", str(self.pipelines), "--data", str(self.data), "--port", str(self.port), "--runs", str(self.runs)]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def wait_ready(self):
        """Waits until the launched server is ready; `None`, or why it is not."""
        if not select.select([self.process.stdout], [], [], READY)[0]:
            return f"not ready within {READY} s; {self.states()}: {self.complaints()}"
        line = self.process.stdout.readline().decode()
        if " is ready in " not in line:
            self.process.wait(READY)
            return f"it ended with {self.process.returncode}: {line}{self.complaints()}"
        if self.token is None:
            self.token = json.loads((self.data / "server.json").read_text())["token"]
        self.ready.set()
        return None

    def complaints(self):
        return (self.folder / "log").read_text(errors="replace")[-1500:]

    def states(self):
        """What server and supervisor are at, where one of them does not get on."""
        told = []
        for name, pid in (("server", self.process.pid), ("supervisor", self.supervisor())):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1]
                tasks = [Path(task, "wchan").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
                told.append(f"{name} {pid} {stat[0]} {' '.join(tasks)}")
            except OSError as error:
                told.append(f"{name} {pid}: {error.strerror}")
        return "; ".join(told)

    def kill(self):
        """kill -9 of the server; `False` if it had ended already."""
        self.ready.clear()
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return alive

    def stop(self):
        """Asks it to end, and waits."""
        self.ready.clear()
        self.process.terminate()
        self.process.wait(READY)
        self.process.stdout.close()

    def supervisor(self):
        """The supervisor's process id, as long as it lives."""
        try:
            pid = int((self.data / "supervisor" / "lock").read_text() or 0)
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"supervisor" in command and str(self.data).encode() in command else None

    def rigi(self, *args, settings=None):
        command = [self.binary, *args, "--data", str(self.data)]
        return subprocess.run(command, env=self.env | (settings or {}), capture_output=True, text=True, timeout=120)

    def client(self):
        return Client(self)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        for pid in processes_of(self.folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


class Refused(Exception):
    """An answer, but not the wanted one."""

    def __init__(self, status, text):
        super().__init__(f"{status} {text[:300]!r}")
        self.status, self.text = status, text


class Client:
    """One connection, opened again when the server was killed. `sent` is called when a request is on its way."""

    def __init__(self, world):
        self.world, self.http = world, None

    def try_once(self, method, path, body=None, headers=None, sent=None):
        """One try; raises `OSError` or `HTTPException` where there was no whole answer."""
        if self.http is None:
            self.http = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=30)
        try:
            given = {"Authorization": f"Bearer {self.world.token}", "Content-Type": "application/json", **(headers or {})}
            self.http.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), given)
            if sent:
                sent()
            answer = self.http.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.http.close()
            self.http = None
            raise
        if answer.status >= 300:
            raise Refused(answer.status, text)
        return text

    def call(self, method, path, body=None, headers=None, sent=None, bound=60):
        """Repeats until there is an answer. Returns it as JSON, and how many tries it took."""
        deadline, tries = time.monotonic() + bound, 0
        while True:
            tries += 1
            self.world.ready.wait(1)
            try:
                text = self.try_once(method, path, body, headers, sent)
                return (json.loads(text) if text else None), tries
            except Refused as refused:
                # 503 is what a server says that is about to go; everything else is its answer.
                if refused.status != 503 or time.monotonic() > deadline:
                    raise
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def get(self, path):
        return self.call("GET", path)[0]

    def raw(self, path):
        return self.try_once("GET", path)


def processes_of(folder, but=()):
    """Processes that have to do with a folder: by command, environment, current directory or an open file."""
    needle = os.fsencode(folder)
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in but or int(entry.name) == os.getpid():
            continue
        try:
            said = Path(entry.path, "cmdline").read_bytes() + b"\0" + Path(entry.path, "environ").read_bytes()
            links = [os.readlink(f"{entry.path}/cwd"), *(os.readlink(fd.path) for fd in os.scandir(f"{entry.path}/fd"))]
        except OSError:
            continue
        if needle in said or any(re.match(re.escape(str(folder)) + "(/|$)", link) for link in links):
            yield int(entry.name)
