"""The chart: what it renders, what it refuses, and that it renders the same twice. HELM3 and HELM4 name the programs."""

import re
import tomllib
import unittest

import yaml

from rendering import (
    CHART,
    EVERYTHING,
    HELMS,
    PROFILES,
    ROOT,
    SEVERAL,
    Refused,
    containers,
    find,
    kinds,
    merged,
    objects,
    pod_of,
    text,
    workloads,
)

ALL = [({}, files) for files in PROFILES.values()] + [(EVERYTHING, ()), (SEVERAL, ())]


def toml_of(values, files=()):
    return tomllib.loads(find(objects(values, files), "ConfigMap")["data"]["rigi.toml"])


class Rendering(unittest.TestCase):
    def test_twice_is_the_same(self):
        for values, files in ALL:
            self.assertEqual(text(values, files), text(values, files))

    def test_both_helms_say_the_same(self):
        if len(HELMS) < 2:
            self.skipTest("one helm alone")
        for values, files in ALL:
            self.assertEqual(objects(values, files, "HELM3"), objects(values, files, "HELM4"))

    def test_nothing_is_looked_up_and_nothing_is_random(self):
        words = re.compile(r"\b(lookup|rand\w*|uuidv4|now|gen\w*(Cert|CA|Key)\w*|htpasswd|derivePassword)\b")
        for file in CHART.rglob("templates/**/*"):
            if file.is_file() and file.name != "NOTES.txt":
                for action in re.findall(r"\{\{(.*?)\}\}", file.read_text(), re.S):
                    code = re.sub(r'"(\\.|[^"\\])*"|/\*.*?\*/', "", action, flags=re.S)
                    self.assertIsNone(words.search(code), f"{file.name}: {action}")

    def test_there_are_no_hooks_but_the_test_and_no_jobs(self):
        for values, files in ALL:
            for one in objects(values, files):
                self.assertNotEqual(one["kind"], "Job")
                hook = one["metadata"].get("annotations", {}).get("helm.sh/hook")
                self.assertIn((one["kind"], hook), [(one["kind"], None), ("Pod", "test")])

    def test_the_base_of_kustomize_is_what_the_chart_renders(self):
        base = (ROOT / "deploy/kustomize/base/rigi.yaml").read_text()
        rendered = text({"tests": {"enabled": False}}, namespace="default")
        self.assertEqual(base.split("\n", 2)[2], rendered, "deploy/kustomize/render.sh makes it")

    def test_all_files_name_the_version_that_is_built(self):
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        about = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((about["version"], about["appVersion"]), (version, version))
        for file in ("helm/restore.yaml", "compose/compose.yaml", "kustomize/base/rigi.yaml", "image/Dockerfile"):
            named = re.findall(r"(?:\brigi:|VERSION=)(\d+\.\d+\.\d+)", (ROOT / "deploy" / file).read_text())
            self.assertEqual(set(named), {version}, file)

    def test_no_two_objects_have_one_name(self):
        for values, files in ALL:
            names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects(values, files)]
            self.assertEqual(len(names), len(set(names)), names)

    def test_another_configuration_is_another_pod_and_the_same_is_not(self):
        def hash_of(values):
            return find(objects(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["rigi.run/config"]

        self.assertNotEqual(hash_of({}), hash_of({"config": {"log": {"level": "debug"}}}))
        self.assertEqual(hash_of({}), hash_of({"resources": {"limits": {"memory": "3Gi"}}}))


class Pods(unittest.TestCase):
    def each(self):
        for values, files in ALL:
            for one in workloads(objects(values, files)):
                for container in containers(pod_of(one)):
                    yield one, pod_of(one), container

    def test_they_hold_what_restricted_asks_for(self):
        for one, pod, container in self.each():
            about = f"{one['metadata']['name']}/{container['name']}"
            security = container["securityContext"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"], about)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"}, about)
            self.assertEqual(security["capabilities"], {"drop": ["ALL"]}, about)
            self.assertIs(security["allowPrivilegeEscalation"], False, about)
            self.assertIs(security["readOnlyRootFilesystem"], True, about)

    def test_no_account_has_a_number_but_the_databases(self):
        for one, pod, container in self.each():
            self.assertNotIn("runAsUser", container["securityContext"])
            if one["kind"] != "StatefulSet":
                self.assertNotIn("runAsUser", pod["securityContext"])

    def test_a_volume_has_a_group_and_none_where_the_platform_chooses(self):
        group = find(objects(), "Deployment")["spec"]["template"]["spec"]["securityContext"]
        self.assertEqual(group["fsGroup"], 65532)
        for values, apis in (({}, ["security.openshift.io/v1"]), ({"openshift": True}, [])):
            for one in workloads(objects(merged(EVERYTHING, **values), apis=apis)):
                self.assertNotIn("fsGroup", pod_of(one)["securityContext"])
                self.assertNotIn("runAsUser", pod_of(one)["securityContext"])
        several = find(objects(SEVERAL), "Deployment")["spec"]["template"]["spec"]["securityContext"]
        self.assertNotIn("fsGroup", several)

    def test_all_have_limits_and_pull_by_the_same_secrets(self):
        for one, pod, container in self.each():
            self.assertIn("memory", container["resources"]["limits"], one["metadata"]["name"])
        for one in workloads(objects(EVERYTHING)):
            self.assertEqual(pod_of(one)["imagePullSecrets"], [{"name": "registry"}])

    def test_only_the_server_has_a_token_of_the_cluster(self):
        for one, pod, _ in self.each():
            self.assertIs(pod["automountServiceAccountToken"], one["kind"] == "Deployment")
        alone = find(objects({"runs": {"enabled": False}}), "Deployment")
        self.assertIs(pod_of(alone)["automountServiceAccountToken"], False)

    def test_a_secret_is_a_file_and_all_that_read_the_configuration_have_it(self):
        for name, kind in (("rigi", "Deployment"), ("rigi-backup", "CronJob")):
            pod = pod_of(find(objects(EVERYTHING), kind, name))
            given = {env["name"]: env["value"] for env in pod["containers"][0]["env"]}
            mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
            for variable in ("RIGI_DATABASE__URL_FILE", "RIGI_SECRETS__KEY_FILE", "RIGI_MAIL__PASSWORD_FILE"):
                self.assertIn(given[variable].rsplit("/", 1)[0], mounts, f"{name}: {variable}")
        for _, _, container in self.each():
            for env in container.get("env", []):
                self.assertNotIn("secretKeyRef", env.get("valueFrom", {}))

    def test_each_mount_has_its_volume(self):
        for one, pod, container in self.each():
            volumes = {volume["name"] for volume in pod.get("volumes", [])}
            volumes |= {claim["metadata"]["name"] for claim in one.get("spec", {}).get("volumeClaimTemplates", [])}
            for mount in container.get("volumeMounts", []):
                self.assertIn(mount["name"], volumes, one["metadata"]["name"])

    def test_the_start_is_given_time_and_probes_name_a_host_that_is_known(self):
        server = pod_of(find(objects(), "Deployment"))["containers"][0]
        start = server["startupProbe"]
        self.assertGreaterEqual(start["periodSeconds"] * start["failureThreshold"], 1800)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(server[probe]["httpGet"]["httpHeaders"], [{"name": "Host", "value": "localhost"}])
        self.assertEqual(server["livenessProbe"]["httpGet"]["path"], "/livez")


class Servers(unittest.TestCase):
    def test_one_server_is_replaced_after_its_end(self):
        deployment = find(objects(), "Deployment")
        self.assertEqual(deployment["spec"]["strategy"], {"type": "Recreate"})
        self.assertEqual(deployment["spec"]["replicas"], 1)
        self.assertNotIn("PodDisruptionBudget", kinds(objects()))
        self.assertNotIn("seat", toml_of({})["server"])
        self.assertNotIn("drain", toml_of({})["server"], "nobody else serves meanwhile")

    def test_pods_call_it_by_its_service(self):
        said = toml_of({})
        self.assertEqual(said["server"]["names"], ["rigi"])
        self.assertNotIn("tls", said)
        self.assertNotIn("names", toml_of({"url": "https://x.example", "tls": {"existingSecret": "t"}})["tls"])

    def test_several_are_replaced_one_by_one(self):
        several = objects(SEVERAL)
        deployment = find(several, "Deployment")
        self.assertEqual(deployment["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
        self.assertEqual(len(pod_of(deployment)["topologySpreadConstraints"]), 2)
        self.assertEqual(find(several, "PodDisruptionBudget")["spec"]["maxUnavailable"], 1)
        self.assertEqual(toml_of(SEVERAL)["server"]["seat"], "auto")
        drain = int(toml_of(SEVERAL)["server"]["drain"].removesuffix("s"))
        self.assertLess(drain + 10, pod_of(deployment)["terminationGracePeriodSeconds"], "it is killed before it has ended")
        self.assertNotIn("PersistentVolumeClaim", kinds(several))

    def test_several_may_share_a_volume(self):
        values = merged(SEVERAL, config={}, persistence={"enabled": True, "accessModes": ["ReadWriteMany"]})
        values["config"] = {}
        said = toml_of(values)
        self.assertEqual(said["storage"]["url"], "/var/lib/rigi/shared/objects")
        self.assertEqual(said["data"]["projects"], "/var/lib/rigi/shared/projects")

    def test_who_scales_says_how_many(self):
        values = merged(SEVERAL, autoscaling={"enabled": True, "inFlight": 50}, replicas=1)
        self.assertNotIn("replicas", find(objects(values), "Deployment")["spec"])
        self.assertEqual(len(find(objects(values), "HorizontalPodAutoscaler")["spec"]["metrics"]), 2)

    def test_a_volume_stays(self):
        claim = find(objects(), "PersistentVolumeClaim", "rigi-data")
        self.assertEqual(claim["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        own = objects({"persistence": {"existingClaim": "mine"}})
        self.assertNotIn("PersistentVolumeClaim", kinds(own))


class Access(unittest.TestCase):
    def test_the_role_is_that_of_the_documentation(self):
        page = (ROOT / "docs/operate/kubernetes-target.md").read_text()
        block = re.search(r"```yaml\n(apiVersion: rbac.*?)```", page, re.S).group(1)
        documented = yaml.safe_load(block)["rules"]
        with_kueue = find(objects({"kueue": {"enabled": True}}), "Role", "rigi-runs")["rules"]
        self.assertEqual(with_kueue, documented)
        self.assertEqual(find(objects(), "Role", "rigi-runs")["rules"], documented[:-1])

    def test_runs_elsewhere_are_reached_there(self):
        values = {"runs": {"namespace": "runs"}}
        self.assertEqual(find(objects(values), "Role", "rigi-runs")["metadata"]["namespace"], "runs")
        subject = find(objects(values), "RoleBinding", "rigi-runs")["subjects"][0]
        self.assertEqual(subject["namespace"], "lab")
        self.assertEqual(toml_of(values)["runners"]["url"], "http://rigi-runners.lab.svc:7445")
        self.assertEqual(toml_of({})["runners"]["url"], "http://rigi-runners:7445")
        self.assertFalse({"ClusterRole", "ClusterRoleBinding"} & kinds(objects(EVERYTHING)))

    def test_streams_are_not_gathered_on_the_way(self):
        all_of = objects(EVERYTHING)
        annotations = find(all_of, "Ingress")["metadata"]["annotations"]
        self.assertEqual(annotations["nginx.ingress.kubernetes.io/proxy-buffering"], "off")
        self.assertEqual(find(all_of, "HTTPRoute")["spec"]["rules"][0]["timeouts"]["request"], "0s")
        self.assertEqual(find(all_of, "Route")["metadata"]["annotations"]["haproxy.router.openshift.io/timeout"], "1h")

    def test_cert_manager_is_asked_where_an_issuer_is_named(self):
        values = merged(EVERYTHING, ingress={"enabled": True, "tls": {"clusterIssuer": "ca"}})
        ingress = find(objects(values), "Ingress")
        self.assertEqual(ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"], "ca")
        self.assertEqual(ingress["spec"]["tls"][0]["secretName"], "rigi-tls")

    def test_queues_of_kueue(self):
        queue = find(objects(EVERYTHING), "ClusterQueue", "rigi-lab")["spec"]
        self.assertEqual(queue["cohortName"], "all")
        cpu, memory = queue["resourceGroups"][0]["flavors"][0]["resources"]
        self.assertEqual(cpu, {"name": "cpu", "nominalQuota": "8", "borrowingLimit": "4"})
        self.assertEqual(memory, {"name": "memory", "nominalQuota": "32Gi"})
        self.assertEqual(find(objects(EVERYTHING), "LocalQueue", "lab")["metadata"]["namespace"], "runs")
        old = merged(EVERYTHING, kueue={"apiVersion": "kueue.x-k8s.io/v1beta1"})
        self.assertEqual(find(objects(old), "ClusterQueue", "rigi-lab")["spec"]["cohort"], "all")


class Refusals(unittest.TestCase):
    def refused(self, values, words):
        with self.assertRaises(Refused, msg=str(values)) as caught:
            text(values)
        self.assertIn(words, str(caught.exception))

    def test_what_cannot_work_is_refused_with_the_reason(self):
        database = {"external": {"existingSecret": "db"}}
        for values, words in [
            ({"image": {"tag": "latest"}}, "`latest` says nothing"),
            ({"runs": {"image": "worker:latest"}}, "`latest` says nothing"),
            ({"replicas": 2}, "SQLite has one server"),
            ({"autoscaling": {"enabled": True}}, "SQLite has one server"),
            ({"replicas": 2, "database": database}, "several servers seal with one key"),
            ({"replicas": 2, "database": database, "keys": {"existingSecret": "k"}}, "must reach the files"),
            (merged(SEVERAL, config={"storage": {"url": "/srv"}}), "must reach the files"),
            (merged(SEVERAL, backup={"enabled": True}), "reads the data folder of the one server"),
            ({"database": merged(database, bundled={"enabled": True, "existingSecret": "x"})}, "two databases"),
            ({"database": {"bundled": {"enabled": True}}}, "kubectl -n lab create secret generic rigi-postgres"),
            ({"persistence": {"enabled": False}}, "is lost with the pod"),
            ({"ingress": {"enabled": True}}, "by which address people come"),
            ({"url": "https://x.example/rigi"}, "without a path"),
            ({"httpRoute": {"enabled": True}, "url": "https://x.example"}, "`parentRefs`"),
            ({"route": {"enabled": True}, "url": "https://x.example", "tls": {"existingSecret": "t"}}, "reencrypt"),
            ({"config": {"server": {"port": 80}}}, "config.server.port: the chart sets it"),
            ({"secretFiles": {"secrets.key": {"existingSecret": "k", "key": "k"}}}, "has a place of its own"),
            ({"replicaCount": 2}, "it is replicas"),
            ({"postgresql": {"enabled": True}}, "it is database.bundled"),
            ({"config": {"server": {"prot": 1}}}, "prot"),
            ({"config": {"sever": {}}}, "sever"),
            ({"replica": 2}, "replica"),
            ({"config": {"targets": {"lab": {"imag": "x"}}}}, "imag"),
        ]:
            with self.subTest(words):
                self.refused(values, words)

    def test_without_a_volume_if_that_is_meant(self):
        self.assertNotIn("PersistentVolumeClaim", kinds(objects({"persistence": {"enabled": False, "ephemeral": True}})))


if __name__ == "__main__":
    unittest.main()
