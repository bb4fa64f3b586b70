"""After the storm: every accepted answer against what the server says, what the runs said, and what is left behind."""

import hashlib
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from marks import Marks
from stream import ENDS
from tasks import BY_NAME, lines_of, own_output

READERS = 4
PAGE = 500
# Attempts that end without the pipeline's fault are repeated so often; then the run has failed.
MOST_LOST = 3

# What is counted, in the order of the report. Each must be 0.
BREACHES = [
    "lost",
    "one key, two runs",
    "ended twice",
    "stuck",
    "wrong end",
    "cancelled that went on",
    "two attempts of one run at once",
    "an attempt started twice",
    "log lines missing",
    "log lines twice or out of order",
    "artifacts missing or wrong",
    "ends that no event told",
    "orphan processes",
    "orphan files",
    "orphan control groups",
    "starts that failed",
    "requests that failed",
]


class Findings:
    """Breaches by name, with examples."""

    def __init__(self):
        self.lock = threading.Lock()
        self.found = {name: [] for name in BREACHES}
        self.weights = dict.fromkeys(BREACHES, 0)

    def add(self, name, example, weight=1):
        with self.lock:
            self.found[name].append(example)
            self.weights[name] += weight

    def add_all(self, name, examples):
        for example in examples:
            self.add(name, example)


class Checker:
    def __init__(self, world, ledger, follower, findings):
        self.world, self.ledger, self.follower, self.findings = world, ledger, follower, findings
        self.client = world.client()
        self.local = threading.local()
        self.artifacts = set()  # hashes that runs refer to
        self.logs = set()  # (run, attempt) that may have a log of their own
        self.attempts, self.ends = defaultdict(int), defaultdict(int)
        self.lines = 0

    def drain(self, bound):
        """Waits until nothing waits and nothing runs; what does not end within the bound is stuck."""
        deadline = time.monotonic() + bound
        while any((counts := self.client.get("/system")["runs"]).values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return counts

    def runs(self):
        all_runs, cursor = [], ""
        while cursor is not None:
            page = self.client.get(f"/runs?limit={PAGE}" + (f"&cursor={cursor}" if cursor else ""))
            all_runs += page["items"]
            cursor = page.get("next_cursor")
        return all_runs

    def check(self):
        """Everything that the API can say. Returns how many runs there are."""
        self.marks = Marks(self.world)
        runs, ledger, findings = self.runs(), self.ledger, self.findings
        there = {run["id"] for run in runs}
        findings.add_all("lost", (f"{run} ({kind})" for run, kind in ledger.runs.items() if run not in there))
        findings.add_all("one key, two runs", ledger.twins)
        by_key = defaultdict(set)
        for run in runs:
            by_key[run["labels"]["key"]].add(run["id"])
        for key, ids in by_key.items():
            if ids != set(ledger.keys.get(key, ())) and not self.unanswered(key):
                findings.add("one key, two runs", f"{key}: {sorted(ids)}, answered {ledger.keys.get(key)}")
        findings.add_all("two attempts of one run at once", self.marks.overlaps)
        findings.add_all("an attempt started twice", self.marks.started_twice())
        findings.add_all("requests that failed", ledger.complaints)
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(self.check_run, runs))
        self.check_stream(runs)
        return len(runs)

    def unanswered(self, key):
        """Its POST never got an answer, so that both is right: a run, and none."""
        return any(f"POST of {key} " in complaint for complaint in self.ledger.complaints)

    def get(self, path):
        if not hasattr(self.local, "client"):
            self.local.client = self.world.client()
        return self.local.client.get(path)

    def check_run(self, run):
        kind = BY_NAME[run["pipeline"]]
        self.ends[run["state"]] += 1
        if run["state"] not in ENDS:
            self.findings.add("stuck", f"{run['id']} ({kind.name}) is {run['state']}: {run.get('message')}")
            return
        attempts = self.get(f"/runs/{run['id']}/attempts")["items"]
        self.check_ends(run, attempts)
        self.check_end(run, kind, attempts)
        for attempt in attempts:
            self.attempts[attempt["state"]] += 1
            self.logs.add((run["id"], attempt["number"]))
            self.check_log(run, kind, attempt)
        self.check_artifacts(run, kind)

    def check_ends(self, run, attempts):
        """One end of the run, as its last event, and one of each attempt."""
        kinds = [event["kind"] for event in self.get(f"/runs/{run['id']}/events")["items"]]
        ends = [kind for kind in kinds if kind in ENDS]
        if ends != [run["state"]] or kinds[-1] != run["state"]:
            self.findings.add("ended twice", f"{run['id']}: {kinds}")
        numbers = [attempt["number"] for attempt in attempts]
        if numbers != list(range(1, run["attempt"] + 1)) or any("ended_at" not in attempt for attempt in attempts):
            self.findings.add("ended twice", f"{run['id']}: attempts {numbers} of {run['attempt']}")

    def check_end(self, run, kind, attempts):
        wrong = lambda why: self.findings.add("wrong end", f"{run['id']} ({kind.name}): {why}")
        states = [attempt["state"] for attempt in attempts]
        cancel = self.ledger.cancels.get(run["id"])
        if cancel == "accepted" and run["state"] != "cancelled":
            self.findings.add("cancelled that went on", f"{run['id']} ({kind.name}) is {run['state']}: {states}")
        if run["state"] == "cancelled":
            if cancel != "accepted":
                wrong(f"cancelled, but the answer to the cancel was: {cancel}; {states}")
            return
        lost = states.count("lost")
        if run["state"] == "failed" and lost > MOST_LOST:
            return
        for attempt in attempts:
            if attempt["state"] != "lost" and attempt.get("exit_code") != kind.exit_of(attempt["number"]):
                wrong(f"attempt {attempt['number']} is {attempt['state']} with {attempt.get('exit_code')} ({attempt.get('message')})")
        last = attempts[-1]["number"] if attempts else 0
        expected = "succeeded" if attempts and kind.exit_of(last) == 0 else "failed"
        if run["state"] != expected or states[-1:] == ["lost"]:
            wrong(f"{run['state']} ({run.get('message')}): {states}")

    def check_log(self, run, kind, attempt):
        """Each line once and in order; all of them, unless the attempt was kept from its end."""
        number = attempt["number"]
        lines = self.get(f"/runs/{run['id']}/log?attempt={number}&limit=5000")["lines"]
        said = [line["text"] for line in lines if line["stream"] == "stdout"]
        self.lines += len(said)
        what = f"{run['id']} attempt {number} ({kind.name}, {attempt['state']})"
        wanted = [f"{run['id']} {number} {n}" for n in range(1, len(said) + 1)]
        if said != wanted or [line["n"] for line in lines] != list(range(1, len(lines) + 1)):
            self.findings.add("log lines twice or out of order", f"{what}: {said[:20]}")
        noted = [line["text"] for line in lines if line["stream"] not in ("stdout", "stderr")]
        if attempt["state"] in ("succeeded", "failed"):
            least = lines_of(kind, number)
        else:
            least = self.marks.said[run["id"], number]
            if any("supervisor was killed" in text for text in noted):
                # It takes along what it has not written down yet: usually ten milliseconds' lines, on a machine that is
                # short of everything up to a second's.
                least = least - 10 if kind.paced else 0
        if len(said) < least:
            self.findings.add("log lines missing", f"{what}: {len(said)} of {least}; Rigi's own: {noted}", least - len(said))

    def check_artifacts(self, run, kind):
        items = self.get(f"/runs/{run['id']}/artifacts")["items"]
        self.artifacts.update(item["sha256"] for item in items)
        if run["state"] != "succeeded":
            return
        number = run["attempt"]
        found = {item["path"]: item["sha256"] for item in items if item["attempt"] == number}
        wanted = kind.outputs(run["id"], number) if kind.outputs else {}
        if found != wanted:
            self.findings.add("artifacts missing or wrong", f"{run['id']}: {found}")
        elif wanted:
            own = self.local.client.raw(f"/runs/{run['id']}/artifacts/own.txt")
            if own.decode() != own_output(run["id"], number):
                self.findings.add("artifacts missing or wrong", f"{run['id']}: own.txt is {own!r}")

    def check_stream(self, runs):
        told = self.follower.ended
        for run in runs:
            if run["state"] in ENDS and told.get(run["id"]) != run["state"]:
                self.findings.add("ends that no event told", f"{run['id']}: {run['state']}, told {told.get(run['id'])}")
        self.findings.add_all("ended twice", self.follower.changed_ends)

    def code_hashes(self):
        files = self.world.pipelines.glob("*/*")
        return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}
