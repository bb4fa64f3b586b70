#!/usr/bin/env python3
"""How fast Jobs go through a cluster, and what very many of them cost the server.

    bench/cluster.sh RIGI jobs      300 Jobs, beside a bare client's
    bench/cluster.sh RIGI crowd     5,000 Jobs on nodes that kwok plays

Any other cluster by --kubeconfig, --image (on its nodes, with Rigi's program and `true`) and --address (of this machine, as pods reach it). Tables go to target/reports/cluster.json; exits with 1 where a figure falls short.
"""

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path

import kwok
from binary import binary_of
from figures import Figures, quantile
from kube import Kube
from server import Server, resident_memory

NAMESPACE = "rigi-bench"


def server_of(given, runs):
    pipelines = Path(given.folder) / "pipelines"
    spec = pipelines / "noop" / "pipeline.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text('{"command": ["true"], "target": "kubernetes"}')
    port = 7000 + (time.time_ns() // 1000) % 2000
    env = {
        "RIGI_TARGETS__KUBERNETES__KUBECONFIG": given.kubeconfig,
        "RIGI_TARGETS__KUBERNETES__NAMESPACE": NAMESPACE,
        "RIGI_TARGETS__KUBERNETES__IMAGE": given.image,
        "RIGI_RUNNERS__BIND": f"{given.address}:{port}",
    }
    return Server(given.binary, pipelines, runs=runs, env=env)


def left_behind(kube):
    kinds = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "secrets": "/api/v1"}
    label = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Drigi"
    return {kind: len(kube.get(f"{api}/namespaces/{NAMESPACE}/{kind}?{label}")["items"]) for kind, api in kinds.items()}


def wait_clean(kube, seconds=120):
    """What is being removed is given its time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = left_behind(kube)
        if not any(left.values()):
            return left
        time.sleep(0.5)
    return left_behind(kube)


def bare(kube, given, count):
    """Seconds in which Jobs are made, side by side, and watched until all have ended."""
    resources = {"limits": {}, "requests": {}}
    container = {"name": "main", "image": given.image, "imagePullPolicy": "IfNotPresent", "command": ["true"], "resources": resources}
    pod = {"restartPolicy": "Never", "containers": [container], "automountServiceAccountToken": False}
    jobs = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"

    def make(numbers):
        client = Kube(given.kubeconfig)
        for number in numbers:
            spec = {"backoffLimit": 0, "template": {"metadata": {"labels": {"bench": "bare"}}, "spec": pod}}
            client.post(jobs, {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"bare-{number}", "labels": {"bench": "bare"}}, "spec": spec})

    begin = time.monotonic()
    threads = [threading.Thread(target=make, args=(range(first, count, 8),)) for first in range(8)]
    for thread in threads:
        thread.start()
    ended = set()
    for event in kube.watch(f"{jobs}?labelSelector=bench%3Dbare"):
        job = event["object"]
        if any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in job.get("status", {}).get("conditions", [])):
            ended.add(job["metadata"]["name"])
        if len(ended) == count:
            break
    took = time.monotonic() - begin
    for thread in threads:
        thread.join()
    kube.delete(f"{jobs}?labelSelector=bench%3Dbare&propagationPolicy=Background")
    return took


def wait_gone(kube, label, seconds=300):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not kube.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={label}&limit=1")["items"]:
            return
        time.sleep(1)


def jobs(kube, given, figures):
    count = given.count or 300
    rates = {"bare": [], "rigi": []}
    for _ in range(given.rounds):
        rates["bare"].append(count / bare(kube, given, count))
        wait_gone(kube, "bench%3Dbare")
        with server_of(given, count) as server:
            link = server.connect()
            begin = time.monotonic()
            link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": count}]})
            link.drained(1800)
            rates["rigi"].append(count / (time.monotonic() - begin))
            ends = link.call("GET", "/system")["runs"]
            states = link.call("GET", "/runs?state=succeeded&limit=500")["items"]
            left = wait_clean(kube)
        print(f"  bare {rates['bare'][-1]:.2f}/s, Rigi {rates['rigi'][-1]:.2f}/s, {len(states)} succeeded, {ends}, left {left}", flush=True)
        if len(states) != count:
            figures.missing("runs that did not succeed", str(count - len(states)))
    limit = max(rates["bare"])
    figures.add(f"limit: {count} Jobs of a bare client", limit, "/s")
    figures.add(f"{count} runs as Jobs", max(rates["rigi"]), "/s", limit=limit, bar=0.8, best="high")
    figures.add("left behind: Jobs, pods, secrets", sum(left.values()), "", bar=0)
    figures.add("submit to Job made, one after the other: p99", quantile(lone(kube, given), 0.99), "ms", bar=200)


def lone(kube, given):
    """Milliseconds from just before the request until the API server has the Job, as a watch tells it; each when the one before has ended."""
    with server_of(given, 300) as server:
        link = server.connect()
        found, ready = {}, threading.Condition()

        def follow():
            for event in Kube(given.kubeconfig).watch(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"):
                with ready:
                    found.setdefault(event["object"]["metadata"]["labels"].get("rigi.run/attempt", "").split(".")[0], time.monotonic())
                    ready.notify_all()

        threading.Thread(target=follow, daemon=True).start()
        waits = []
        for _ in range(60):
            begin = time.monotonic()
            run = link.call("POST", "/pipelines/noop/runs", {})["id"]
            with ready:
                if not ready.wait_for(lambda: run in found, 30):
                    raise RuntimeError(f"no Job of {run} within 30 s")
            waits.append(1000 * (found[run] - begin))
            link.drained(60)
        wait_clean(kube)
    return waits


def crowd(kube, given, figures):
    """The server is killed twice while very many Jobs are on their way."""
    count = given.count or 5000
    with kwok.Nodes(kube, given), server_of(given, count) as server:
        player = kwok.Player(given, NAMESPACE, server)
        link = server.connect()
        link.call("POST", "/runs", {"runs": [{"pipeline": "noop", "count": count}]})
        player.start()
        begin, most, kills = time.monotonic(), 0, [count // 3, 2 * count // 3]
        while True:
            most = max(most, resident_memory(server.process.pid))
            if player.troubles:
                raise RuntimeError(f"the runners' player: {player.troubles[0]}")
            if kills and player.ended >= kills[0]:
                kills.pop(0)
                server.start_again(runs=count)
                link = server.connect()
                print(f"  killed after {player.ended} ends", flush=True)
            runs = link.call("GET", "/system")["runs"]
            if not sum(runs.values()) or time.monotonic() - begin > 3600:
                break
            time.sleep(0.5)
        took = time.monotonic() - begin
        done = {state: pages(link, state) for state in ("succeeded", "failed", "cancelled")}
        again = sum(run["attempt"] > 1 for run in done["succeeded"])
        left = wait_clean(kube, 600)
        player.stop()
    print(f"  {({state: len(runs) for state, runs in done.items()})}, {again} by more than one attempt, left {left}, {player.troubles[:3]}")
    figures.add(f"{count:,} Jobs on nodes of kwok", count / took, "/s")
    figures.add("server's memory meanwhile", most / 2**20, "MB", bar=150)
    figures.add("runs that did not succeed, over two kills of the server", count - len(done["succeeded"]), "", bar=0)
    figures.add("left behind: Jobs, pods, secrets, of nodes of kwok", sum(left.values()), "", bar=0)


def pages(link, state):
    items, cursor = [], ""
    while cursor is not None:
        page = link.call("GET", f"/runs?state={state}&limit=500" + (f"&cursor={cursor}" if cursor else ""))
        items += page["items"]
        cursor = page.get("next_cursor")
    return items


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["jobs", "crowd"])
    parser.add_argument("--binary")
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--image", required=True, help="holds Rigi's program and `true`; on every node")
    parser.add_argument("--address", required=True)
    parser.add_argument("--count", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kwok", default="kwok")
    given = parser.parse_args()
    given.binary = binary_of(given.binary)
    given.folder = subprocess.check_output(["mktemp", "-d"], text=True).strip()
    kube = Kube(given.kubeconfig)
    kube.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, exists=True)
    figures = Figures(False, "cluster")
    {"jobs": jobs, "crowd": crowd}[given.what](kube, given, figures)
    sys.exit(1 if figures.close() else 0)


if __name__ == "__main__":
    main()
