"""Many readers of one log. They read in processes of their own and only keep what comes; what it says is looked at afterwards,
so that the readers are not what is measured."""

import json
import multiprocessing
import selectors
import socket
import sys
import time

PROCESSES = 2


def followers(bench):
    """Five hundred readers of one log at a hundred lines a second."""
    many, lines = bench.scaled(500, 200), bench.scaled(1000, 300)
    bench.pipeline("steady", {"command": [sys.executable, "-c", f"import time\nfor i in range({lines}): print(i, flush=True); time.sleep(0.01)"]})
    with bench.places[0].server(bench) as server:
        run = server.connect().call("POST", "/pipelines/steady/runs", {})["id"]
        cpu, begin = server.cpu(), time.perf_counter()
        with multiprocessing.Pool(PROCESSES) as pool:
            share = many // PROCESSES
            told = pool.starmap(follow, [(server.address, server.token, run, share, lines)] * PROCESSES)
        used, took = server.cpu() - cpu, time.perf_counter() - begin
        wrong = sum(told)
        bench.figures.add(f"followers of one log that miss a line or see one twice, of {share * PROCESSES}", wrong, "", bar=0)
        bench.figures.add(f"server while {share * PROCESSES} follow 100 lines/s", 100 * used / took, "% of a core", bar=20)


def follow(address, token, run, many, lines):
    """How many of `many` readers did not see each line once, in order."""
    host, port = address.split(":")
    request = f"GET /api/v1/runs/{run}/log/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode()
    selector, heard = selectors.DefaultSelector(), {}
    for _ in range(many):
        link = socket.create_connection((host, int(port)))
        link.sendall(request)
        link.setblocking(False)
        heard[link] = bytearray()
        selector.register(link, selectors.EVENT_READ)
    until, open_links = time.monotonic() + 120, many
    while open_links and time.monotonic() < until:
        for key, _ in selector.select(1):
            data = key.fileobj.recv(1 << 16)
            heard[key.fileobj] += data
            if not data or b"event: end" in heard[key.fileobj][-400:]:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                open_links -= 1
    return sum(numbers(bytes(said)) != list(range(1, lines + 1)) for said in heard.values())


def numbers(said):
    """The numbers of the lines that a stream told."""
    said = said.partition(b"\r\n\r\n")[2]
    found = []
    for line in unchunked(said).split(b"\n"):
        if line.startswith(b"data:") and b'"n"' in line:
            found += [one["n"] for one in json.loads(line[5:])]
    return found


def unchunked(said):
    """A body without the frames of `Transfer-Encoding: chunked`."""
    parts, at = [], 0
    while (end := said.find(b"\r\n", at)) >= 0:
        size = int(said[at:end].split(b";")[0] or b"0", 16)
        if size == 0:
            break
        parts.append(said[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)
