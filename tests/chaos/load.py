"""The load: so many runs a second, some repeated, some cancelled; and the ledger of what the server has accepted."""

import heapq
import http.client
import queue
import random
import threading
import time

from tasks import BY_NAME, KINDS
from world import Refused

SUBMITTERS = 6
CANCELLERS = 3
# With so many open runs, the load waits: a storm must not become a backlog that hides what is stuck.
MOST_OPEN = 600


class Ledger:
    """Every accepted answer. Written by the load, read by the checker when the load is over."""

    def __init__(self):
        self.lock = threading.Lock()
        self.runs = {}  # run id -> kind
        self.keys = {}  # idempotency key -> run ids
        self.twins = []  # keys that made more than their runs
        self.cancels = {}  # run id -> "accepted" or "refused"
        self.repeated = 0
        self.cut_off = 0
        self.complaints = []

    def accept(self, key, kind, ids, tries):
        with self.lock:
            self.cut_off += tries > 1
            before = self.keys.setdefault(key, ids)
            if before != ids:
                self.twins.append(f"{key}: {before} and {ids}")
            for run in ids:
                self.runs[run] = kind

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)


class Moments:
    """What just happened between load and server, for those who wait to strike at that instant."""

    def __init__(self):
        self.events = {name: threading.Event() for name in ("submit", "answer", "cancel")}

    def happen(self, name):
        self.events[name].set()

    def wait(self, name, bound):
        self.events[name].clear()
        return self.events[name].wait(bound)


class Load:
    def __init__(self, world, seed, rate):
        self.world, self.rate, self.seed = world, rate, seed
        self.random = random.Random(f"{seed} load")
        self.ledger, self.moments = Ledger(), Moments()
        self.tickets, self.over = queue.Queue(), threading.Event()
        self.to_cancel, self.may_cancel = [], threading.Condition()
        self.open = 0
        self.held_back = 0.0
        self.threads = []

    def start(self):
        workers = [self.pace, *[self.submit] * SUBMITTERS, *[self.cancel] * CANCELLERS]
        self.threads = [threading.Thread(target=worker, daemon=True) for worker in workers]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """No further run; what was begun is brought to its answer."""
        self.over.set()
        for thread in self.threads:
            thread.join(120)
        return [thread.name for thread in self.threads if thread.is_alive()]

    def pace(self):
        """Hands out tickets at an even rate."""
        number, due, dice = 0, time.monotonic(), self.random
        watcher, looked = self.world.client(), 0.0
        while not self.over.is_set():
            kind = dice.choices(KINDS, [kind.weight for kind in KINDS])[0]
            count = dice.randint(2, 6) if kind.name == "noop" and dice.random() < 0.02 else 1
            self.tickets.put((f"{self.seed}-{number}", kind, count, dice.random()))
            number += 1
            due += count / self.rate
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                self.hold_back(watcher)
                due = max(due, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
        for _ in range(SUBMITTERS):
            self.tickets.put(None)

    def hold_back(self, watcher):
        """Waits while too much is open."""
        begin = time.monotonic()
        while not self.over.is_set():
            try:
                self.open = sum(watcher.get("/system")["runs"].values()) + self.tickets.qsize()
            except (OSError, http.client.HTTPException, Refused):
                continue
            if self.open < MOST_OPEN:
                break
            time.sleep(0.1)
        self.held_back += time.monotonic() - begin

    def submit(self):
        client = self.world.client()
        while (ticket := self.tickets.get()) is not None:
            key, kind, count, die = ticket
            try:
                ids, tries = self.submit_one(client, key, kind, count)
                self.ledger.accept(key, kind.name, ids, tries)
                self.moments.happen("answer")
                if die < 0.05:
                    # Whoever did not get the answer asks again: that is no second run.
                    again, _ = self.submit_one(client, key, kind, count)
                    self.ledger.accept(key, kind.name, again, 1)
                    self.ledger.repeated += 1
            except (Refused, OSError, http.client.HTTPException) as error:
                self.ledger.complain(f"POST of {key} ({kind.name}): {error!r}")
                continue
            if (die * 1000) % 1 < BY_NAME[kind.name].cancelled:
                self.plan_cancel(ids[0], (die * 77_000) % 1)

    def submit_one(self, client, key, kind, count):
        headers, label = {"Idempotency-Key": key}, {"labels": {"key": key}}
        sent = lambda: self.moments.happen("submit")
        if count == 1:
            run, tries = client.call("POST", f"/pipelines/{kind.name}/runs", label, headers, sent)
            return [run["id"]], tries
        body = {"runs": [{"pipeline": kind.name, "count": count, **label}]}
        said, tries = client.call("POST", "/runs", body, headers, sent)
        return said["ids"], tries

    def plan_cancel(self, run, part):
        # At once, while it runs, or so late that it may be over.
        delay = 0 if part < 0.2 else part * 2
        with self.may_cancel:
            heapq.heappush(self.to_cancel, (time.monotonic() + delay, run))
            self.may_cancel.notify()

    def next_cancel(self):
        with self.may_cancel:
            while True:
                if self.to_cancel and (wait := self.to_cancel[0][0] - time.monotonic()) <= 0:
                    return heapq.heappop(self.to_cancel)[1]
                if not self.to_cancel:
                    if self.over.is_set() and not any(thread.is_alive() for thread in self.threads[1 : 1 + SUBMITTERS]):
                        return None
                    wait = 0.5
                self.may_cancel.wait(min(wait, 0.5))

    def cancel(self):
        client = self.world.client()
        while (run := self.next_cancel()) is not None:
            try:
                client.call("POST", f"/runs/{run}/cancel", None, None, lambda: self.moments.happen("cancel"))
                said = "accepted"
            except Refused as refused:
                said = "refused" if refused.status == 409 else None
                if said is None:
                    self.ledger.complain(f"cancel of {run}: {refused!r}")
            except (OSError, http.client.HTTPException) as error:
                said = None
                self.ledger.complain(f"cancel of {run}: {error!r}")
            with self.ledger.lock:
                self.ledger.cancels[run] = said
