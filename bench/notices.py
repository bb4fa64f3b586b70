#!/usr/bin/env python3
"""Measures notices: whether each of many incidents is told once, while the one who is told refuses a third and the server is killed.

    bench/notices.py BINARY     KILLS=5 INCIDENTS=100

Prints one line a figure, with its bar. Ends with 1 if one is missed.
"""

import collections
import http.server
import json
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
from flows import call  # noqa: E402
from schedules import FAILED, Server, figure  # noqa: E402


class Told(http.server.BaseHTTPRequestHandler):
    """Refuses the first try of three in ten, and remembers what it took."""

    taken = collections.Counter()
    of = {}
    tried = set()
    dice = random.Random(7)
    lock = threading.Lock()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = self.headers["webhook-id"]
        with self.lock:
            refuse = name not in self.tried and self.dice.random() < 0.3
            self.tried.add(name)
            if not refuse:
                self.taken[name] += 1
                self.of[name] = body["data"].get("pipeline")
        self.send_response(503 if refuse else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main(binary):
    count, kills = int(os.environ.get("INCIDENTS", "100")), int(os.environ.get("KILLS", "5"))
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    os.environ["RIGI_OUTBOUND__ALLOW_INSIDE"] = "127.0.0.0/8"
    with tempfile.TemporaryDirectory() as root:
        server = Server(binary, root)
        server.pipelines({f"p{n}": {"command": ["/bin/false"]} for n in range(count)})
        server.keeps = ("RIGI_OUTBOUND__ALLOW_INSIDE",)
        server.up()
        target = f"http://127.0.0.1:{listener.server_port}/hook"
        call(server, "PUT", "/channels/all", {"kind": "webhook", "target": target})
        call(server, "PUT", "/rules/failures", {"on": ["failed", "recovered"], "channels": ["all"]})
        dice, begun = random.Random(1), time.monotonic()
        for round_ in range(2):
            call(server, "POST", "/runs", {"runs": [{"pipeline": f"p{n}"} for n in range(count)]})
            for _ in range(kills):
                time.sleep(dice.uniform(0.1, 0.8))
                server.kill()
                server.up()
        wanted = time.monotonic() + 120
        told = "SELECT COUNT(*) FROM notices WHERE state = 'sent'"
        ended = "SELECT COUNT(*) FROM runs WHERE state = 'failed'"
        while time.monotonic() < wanted:
            if server.rows(told)[0][0] >= count and server.rows(ended)[0][0] == 2 * count:
                break
            time.sleep(0.2)
        took = time.monotonic() - begun
        time.sleep(1)
        rows = server.rows("SELECT state, COUNT(*) FROM notices GROUP BY state")
        incidents = server.rows("SELECT COUNT(*), SUM(count) FROM incidents")[0]
        server.stop()
    pipelines = collections.Counter(Told.of.values())
    again = sum(times - 1 for times in Told.taken.values())
    figure(f"incidents of {2 * count} failures and {2 * kills} kills, all counted", f"{incidents} in {took:.0f} s", (count, 2 * count), incidents == (count, 2 * count))
    figure("incidents that were told", f"{len(pipelines)} of {count}, {rows}", "all", len(pipelines) == count)
    figure("told under two ids", sum(1 for times in pipelines.values() if times > 1), "0", all(times == 1 for times in pipelines.values()))
    figure("sent again under the same id, after a kill", again, f"at most {2 * kills}", again <= 2 * kills)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.exit(1 if FAILED else 0)
