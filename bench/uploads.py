#!/usr/bin/env python3
"""How fast a large file is uploaded beside `cp` of the same file, with and without `sync`, in turns in one run: in one piece that is lost when it
breaks, by tus, and by `rigi data put`, which hashes the file first.

    python3 bench/uploads.py [BINARY]

MIB=1024 is how large it is, ROUNDS=3 how often. Ratios count: machines are noisy.
"""
import http.client
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from binary import binary_of
from server import Server

SIZE = int(os.environ.get("MIB", "1024")) << 20
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def fresh(path, number):
    """A file that no server has."""
    piece = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for index in range(SIZE >> 20):
            file.write(f"{number} {index:6}".encode().ljust(32) + piece[32:])
        file.flush()
        os.fsync(file.fileno())


def ask(server, method, path, headers, body=None):
    connection = http.client.HTTPConnection(server.address, timeout=600, blocksize=256 << 10)
    connection.request(method, path, body, {"Authorization": f"Bearer {server.token}", "Tus-Resumable": "1.0.0", **headers})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
    return answer


def copy(_, path):
    to = path.with_name("copy")
    to.unlink(missing_ok=True)
    subprocess.run(["cp", "--reflink=never", path, to], check=True)


def copy_that_lasts(_, path):
    copy(_, path)
    subprocess.run(["sync", path.with_name("copy")], check=True)


def whole(server, path):
    with open(path, "rb") as file:
        ask(server, "POST", "/api/v1/uploads?name=large.bin", {"Content-Length": str(SIZE)}, file)


def tus(server, path):
    at = ask(server, "POST", "/api/v1/uploads/tus", {"Upload-Length": str(SIZE)}).headers["Location"]
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": str(SIZE)}
    with open(path, "rb") as file:
        ask(server, "PATCH", at, headers, file)


def put(server, path):
    command = [server.binary, "data", "put", "large", str(path), "--data", str(server.data)]
    subprocess.run(command, check=True, env=server.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def memory(pid):
    """The most that it had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) >> 10


def main():
    binary = binary_of(sys.argv[1] if len(sys.argv) > 1 else None)
    ways = {"cp": copy, "cp, sync": copy_that_lasts, "one piece": whole, "tus": tus, "data put": put}
    seen = {name: [] for name in ways}
    pipelines = Path(__file__).resolve().parent.parent / "examples"
    with Server(binary, pipelines) as server:
        path = server.folder / "large.bin"
        for number in range(ROUNDS):
            for name, way in ways.items():
                fresh(path, f"{name} {number}")
                began = time.perf_counter()
                way(server, path)
                seen[name].append(SIZE / 1e6 / (time.perf_counter() - began))
                # It is measured how it is taken, not how much room there is.
                blobs = (server.data / "objects" / "default" / "blobs").glob("*/*")
                [blob.unlink() for blob in blobs if blob.stat().st_size == SIZE]
        most = memory(server.process.pid)
    # What is uploaded lasts when that is answered.
    base = statistics.median(seen["cp, sync"])
    print(f"{SIZE >> 20} MiB, {ROUNDS} rounds; the server had {most} MiB at most")
    for name, rates in seen.items():
        rate = statistics.median(rates)
        print(f"{name:10} {rate:7.0f} MB/s  {rate / base:5.2f} of cp, sync  ({', '.join(f'{one:.0f}' for one in rates)})")


if __name__ == "__main__":
    main()
