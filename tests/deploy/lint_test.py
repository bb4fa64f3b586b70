"""What others say of the chart: helm's own lint, Kubernetes' schemas, kube-score, checkov. A program that is not there is left out."""

import importlib.util
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from rendering import CHART, EVERYTHING, HELMS, KUBERNETES, PROFILES, SEVERAL, objects

KUBE_SCORE, CHECKOV = os.environ.get("KUBE_SCORE"), os.environ.get("CHECKOV")
VERSIONS = ["1.30", "1.31", "1.32", "1.33", "1.34"]
# Kinds of other projects: their schemas are with them.
OTHERS = ("coreos.com", "kueue.x-k8s.io", "gateway.networking.k8s.io", "route.openshift.io")
ALL = [({}, files) for files in PROFILES.values()] + [(EVERYTHING, ()), (SEVERAL, ())]

# What the chart does not do, on purpose.
KUBE_SCORE_WITHOUT = {
    "container-image-pull-policy": "a version is an image: a tag that moves is refused",
    "container-security-context-user-group-id": "accounts are the image's or the platform's (OpenShift), no number of the chart's",
    "container-ephemeral-storage-request-and-limit": "limits would evict a server whose data folder is on the node",
    "networkpolicy-targets-pod": "pods of runs come later",
}
CHECKOV_WITHOUT = {
    "CKV_K8S_8": "the chart's test has no probes: it ends",
    "CKV_K8S_9": "the same",
    "CKV_K8S_11": "a limit of cpu slows down what has a core to itself",
    "CKV_K8S_15": "a version is an image",
    "CKV_K8S_21": "the namespace is whoever's who installs",
    "CKV_K8S_38": "the server makes Jobs by its token; nobody else has one",
    "CKV_K8S_40": "accounts are the image's or the platform's",
    "CKV_K8S_43": "`image.digest` is there for whoever wants it",
}


def written(folder):
    """Every rendering as a file."""
    for number, (values, files) in enumerate(ALL):
        file = Path(folder) / f"{number}.yaml"
        file.write_text(yaml.safe_dump_all(objects(values, files)))
        yield file


class Lint(unittest.TestCase):
    def test_helm_has_nothing_against_it(self):
        for name, program in HELMS.items():
            for files in PROFILES.values():
                command = [program, "lint", str(CHART), "--strict", "--quiet", "--kube-version", KUBERNETES]
                for file in files:
                    command += ["--values", str(CHART / file)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")

    @unittest.skipUnless(importlib.util.find_spec("kubernetes_validate"), "there is no kubernetes-validate")
    def test_the_schemas_of_five_versions_have_nothing_against_it(self):
        import kubernetes_validate

        looked = set()
        for values, files in ALL:
            for one in objects(values, files):
                text = json.dumps(one, sort_keys=True)
                if any(group in one["apiVersion"] for group in OTHERS) or text in looked:
                    continue
                looked.add(text)
                for version in VERSIONS:
                    with self.subTest(f"{one['kind']} {one['metadata']['name']} {version}"):
                        kubernetes_validate.validate(one, version, strict=True)

    @unittest.skipUnless(KUBE_SCORE, "KUBE_SCORE names no program")
    def test_kube_score_finds_nothing_critical(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [str(file) for file in written(folder)]
            for file in files:
                command = [KUBE_SCORE, "score", file, "--kubernetes-version", "v1.34", "--ignore-container-cpu-limit",
                           "--ignore-test", ",".join(KUBE_SCORE_WITHOUT), "--output-format", "ci"]
                said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
                self.assertEqual([line for line in said.splitlines() if line.startswith("[CRITICAL]")], [])

    @unittest.skipUnless(CHECKOV, "CHECKOV names no program")
    def test_checkov_finds_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [str(file) for file in written(folder)]
            command = [CHECKOV, "--framework", "kubernetes", "--compact", "--quiet", "--output", "json",
                       "--skip-check", ",".join(CHECKOV_WITHOUT), "--file", *files]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said = json.loads(done.stdout)
            found = [f"{one['check_id']} {one['check_name']}: {one['resource']}" for one in said.get("results", {}).get("failed_checks", [])]
            self.assertGreater(said["summary"]["passed"], 500)
            self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
