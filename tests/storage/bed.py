"""A server over one kind of storage, with the pipelines of this folder in a project, and files in two."""
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
RIGI = os.environ.get("RIGI_BIN", "rigi")
ENV = {name: value for name, value in os.environ.items() if not name.startswith(("RIGI_", "AWS_"))} | {"NO_COLOR": "1"}
FILES = {"lab": ("uploads/a.csv", b"x,y\n3,4\n"), "other": ("uploads/secret.csv", b"not yours")}


class Bed:
    """`storage`: keys of `[storage]`."""

    def __init__(self, storage):
        self.root = Path(tempfile.mkdtemp(prefix="rigi-storage-"))
        pipelines = self.root / "pipelines"
        for project in FILES:
            (pipelines / project).mkdir(parents=True)
        for name in ("leave", "rights"):
            shutil.copytree(HERE / name, pipelines / "lab" / name)
        told = "\n".join(f"{key} = {json.dumps(value)}" for key, value in storage.items())
        projects = "\n".join(f'[projects.{name}]\npipelines = "{name}"' for name in FILES)
        (pipelines / "rigi.toml").write_text(f"[storage]\n{told}\n\n{projects}\n")
        self.data = self.root / "data"
        self.log = open(self.root / "log", "wb")
        command = [RIGI, "up", str(pipelines), "--data", str(self.data), "--port", "0"]
        self.server = subprocess.Popen(command, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        ready = select.select([self.server.stdout], [], [], 60)[0]
        line = self.server.stdout.readline().decode() if ready else ""
        if " is ready in " not in line:
            raise SystemExit(f"the server does not start: {line} {(self.root / 'log').read_text()[-2000:]}")

    def rigi(self, *words, timeout=300):
        ended = subprocess.run(
            [RIGI, *words, "--data", str(self.data)],
            capture_output=True, text=True, timeout=timeout, env=ENV, stdin=subprocess.DEVNULL,
        )
        return ended

    def key(self, project, *words):
        """A key for people, as variables."""
        made = self.rigi("storage", "key", "add", *words, "--project", project)
        if made.returncode:
            raise AssertionError(made.stderr)
        return dict(line.removeprefix("export ").split("=", 1) for line in made.stdout.splitlines())

    def s3(self, key, **more):
        return boto3.client(
            "s3", endpoint_url=key["AWS_ENDPOINT_URL"], region_name=key["AWS_REGION"],
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"], aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"], **more,
        )

    def fill(self):
        for project, (path, content) in FILES.items():
            key = self.key(project, "filler", "--write")
            self.s3(key).put_object(Bucket="rigi", Key=f"{project}/{path}", Body=content)

    def run(self, *words):
        """Runs a pipeline to its end; whether it succeeded, its id and its log."""
        ended = self.rigi("run", *words, "--project", "lab", "--wait", "-o", "json")
        run = json.loads(ended.stdout)["id"]
        return ended.returncode == 0, run, self.rigi("runs", "logs", run, "--project", "lab").stdout

    def close(self):
        self.rigi("down", "--cancel")
        self.server.wait(30)
        self.server.stdout.close()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
