"""Uploads that go on where they broke off, while server and clients are killed (SIGKILL) after any number of bytes."""
import hashlib
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from counting import Counting

HERE = Path(__file__).resolve().parent
RIGI = os.environ.get("RIGI_BIN", "rigi")
KILLS = int(os.environ.get("KILLS", "3"))
SIZE = int(os.environ.get("MIB", "80")) << 20
# Bytes that are sent once more for a kill, with those of headers.
AGAIN = (8 << 20) + 4096
ENV = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")} | {"NO_COLOR": "1"}


class Bed:
    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="rigi-uploads-"))
        pipeline = self.root / "pipelines" / "hash"
        pipeline.mkdir(parents=True)
        told = {"command": ["sh", "-c", 'sha256sum "$RIGI_INPUTS"/table/*'], "inputs": {"table": {}}}
        (pipeline / "pipeline.json").write_text(json.dumps(told))
        self.data = self.root / "data"
        self.log = open(self.root / "log", "wb")
        self.server = None
        self.port = 0
        self.start()
        self.token = json.loads((self.data / "server.json").read_text())["token"]
        self.way = Counting(self.port)

    def start(self):
        command = [RIGI, "up", str(self.root / "pipelines"), "--data", str(self.data), "--port", str(self.port)]
        self.server = subprocess.Popen(command, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        ready = select.select([self.server.stdout], [], [], 60)[0]
        line = self.server.stdout.readline().decode() if ready else ""
        if " is ready in " not in line:
            raise SystemExit(f"the server does not start: {line} {(self.root / 'log').read_text()[-2000:]}")
        self.port = int(json.loads((self.data / "server.json").read_text())["url"].rsplit(":", 1)[1].strip("/"))

    def stop(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def fall(self):
        """Killed, and there again."""
        self.stop()
        self.start()

    def command(self, *words):
        return [RIGI, *words, "--url", self.way.url]

    def rigi(self, *words):
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            env=ENV | {"RIGI_TOKEN": self.token},
        )

    def ask(self, path):
        request = urllib.request.Request(f"{self.way.url}/api/v1/{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def close(self):
        self.way.close()
        subprocess.run([RIGI, "down", "--cancel", "--data", str(self.data)], capture_output=True, env=ENV, timeout=60)
        self.server.wait(30)
        self.server.stdout.close()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)


def fresh(path):
    """A file of new content, and its hash."""
    piece = os.urandom(1 << 20)
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(SIZE >> 20):
            part = number.to_bytes(8, "big") + piece[8:]
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


class Uploads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bed = Bed()
        cls.path = cls.bed.root / "large.bin"

    @classmethod
    def tearDownClass(cls):
        cls.bed.close()

    def setUp(self):
        self.random = random.Random(self.id())
        self.sha256 = fresh(self.path)
        self.before = self.bed.way.sent

    def kill_between(self, action, kills):
        """At so many places, each behind what was sent once more for the one before."""
        step = (SIZE - (16 << 20)) // kills
        for number in range(kills):
            self.bed.way.at(number * step + self.random.randrange(8 << 20, step), action)

    def sent_again(self, kills):
        again = self.bed.way.sent - self.before - SIZE
        name = self.id().rsplit(".")[-1]
        print(f"{name}: {kills} kills, {again / kills / (1 << 20):.1f} MiB sent again for each", file=sys.stderr)
        self.assertLessEqual(again, kills * AGAIN + (1 << 16))

    def is_stored(self, url):
        shown = self.bed.ask(f"uploads/tus/{url.rsplit('/')[-1]}")
        self.assertEqual((shown.get("sha256"), shown["name"]), (self.sha256, "large.bin"))

    def test_tus_js_client_while_the_server_is_killed(self):
        self.kill_between(self.bed.fall, KILLS)
        command = ["node", str(HERE / "send.mjs"), f"{self.bed.way.url}/api/v1/uploads/tus", self.bed.token, str(self.path), "1"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.is_stored(ended.stdout.strip())
        self.sent_again(KILLS)

    def test_tus_js_client_in_parts(self):
        command = ["node", str(HERE / "send.mjs"), f"{self.bed.way.url}/api/v1/uploads/tus", self.bed.token, str(self.path), "3"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.is_stored(ended.stdout.strip())

    def test_tuspy_with_checksums_while_the_server_is_killed(self):
        self.kill_between(self.bed.fall, KILLS)
        client = TusClient(f"{self.bed.way.url}/api/v1/uploads/tus", headers={"Authorization": f"Bearer {self.bed.token}"})
        uploader = client.uploader(
            str(self.path), chunk_size=4 << 20, metadata={"filename": "large.bin"}, upload_checksum=True, retries=20, retry_delay=0.2
        )
        uploader.upload()
        self.is_stored(uploader.url)
        self.sent_again(KILLS)

    def test_data_put_while_the_terminal_is_killed(self):
        env = ENV | {"RIGI_TOKEN": self.bed.token}
        words = self.bed.command("data", "put", "killed", str(self.path))
        for number in range(KILLS):
            process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            step = (SIZE - (16 << 20)) // KILLS
            self.bed.way.at(self.random.randrange(step // 2, step), process.kill)
            _, error = process.communicate(timeout=120)
            self.assertEqual(process.returncode, -9, error)
            if number > 0:
                self.assertIn("large.bin goes on at ", error.decode())
        ended = self.bed.rigi("data", "put", "killed", str(self.path))
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("large.bin goes on at ", ended.stderr)
        self.sent_again(KILLS)
        files = self.bed.ask("datasets/killed/versions/1/files")["items"]
        self.assertEqual([file["sha256"] for file in files], [self.sha256])

    def test_an_input_of_a_run_while_the_server_is_killed(self):
        self.kill_between(self.bed.fall, KILLS)
        ended = self.bed.rigi("run", "hash", "--input", f"table={self.path}", "--wait", "-o", "json")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        run = json.loads(ended.stdout)["id"]
        self.assertIn(self.sha256, self.bed.rigi("runs", "logs", run).stdout)
        self.sent_again(KILLS)

    def test_a_connection_that_is_dead_is_ended_by_the_next_request(self):
        client = TusClient(f"{self.bed.way.url}/api/v1/uploads/tus", headers={"Authorization": f"Bearer {self.bed.token}"})
        uploader = client.uploader(str(self.path), chunk_size=SIZE, metadata={"filename": "large.bin"})
        stalled = threading.Event()
        # The way to the server stands still, and nobody closes it.
        self.bed.way.at(20 << 20, lambda: (stalled.set(), threading.Event().wait(20)))
        first = threading.Thread(target=lambda: self.assertRaises(TusCommunicationError, uploader.upload), daemon=True)
        first.start()
        stalled.wait(60)
        again = client.uploader(str(self.path), chunk_size=SIZE, url=uploader.url)
        self.assertGreater(again.offset, 4 << 20)
        again.upload()
        self.is_stored(again.url)


if __name__ == "__main__":
    unittest.main(verbosity=1)
