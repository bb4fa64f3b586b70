#!/usr/bin/env python3
"""Measures syncs of a git repository: the first one of 5,000 files, and those that find nothing new.

    bench/git.py BINARY [FILES]

The host is `git http-backend` behind HTTP on this machine. Prints one line a figure, with its bar.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOST = Path(__file__).resolve().parent.parent / "tests" / "support" / "git_server.py"
OWN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
WHO = {f"GIT_{who}_{what}": f"a{at}example.org" for who in ("AUTHOR", "COMMITTER") for what, at in (("NAME", "."), ("EMAIL", "@"))}


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, env=os.environ | OWN | WHO, check=True, stdout=subprocess.DEVNULL)


def repository(root, files):
    """100 pipelines with as many files each as make `files` together."""
    work, hosted = root / "work", root / "hosted"
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    for pipeline in range(100):
        folder = work / f"p{pipeline:03}"
        folder.mkdir()
        (folder / "main.py").write_text(f"print({pipeline})\n")
        for number in range(files // 100 - 1):
            (folder / f"part{number:03}.py").write_text(f"# {pipeline} {number}\n" + f"VALUE = {number}\n" * 40)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "Begin")
    git(root, "clone", "-q", "--bare", "work", str(hosted / "tools.git"))
    return work, hosted


class Server:
    def __init__(self, binary, root):
        self.data, pipelines = root / "data", root / "pipelines"
        pipelines.mkdir()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")}
        git = {"RIGI_GIT__PROTOCOLS": "http", "RIGI_GIT__INSIDE": "127.0.0.1"}
        command = [binary, "up", str(pipelines), "--data", str(self.data), "--port", "0"]
        self.process = subprocess.Popen(command, env=clean | git, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (self.data / "server.json").exists():
            time.sleep(0.02)
        file = json.loads((self.data / "server.json").read_text())
        self.token, self.port = file["token"], int(file["url"].rsplit(":", 1)[1])

    def call(self, method, path, body=None):
        """The answer, and how many seconds it took."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        begun = time.perf_counter()
        connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        value = json.loads(answer.read() or "null")
        took = time.perf_counter() - begun
        assert answer.status < 300, value
        return value, took


def main():
    binary, files = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        work, hosted = repository(root, files)
        host = subprocess.Popen([sys.executable, str(HOST), str(hosted)], stdout=subprocess.PIPE, text=True)
        port = host.stdout.readline().strip()
        server = Server(binary, root)
        try:
            server.call("POST", "/repositories", {"url": f"http://127.0.0.1:{port}/tools.git"})
            report, first = server.call("POST", "/repositories/tools/sync")
            assert report["plan"]["added"] == 100, report
            nothing = []
            for _ in range(20):
                report, took = server.call("POST", "/repositories/tools/sync")
                assert report["outcome"] == "unchanged", report
                nothing.append(took)
            (work / "p000" / "main.py").write_text("print('other')\n")
            git(work, "commit", "-q", "-a", "-m", "Change")
            git(work, "push", "-q", str(hosted / "tools.git"), "main")
            report, changed = server.call("POST", "/repositories/tools/sync")
            assert report["plan"]["changed"] == 1 and report["plan"]["same"] == 99, report
            server.call("GET", "/pipelines?limit=500")
        finally:
            for process in (server.process, host):
                process.terminate()
                process.wait()
    print(f"first sync of {files} files    {first:.2f} s    (bar: 3 s for 5,000)")
    print(f"nothing new, median of 20    {statistics.median(nothing) * 1000:.0f} ms   (bar: 100 ms; worst {max(nothing) * 1000:.0f})")
    print(f"one file of them changed     {changed:.2f} s")


if __name__ == "__main__":
    main()
