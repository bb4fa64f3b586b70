"""The checker's own eyes: what it must see is shown to it."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from checker import BREACHES, Checker, Findings
from load import Ledger
from marks import Marks
from tasks import PREAMBLE

RUN = "run_A"


class Place:
    """A folder in which attempts leave their marks, and a server that answers as told."""

    def __init__(self, answers=None):
        self.folder = tempfile.TemporaryDirectory(prefix="rigi-chaos-test-")
        self.chaos = Path(self.folder.name)
        (self.chaos / "locks").mkdir()
        (self.chaos / "marks").touch()
        self.answers = answers or {}

    def attempt(self, script, number=1):
        env = os.environ | {"CHAOS": str(self.chaos), "RIGI_RUN_ID": RUN, "RIGI_ATTEMPT": str(number)}
        return subprocess.Popen(["sh", "-c", PREAMBLE + script], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def client(self):
        return SimpleNamespace(get=lambda path: self.answers[path])


def checked(kind, state, *, events, attempts, lines=(), artifacts=(), cancel=None, told=None, run_attempt=None):
    """The names of the breaches that one run shows."""
    base = f"/runs/{RUN}"
    answers = {
        f"{base}/events": {"items": [{"kind": event} for event in events]},
        f"{base}/attempts": {"items": attempts},
        f"{base}/artifacts": {"items": list(artifacts)},
    }
    for attempt in attempts:
        texts = [{"n": n, "stream": "stdout", "text": text} for n, text in enumerate(lines, 1)]
        answers[f"{base}/log?attempt={attempt['number']}&limit=5000"] = {"lines": texts}
    run = {"id": RUN, "pipeline": kind, "state": state, "attempt": run_attempt or len(attempts), "labels": {"key": "k"}}
    answers["/runs?limit=500"] = {"items": [run]}
    ledger = Ledger()
    ledger.accept("k", kind, [RUN], 1)
    if cancel:
        ledger.cancels[RUN] = cancel
    follower = SimpleNamespace(ended={RUN: told or state}, changed_ends=[])
    findings = Findings()
    Checker(Place(answers), ledger, follower, findings).check()
    return [name for name in BREACHES if findings.weights[name]]


GOOD = {"number": 1, "state": "succeeded", "exit_code": 0, "ended_at": "now"}
ENDED = ["queued", "starting", "running", "succeeded"]
LINE = f"{RUN} 1 1"


class CheckerTest(unittest.TestCase):
    def test_a_good_run_is_good(self):
        self.assertEqual(checked("noop", "succeeded", events=ENDED, attempts=[GOOD], lines=[LINE]), [])

    def test_what_is_wrong_is_seen(self):
        see = lambda **more: checked("noop", **({"state": "succeeded", "events": ENDED, "attempts": [GOOD], "lines": [LINE]} | more))
        self.assertEqual(see(events=[*ENDED, "succeeded"]), ["ended twice"])
        self.assertEqual(see(events=[*ENDED, "running"]), ["ended twice"])
        self.assertEqual(see(lines=[]), ["log lines missing"])
        self.assertEqual(see(lines=[LINE, LINE]), ["log lines twice or out of order"])
        self.assertEqual(see(told="failed"), ["ends that no event told"])
        self.assertEqual(see(cancel="accepted"), ["cancelled that went on"])
        self.assertEqual(see(run_attempt=2), ["ended twice"])
        self.assertEqual(see(artifacts=[{"path": "x", "sha256": "y", "attempt": 1}]), ["artifacts missing or wrong"])
        self.assertEqual(see(attempts=[GOOD | {"exit_code": 3}]), ["wrong end"])
        self.assertEqual(see(state="running", events=["running"], told="running"), ["stuck"])
        self.assertEqual(see(state="cancelled", events=["cancelled"], attempts=[], lines=[]), ["wrong end"])

    def test_a_key_with_two_runs_is_seen(self):
        ledger = Ledger()
        ledger.accept("k", "noop", ["a"], 1)
        ledger.accept("k", "noop", ["b"], 2)
        self.assertEqual(len(ledger.twins), 1)

    def test_two_attempts_at_once_are_caught_also_where_only_a_child_is_left(self):
        place = Place()
        first = place.attempt("sleep 60 >/dev/null & echo $!; read end")
        child = int(first.stdout.readline())
        second = place.attempt("say 1", number=2)
        second.wait()
        first.communicate("")
        third = place.attempt("say 1", number=3)
        third.wait()
        os.kill(child, 9)
        while Path(f"/proc/{child}").exists():
            os.sched_yield()
        fourth = place.attempt("say 1", number=4)
        fourth.wait()
        for process in (second, third, fourth):
            process.communicate()
        marks = Marks(place)
        self.assertEqual(marks.overlaps, [f"{RUN} attempt 2", f"{RUN} attempt 3"])
        self.assertEqual([marks.starts[RUN, number] for number in (1, 2, 3, 4)], [1, 1, 1, 1])
        self.assertEqual(marks.said[RUN, 4], 1)

    def test_half_a_mark_is_none(self):
        place = Place()
        (place.chaos / "marks").write_text(f"\nsaid {RUN} 1 1\nsaid {RUN} 1 2 .\n\nstart {RUN} 1")
        marks = Marks(place)
        self.assertEqual((marks.said[RUN, 1], sum(marks.starts.values())), (2, 0))


if __name__ == "__main__":
    unittest.main()
