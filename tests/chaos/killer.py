"""kill -9 of server and supervisor: at any instant, and at those that hurt most. The seed decides; time does not repeat."""

import os
import random
import signal
import time

# Instants at which a server is struck, with weights: anywhere in time; a moment after a request was sent or answered; while it
# starts and takes back what an earlier one left.
SERVER = {"any": 45, "submit": 20, "answer": 10, "cancel": 5, "startup": 20}
# A supervisor: anywhere in time; while it starts and puts things right; together with its server.
SUPERVISOR = {"any": 60, "startup": 20, "both": 20}
# Longest wait for a moment, or for a supervisor to be there again.
PATIENCE = 10
MOST_FAILED_STARTS = 20


class Killer:
    def __init__(self, world, moments, seed, kills, supervisor_kills, gap):
        self.world, self.moments, self.gap = world, moments, gap
        self.dice = random.Random(f"{seed} killer")
        self.wanted = {"server": kills, "supervisor": supervisor_kills}
        self.done = {"server": 0, "supervisor": 0}
        self.struck = {}
        self.failed_starts, self.starts = [], []

    def left(self, target):
        return max(0, self.wanted[target] - self.done[target])

    def count(self, target, moment, alive):
        if alive:
            self.done[target] += 1
            self.struck[f"{target}: {moment}"] = self.struck.get(f"{target}: {moment}", 0) + 1

    def storm(self, tell=lambda done: None):
        while self.left("server") or self.left("supervisor"):
            if len(self.failed_starts) > MOST_FAILED_STARTS:
                return
            target = self.dice.choices(["server", "supervisor"], [self.left("server"), self.left("supervisor")])[0]
            weights = SERVER if target == "server" else SUPERVISOR
            moment = self.dice.choices(list(weights), list(weights.values()))[0]
            time.sleep(self.dice.uniform(0, 2 * self.gap))
            if target == "server":
                self.strike_server(moment)
            else:
                self.strike_supervisor(moment)
            tell(self.done)

    def strike_server(self, moment):
        if moment in self.moments.events:
            self.moments.wait(moment, 1)
            # The answer takes some milliseconds: before, amid or after the commit.
            time.sleep(self.dice.uniform(0, 0.006))
        self.count("server", moment if moment != "startup" else "any", self.world.kill())
        self.restart(again=moment == "startup")

    def restart(self, again=False):
        """Starts the server; with `again`, one that is still starting is killed first."""
        while len(self.failed_starts) <= MOST_FAILED_STARTS:
            begin = time.monotonic()
            self.world.launch()
            if again:
                again = self.dice.random() < 0.3
                time.sleep(self.dice.uniform(0, 1.2 * self.usual_start()))
                self.count("server", "startup", self.world.kill())
                continue
            problem = self.world.wait_ready()
            if problem is None:
                self.starts.append(time.monotonic() - begin)
                return
            self.failed_starts.append(problem)
            self.world.kill()

    def usual_start(self):
        latest = sorted(self.starts[-15:])
        return latest[len(latest) // 2] if latest else 0.03

    def strike_supervisor(self, moment):
        pid = self.supervisor()
        if moment == "both":
            first = self.dice.random() < 0.5
            if first:
                self.count("supervisor", "both", kill(pid))
            time.sleep(self.dice.uniform(0, 0.01))
            self.count("server", "both", self.world.kill())
            if not first:
                time.sleep(self.dice.uniform(0, 0.01))
                self.count("supervisor", "both", kill(pid))
            self.restart()
            return
        self.count("supervisor", "any", kill(pid))
        if moment == "startup":
            pid = self.supervisor(but=pid)
            time.sleep(self.dice.uniform(0, 0.015))
            self.count("supervisor", "startup", kill(pid))

    def supervisor(self, but=None):
        """The supervisor's process id, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE
        while (pid := self.world.supervisor()) in (None, but):
            if time.monotonic() > deadline:
                self.failed_starts.append(f"no supervisor within {PATIENCE} s")
                return None
            time.sleep(0.001)
        return pid


def kill(pid):
    try:
        if pid:
            os.kill(pid, signal.SIGKILL)
            return True
    except ProcessLookupError:
        pass
    return False
