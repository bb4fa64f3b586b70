"""One of several servers of one PostgreSQL, started anew as often as it is ended."""

import json
import os
import subprocess
import sys
import time
import urllib.request


class Peer:
    """`env` is what it is told beside what all are: the world's database, files and pipelines."""

    def __init__(self, world, name, env):
        self.world, self.name, self.env = world, name, env
        self.data = world.root / name
        self.data.mkdir()
        self.prepare()
        self.start()

    def prepare(self):
        """Puts into its data folder what must be there before it starts for the first time."""

    def start(self):
        told = self.data / "server.json"
        told.unlink(missing_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")}
        env |= {
            "HOME": str(self.world.root),
            "RIGI_DATABASE__URL": self.world.database,
            "RIGI_STORAGE__URL": str(self.world.root / "files"),
            "RIGI_LOG__LEVEL": "warn",
            **self.env,
        }
        command = [self.world.binary, "up", str(self.world.pipelines), "--data", str(self.data), "--port", "0"]
        with open(self.world.root / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.told = json.loads(told.read_text())
                return
            except (FileNotFoundError, ValueError):
                time.sleep(0.02)
        sys.exit(f"{self.name} does not start: {(self.world.root / f'{self.name}.log').read_text()[-2000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, method, path, body=None, key=None, timeout=30):
        headers = {"authorization": f"Bearer {self.told['token']}", "content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.told['url']}/api/v1{path}", method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)
