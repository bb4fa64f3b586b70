#!/usr/bin/env python3
"""Measures webhooks: how many signed deliveries are accepted within a second, how late each is answered, and whether each has one run while
the server is killed.

    bench/webhooks.py BINARY [NAME…]     NAME: rate, kills        KILLS=50 for more of them; SENDERS=8 beside each other

Prints one line a figure, with its bar. Ends with 1 if one is missed that does not depend on the machine.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(__file__))
from flows import call  # noqa: E402
from schedules import FAILED, Server, figure  # noqa: E402

SPEC = {"parameters": {"n": {"type": "integer", "default": 0}}}


def port(server):
    return urlsplit(json.loads((server.data / "server.json").read_text())["url"]).port


def hook(server):
    body = {"pipeline": "fit", "per_minute": 1_000_000, "parameters": {"n": "${body.n}"}}
    made = call(server, "PUT", "/webhooks/load", body)
    return made["path"], base64.b64decode(made["secret"].removeprefix("whsec_"))


def send(connection, path, key, event, body):
    at = str(int(time.time()))
    signed = hmac.new(key, f"{event}.{at}.".encode() + body, hashlib.sha256).digest()
    headers = {"webhook-id": event, "webhook-timestamp": at, "content-type": "application/json"}
    headers["webhook-signature"] = "v1," + base64.b64encode(signed).decode()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, text


def rate(binary):
    count, senders = int(os.environ.get("COUNT", "4000")), int(os.environ.get("SENDERS", "8"))
    with tempfile.TemporaryDirectory() as root:
        server = Server(binary, root)
        server.pipelines({"fit": SPEC | {"max_instances": 1, "command": ["/bin/sleep", "1000"]}})
        server.up()
        path, key = hook(server)
        took, wrong = [], []

        def one(number):
            connection = http.client.HTTPConnection("127.0.0.1", port(server), timeout=20)
            for n in range(number, count, senders):
                begun = time.monotonic()
                status, text = send(connection, path, key, f"msg_{n}", json.dumps({"n": n}).encode())
                took.append(time.monotonic() - begun)
                if status != 202:
                    wrong.append((status, text[:200]))

        begun = time.monotonic()
        threads = [threading.Thread(target=one, args=(n,)) for n in range(senders)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        seconds = time.monotonic() - begun
        took.sort()
        runs = server.rows("SELECT COUNT(*) FROM runs")[0][0]
        p99 = took[int(len(took) * 0.99)] * 1000
        figure("signed deliveries accepted in a second", f"{count / seconds:,.0f}", "500")
        figure("one is answered within, ms", f"p99 {p99:.1f} of {senders} senders", "50")
        figure("runs of them", f"{runs} of {count} {wrong[:3] or ''}", "all", runs == count and not wrong)
        server.kill()


def kills(binary):
    wanted = int(os.environ.get("KILLS", "20"))
    with tempfile.TemporaryDirectory() as root:
        server = Server(binary, root)
        server.pipelines({"fit": SPEC})
        server.up()
        path, key = hook(server)
        sent, stop = [0], threading.Event()

        def sender():
            while not stop.is_set():
                n, answered = sent[0], False
                while not answered and not stop.is_set():
                    try:
                        connection = http.client.HTTPConnection("127.0.0.1", port(server), timeout=5)
                        answered = send(connection, path, key, f"msg_{n}", json.dumps({"n": n}).encode())[0] == 202
                    except (OSError, http.client.HTTPException, ValueError):
                        time.sleep(0.01)
                sent[0] += answered

        thread = threading.Thread(target=sender)
        thread.start()
        for _ in range(wanted):
            time.sleep(random.uniform(0.05, 0.4))
            server.kill()
            server.up()
        time.sleep(0.5)
        stop.set()
        thread.join()
        rows = server.rows("SELECT parameters FROM runs")
        of = [json.loads(row[0])["n"] for row in rows]
        lost = [n for n in range(sent[0]) if n not in set(of)]
        twice = len(of) - len(set(of))
        figure(f"deliveries without a run, of {sent[0]} and {wanted} kills", len(lost), "0", not lost)
        figure("runs of the same delivery", twice, "0", twice == 0)
        server.stop()


if __name__ == "__main__":
    names = sys.argv[2:] or ["rate", "kills"]
    for name in names:
        {"rate": rate, "kills": kills}[name](sys.argv[1])
    sys.exit(1 if FAILED else 0)
