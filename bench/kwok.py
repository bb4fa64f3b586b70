"""Nodes that only exist in the API, and somebody who speaks for the runners of their pods."""

import base64
import queue
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from datetime import datetime, timezone
from http.client import HTTPConnection
from json import dumps, loads
from pathlib import Path

from kube import Kube

#: Nodes that are ready, pods that run at once and go when they are to.
STAGES = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-initialize}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions: [{key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: NotIn, values: ["True"]}]
  next:
    statusTemplate: |
      addresses: [{address: 10.0.0.1, type: InternalIP}]
      allocatable: {cpu: 1k, memory: 1Ti, pods: 10k}
      capacity: {cpu: 1k, memory: 1Ti, pods: 10k}
      conditions: [{type: Ready, status: "True", reason: KubeletReady, message: ready, lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }}}]
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
      - {key: '.status.podIP', operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now }}
      phase: Running
      podIP: 10.0.0.2
      startTime: {{ $now | Quote }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions: [{key: '.metadata.deletionTimestamp', operator: Exists}]
  next:
    finalizers: {empty: true}
    delete: true
"""
NODES = 3


class Nodes:
    """Real nodes take no pods meanwhile."""

    def __init__(self, kube, given):
        self.kube, self.folder = kube, Path(tempfile.mkdtemp(prefix="rigi-kwok-"))
        (self.folder / "stages.yaml").write_text(STAGES)
        self.command = [given.kwok, f"--kubeconfig={given.kubeconfig}", "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
                        f"--config={self.folder}/stages.yaml", "--server-address=127.0.0.1:0", "--node-lease-duration-seconds=12"]

    def __enter__(self):
        self.real = [node["metadata"]["name"] for node in self.kube.get("/api/v1/nodes")["items"]]
        for name in self.real:
            self.kube.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}})
        for number in range(NODES):
            metadata = {"name": f"kwok-{number}", "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {"type": "kwok"}}
            self.kube.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}, exists=True)
        self.process = subprocess.Popen(self.command, stdout=open(self.folder / "log", "w"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not all(self.ready(number) for number in range(NODES)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"kwok's nodes are not ready: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        return self

    def ready(self, number):
        node = self.kube.get(f"/api/v1/nodes/kwok-{number}")
        return any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", []))

    def __exit__(self, *_):
        for number in range(NODES):
            self.kube.delete(f"/api/v1/nodes/kwok-{number}")
        for name in self.real:
            self.kube.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": False}})
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Player:
    """Says to the server what the runner of each pod would: its claim, the start of its process, its end."""

    def __init__(self, given, namespace, server):
        self.given, self.namespace, self.ended, self.troubles = given, namespace, 0, []
        self.door = server.env["RIGI_RUNNERS__BIND"]
        self.pods, self.seen, self.over, self.lock = queue.Queue(), set(), False, threading.Lock()

    def start(self):
        for work in [self.follow] + [self.play] * 8:
            threading.Thread(target=work, daemon=True).start()

    def stop(self):
        self.over = True

    def follow(self):
        kube = Kube(self.given.kubeconfig)
        for event in kube.watch(f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=app.kubernetes.io%2Fmanaged-by%3Drigi"):
            pod = event["object"]
            name, phase = pod["metadata"]["name"], pod.get("status", {}).get("phase")
            if phase == "Running" and name not in self.seen and "deletionTimestamp" not in pod["metadata"]:
                self.seen.add(name)
                self.pods.put(next(volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if volume["name"] == "token"))
            if self.over:
                return

    def play(self):
        kube = Kube(self.given.kubeconfig)
        while not self.over:
            try:
                self.attempt(kube, self.pods.get(timeout=1))
            except queue.Empty:
                continue
            except Exception as error:
                self.troubles.append(repr(error))

    def attempt(self, kube, name):
        token = self.token(kube, name)
        now = lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        usage = {"cpu_us": 0, "max_memory": 0}
        self.say(token, "claim", {"runner": secrets.token_hex(16), "version": "0", "now": now()})
        began = now()
        self.say(token, "report", {"first": 0, "said": [{"at": began, "what": {"kind": "started", "pid": 7}}]})
        ended = {"exit": {"kind": "code", "code": 0}, "started_at": began, "usage": usage, "log": {"lines": 0, "cut_bytes": 0, "file": None}, "route": None, "outputs": None}
        if self.say(token, "end", {"at": now(), "log_bytes": 0, "ended": ended}):
            with self.lock:
                self.ended += 1

    def token(self, kube, name):
        """The secret comes a moment after the Job."""
        while True:
            status, secret = kube.call("GET", f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
            if status == 200:
                return base64.b64decode(secret["data"]["token"]).decode()
            if self.over:
                raise RuntimeError(f"no secret {name}")
            time.sleep(0.1)

    def say(self, token, what, body):
        """Again until it is heard, as runners do. False where nobody waits for it."""
        while not self.over:
            try:
                http = HTTPConnection(self.door, timeout=30)
                http.request("POST", f"/runner/v1/{what}", dumps(body), {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
                answer = http.getresponse()
                text = answer.read()
                http.close()
            except OSError:
                time.sleep(0.2)
                continue
            if answer.status < 300:
                return loads(text) if text else True
            if answer.status in (409, 410):
                return False
            if answer.status < 500:
                raise RuntimeError(f"{what}: {answer.status} {text[:200]!r}")
            time.sleep(0.2)
        return False
