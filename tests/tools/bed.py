"""What the tests of tools need: the tools of Debian's `topp`, a folder of pipelines made of them, and a server on it."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RIGI = os.environ.get("RIGI_BIN", "rigi")
# They open windows, and describe nothing.
WINDOWS = {"INIFileEditor", "SwathWizard", "TOPPAS", "TOPPView"}
# They describe nothing: one wants to be told which tool it wraps, one has files that Debian leaves out, one says what OpenMS is.
SILENT = {"GenericWrapper", "MSSimulator", "OpenMSInfo"}
ENV = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")} | {
    "QT_QPA_PLATFORM": "offscreen",
    "NO_COLOR": "1",
}


def tools():
    """The programs of the package, by name."""
    listed = subprocess.run(["dpkg", "-L", "topp"], capture_output=True, text=True)
    if listed.returncode:
        raise SystemExit("the tools of OpenMS are not here: apt-get install topp")
    names = {Path(line).name for line in listed.stdout.splitlines() if line.startswith("/usr/bin/")}
    return sorted(names - WINDOWS)


def call(*words, timeout=60):
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, env=ENV, stdin=subprocess.DEVNULL)


class Bed:
    """Made once for all tests; `close` takes it away."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="rigi-tools-"))
        self.pipelines = self.root / "pipelines"
        self.pipelines.mkdir()
        self.names = tools()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.said = dict(zip(self.names, pool.map(self.make, self.names)))
        self.server = None

    def make(self, name):
        return call(RIGI, "pipelines", "from-tool", name, "--into", str(self.pipelines))

    def made(self):
        return [name for name in self.names if name not in SILENT]

    def start(self):
        if self.server:
            return
        data = self.root / "data"
        command = [RIGI, "up", str(self.pipelines), "--data", str(data), "--port", "0"]
        self.log = open(self.root / "log", "wb")
        self.server = subprocess.Popen(command, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        ready = select.select([self.server.stdout], [], [], 60)[0]
        line = self.server.stdout.readline().decode() if ready else ""
        if " is ready in " not in line:
            raise SystemExit(f"the server does not start: {line} {(self.root / 'log').read_text()[-2000:]}")
        self.told = json.loads((data / "server.json").read_text())

    def get(self, path, top=False):
        url = self.told["url"] + ("" if top else "/api/v1") + path
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.told['token']}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def process_types(self):
        """All of them, by name."""
        self.start()
        found, cursor = {}, ""
        while cursor is not None:
            page = self.get(f"/process-types?limit=40{cursor}")
            found |= {one["name"]: one for one in page["items"]}
            cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
        return found

    def run(self, *words):
        """Runs a pipeline to its end; what it left, by path."""
        self.start()
        command = [RIGI, "run", *words, "--data", str(self.root / "data"), "--wait", "-o", "json"]
        ended = call(*command, timeout=180)
        if ended.returncode:
            log = call(RIGI, "runs", "logs", "latest", "--data", str(self.root / "data")).stdout
            raise AssertionError(f"{' '.join(words)} ended with {ended.returncode}: {ended.stdout} {ended.stderr} {log}")
        return json.loads(ended.stdout)

    def artifact(self, run, path):
        url = f"{self.told['url']}/api/v1/runs/{run}/artifacts/{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.told['token']}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def log_of(self, run):
        return call(RIGI, "runs", "logs", run, "--data", str(self.root / "data")).stdout

    def close(self):
        if self.server:
            call(RIGI, "down", "--cancel", "--data", str(self.root / "data"))
            self.server.wait(30)
            self.server.stdout.close()
            self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
