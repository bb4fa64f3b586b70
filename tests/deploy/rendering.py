"""The chart as helm renders it, for tests: objects of one set of values."""

import copy
import functools
import json
import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/rigi"
HELMS = {name: os.environ[name] for name in ("HELM3", "HELM4") if os.environ.get(name)}
KUBERNETES = "1.34.0"
PROFILES = {
    "default": (),
    "dev": ("values-dev.yaml",),
    "staging": ("values-staging.yaml",),
    "prod": ("values-prod.yaml",),
}


class Refused(Exception):
    """Helm renders nothing; the words say why."""


def text(values=None, files=(), helm="HELM3", namespace="lab", release="rigi", apis=()):
    """What `helm template` prints."""
    command = [HELMS[helm], "template", release, str(CHART), "--namespace", namespace, "--kube-version", KUBERNETES]
    for file in files:
        command += ["--values", str(CHART / file)]
    for api in apis:
        command += ["--api-versions", api]
    done = subprocess.run(
        [*command, "--values", "-"], input=json.dumps(values or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


@functools.cache
def _objects(values, files, helm, namespace, apis):
    said = text(json.loads(values), files, helm, namespace, apis=apis)
    return [one for one in yaml.safe_load_all(said) if one]


def objects(values=None, files=(), helm="HELM3", namespace="lab", apis=()):
    """The same as objects."""
    return _objects(json.dumps(values or {}, sort_keys=True), tuple(files), helm, namespace, tuple(apis))


def merged(base, **more):
    """Values with others laid over them."""
    values = copy.deepcopy(base)
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            values[key] = merged(values[key], **value)
        else:
            values[key] = value
    return values


def find(all_of, kind, name="rigi"):
    """One of them."""
    found = [one for one in all_of if one["kind"] == kind and one["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {len(found)} of {[(o['kind'], o['metadata']['name']) for o in all_of]}"
    return found[0]


def kinds(all_of):
    return {one["kind"] for one in all_of}


def pod_of(one):
    """The spec of the pods that a workload makes."""
    spec = one.get("spec", {})
    if one["kind"] == "Pod":
        return spec
    if one["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template", {}).get("spec")


def workloads(all_of):
    return [one for one in all_of if one["kind"] in ("Deployment", "StatefulSet", "CronJob", "Pod", "Job", "DaemonSet")]


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


# Everything at once, as far as one server has it.
EVERYTHING = {
    "url": "https://rigi.example.org",
    "database": {"bundled": {"enabled": True, "existingSecret": "pg"}},
    "keys": {"existingSecret": "key"},
    "secretFiles": {"mail.password": {"existingSecret": "mail", "key": "password"}},
    "pipelines": {"inline": {"hello": {"pipeline.yaml": "command: [echo, hello]\n"}}},
    "runs": {"namespace": "runs", "queue": "lab", "serviceAccounts": {"gke": {"annotations": {"a": "b"}}}},
    "ingress": {"enabled": True},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
    "route": {"enabled": True},
    "kueue": {"enabled": True, "cohort": "all", "projects": {"lab": {"cpu": "8", "memory": "32Gi", "borrowing": {"cpu": "4"}}}},
    "metrics": {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}},
    "backup": {"enabled": True},
    "imagePullSecrets": ["registry"],
}
# Several servers.
SEVERAL = {
    "replicas": 2,
    "database": {"external": {"existingSecret": "db"}},
    "keys": {"existingSecret": "key"},
    "persistence": {"enabled": False},
    "config": {"storage": {"url": "s3://bucket/rigi"}},
}
