"""The unit of systemd: systemd reads it, it is closed enough, and its command works."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from rendering import ROOT

RIGI = os.environ.get("RIGI_BIN")
UNIT = ROOT / "deploy/systemd/rigi.service"


def settings(key):
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.M)


@unittest.skipUnless(shutil.which("systemd-analyze") and RIGI, "there is no systemd-analyze, or RIGI_BIN names no binary")
class Unit(unittest.TestCase):
    def test_systemd_has_nothing_to_say_of_it(self):
        with tempfile.TemporaryDirectory() as folder:
            # Its command must be there.
            copy = Path(folder) / "rigi.service"
            copy.write_text(UNIT.read_text().replace("/usr/local/bin/rigi", RIGI))
            done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if "rigi" in line]), (0, []))

    def test_it_is_closed(self):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=25", UNIT], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout[-500:])

    def test_its_command_serves_and_ends(self):
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "state"
            (state / "pipelines").mkdir(parents=True)
            command = settings("ExecStart")[0].replace("/usr/local/bin/rigi", RIGI).replace("/var/lib/rigi", str(state))
            said = dict(pair.split("=", 1) for line in settings("Environment") for pair in shlex.split(line))
            environment = {key: value.replace("/var/lib/rigi", str(state)) for key, value in said.items()}
            environment |= {"PATH": os.environ["PATH"], "RIGI_SERVER__PORT": "0"}
            with subprocess.Popen(shlex.split(command), env=environment, stdout=subprocess.PIPE, text=True) as server:
                self.assertIn("is ready in", server.stdout.readline())
                status = subprocess.run([RIGI, "status"], env=environment, capture_output=True, text=True, check=False)
                server.send_signal(signal.SIGTERM)
                began = time.monotonic()
                server.wait(60)
            self.assertEqual(status.returncode, 0, status.stderr)
            self.assertEqual(server.returncode, 0)
            self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    unittest.main()
