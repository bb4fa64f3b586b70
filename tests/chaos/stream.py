"""Follows `/events` through the storm, coming back with `Last-Event-ID`, and keeps which ends it was told."""

import http.client
import json
import threading

ENDS = {"succeeded", "failed", "cancelled", "timed_out", "skipped"}


class Follower(threading.Thread):
    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.over = threading.Event()
        self.last = None
        self.ended = {}  # run id -> the end that was told
        self.changed_ends = []  # runs that were told to have ended in two ways, or to go on after their end
        self.connections = self.resets = self.again = 0

    def run(self):
        while not self.over.is_set():
            self.world.ready.wait(1)
            connection = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=5)
            try:
                self.listen(connection)
            except (OSError, http.client.HTTPException, ValueError):
                # It was cut off: what was told half is told again.
                pass
            finally:
                connection.close()

    def listen(self, connection):
        headers = {"Authorization": f"Bearer {self.world.token}"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        connection.request("GET", "/api/v1/events", None, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return
        self.connections += 1
        event, data, mark = None, "", None
        while not self.over.is_set():
            line = answer.readline().decode()
            if not line:
                return
            field, _, value = line.rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event = value
            elif field == "data":
                data += value
            elif field == "id":
                mark = value
            elif not line.strip():
                self.hear(event, data)
                # A mark counts when what it stands on was heard.
                self.last = mark or self.last
                event, data, mark = None, "", None

    def hear(self, event, data):
        if event == "reset":
            self.resets += 1
        if event != "run":
            return
        run = json.loads(data)
        before = self.ended.get(run["id"])
        if before is not None:
            self.again += 1
            if run["state"] != before:
                self.changed_ends.append(f"{run['id']}: {before}, then {run['state']}")
        elif run["state"] in ENDS:
            self.ended[run["id"]] = run["state"]
