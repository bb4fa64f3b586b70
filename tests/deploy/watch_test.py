"""Dashboards and alert rules: each metric that they name is one of docs/operate/watching.md, and that table is what a server says.
RIGI_BIN names the binary."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

import yaml

from rendering import ROOT

RIGI = os.environ.get("RIGI_BIN")
WATCH = ROOT / "deploy/watch"
HISTOGRAM = ("_bucket", "_sum", "_count")
# Long enough to be a metric, and none of PromQL's own words.
NAMES = re.compile(r"\b(rigi_[a-z_]+|process_[a-z_]+|up)\b(?!\s*=[^=])")


def table():
    """Each metric of the documentation: its kind, and when it is there."""
    found = {}
    for row in re.findall(r"^\| (`(?:rigi_|process_|up`).*)$", (WATCH.parents[1] / "docs/operate/watching.md").read_text(), re.M):
        cells = [cell.strip() for cell in row.split("|")]
        for name in re.findall(r"`([a-z_]+)`", cells[0]):
            if len(cells) > 4:
                found[name] = (cells[1], cells[3])
    return found


def expressions():
    """Every expression of the rules and the dashboards, and where it stands."""
    for group in yaml.safe_load((WATCH / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for file in sorted((WATCH / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{file.name}: {panel['title']}", target["expr"]


def base(name, known):
    """The metric that a series belongs to."""
    for end in HISTOGRAM:
        if name.endswith(end) and known.get(name.removesuffix(end), ("",))[0] == "histogram":
            return name.removesuffix(end)
    return name


class Names(unittest.TestCase):
    def test_each_is_documented(self):
        known, seen = table(), set()
        self.assertGreater(len(known), 25)
        for place, expression in expressions():
            names = {base(name, known) for name in NAMES.findall(re.sub(r'"[^"]*"', "", expression))}
            self.assertTrue(names, place)
            self.assertEqual(names - set(known), set(), place)
            seen |= names
        self.assertEqual(set(known) - seen, set(), "documented, and nobody looks at it")

    def test_each_alert_is_documented_and_has_both_tests(self):
        rules = [rule["alert"] for rule in yaml.safe_load((WATCH / "alerts.yaml").read_text())["groups"][0]["rules"]]
        page = (ROOT / "docs/operate/watching.md").read_text()
        self.assertEqual(re.findall(r"^\| `(Rigi\w+)`", page, re.M), rules)
        tests = [test["name"] for test in yaml.safe_load((WATCH / "alerts_test.yaml").read_text())["tests"]]
        self.assertEqual(tests, [f"{rule} {way}" for rule in rules for way in ("fires", "does not")])

    def test_what_is_made_is_what_is_there(self):
        for script in (WATCH / "dashboards.py", ROOT / "deploy/helm/schema.py"):
            done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool")
    def test_the_rules_hold(self):
        for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"], ["check", "config", "prometheus.yaml"]):
            done = subprocess.run(["promtool", *command], cwd=WATCH, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(shutil.which("amtool"), "there is no amtool")
    def test_the_example_of_alertmanager_is_read(self):
        done = subprocess.run(["amtool", "check-config", WATCH / "alertmanager.yaml"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


@unittest.skipUnless(RIGI, "RIGI_BIN names no binary")
class Said(unittest.TestCase):
    def test_a_server_that_ran_something_says_what_is_documented(self):
        with tempfile.TemporaryDirectory() as folder:
            pipelines, data = Path(folder) / "pipelines", Path(folder) / "data"
            shutil.copytree(ROOT / "examples/word-count", pipelines / "word-count")
            (pipelines / "fails").mkdir()
            (pipelines / "fails/pipeline.yaml").write_text('command: ["false"]\n')
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "RIGI_DATA": str(data)}

            def rigi(*arguments, check=True):
                return subprocess.run([RIGI, *arguments], env=environment, check=check, capture_output=True, text=True)

            rigi("up", str(pipelines), "--port", "0", "--detach")
            try:
                text = next((ROOT / "examples/word-count/sample").rglob("*.txt"))
                rigi("run", "word-count", "-i", f"texts={text}", "--wait")
                rigi("run", "fails", "--wait", check=False)
                server = json.loads((data / "server.json").read_text())
                address = (server.get("local") or server["url"]) + "/metrics"
                asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {server['token']}"})
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    said = answer.read().decode()
            finally:
                rigi("down", str(pipelines), "--cancel")
        names = set(re.findall(r"^([a-z_]+)[ {]", said, re.M))
        known = table()
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", said, re.M):
            self.assertEqual(known.get(name, ("undocumented",))[0].split(",")[0], kind, name)
            self.assertIn(f"# HELP {name} ", said)
        said_now = {base(name, known) for name in names}
        for name in said_now:
            self.assertIn(name, known, "the documentation does not have it")
        self.assertEqual({name for name, (_, there) in known.items() if there == "always"} - said_now, set())
        for name in ("rigi_runs_accepted_total", "rigi_runs_ended_total"):
            self.assertIn(name, said_now)


if __name__ == "__main__":
    unittest.main()
