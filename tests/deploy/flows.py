"""NetworkPolicies as Kubernetes reads them, held against a table of flows: no network is needed."""

import ipaddress
import unittest

from rendering import merged, objects


def matches(selector, labels):
    """Whether a label selector means these labels. An empty one means all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        has = labels.get(rule["key"])
        good = {"In": has in rule.get("values", []), "NotIn": has not in rule.get("values", []),
                "Exists": has is not None, "DoesNotExist": has is None}
        if not good[rule["operator"]]:
            return False
    return True


class Place:
    """A pod, or an address outside of the cluster."""

    def __init__(self, namespace=None, labels=None, address=None, ports=None):
        self.namespace, self.labels, self.address, self.ports = namespace, labels or {}, address, ports or {}

    def is_meant(self, peer, own_namespace):
        if "ipBlock" in peer:
            # Pods have addresses too; networks that leave theirs out are not looked for here.
            address = ipaddress.ip_address(self.address or "10.1.2.3")
            block = peer["ipBlock"]
            inside = lambda net: address in ipaddress.ip_network(net)  # noqa: E731
            return inside(block["cidr"]) and not any(inside(net) for net in block.get("except", []))
        if self.address:
            return False
        if "namespaceSelector" in peer:
            if not matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": self.namespace}):
                return False
        elif self.namespace != own_namespace:
            return False
        return matches(peer.get("podSelector", {}), self.labels)


def lets(rule, peers, other, port, protocol, port_names, namespace):
    """Whether one rule of a policy lets a flow pass."""
    for wanted in rule.get("ports") or [{}]:
        number = wanted.get("port", port)
        number = port_names.get(number, number)
        if number == port and wanted.get("protocol", "TCP") == protocol:
            break
    else:
        return False
    return not rule.get(peers) or any(other.is_meant(peer, namespace) for peer in rule[peers])


def side(policies, direction, peers, own, other, port, protocol, port_names):
    """Whether the policies of one end let it pass: all may, where none is about that end."""
    if own.address:
        return True
    about = [
        policy for policy in policies
        if policy["metadata"].get("namespace", "lab") == own.namespace
        and direction in policy["spec"]["policyTypes"]
        and matches(policy["spec"]["podSelector"], own.labels)
    ]
    if not about:
        return True
    rules = [rule for policy in about for rule in policy["spec"].get(direction.lower(), [])]
    return any(lets(rule, peers, other, port, protocol, port_names, own.namespace) for rule in rules)


def passes(policies, source, target, port, protocol="TCP"):
    """Whether a flow passes: the one end may send it and the other may take it."""
    return side(policies, "Egress", "to", source, target, port, protocol, target.ports) and side(
        policies, "Ingress", "from", target, source, port, protocol, target.ports
    )


def own(component):
    return {"app.kubernetes.io/name": "rigi", "app.kubernetes.io/instance": "rigi", "app.kubernetes.io/component": component}


SERVER = Place("lab", own("server"), ports={"http": 7444, "runners": 7445, "metrics": 9464})
POSTGRES = Place("lab", own("postgres"), ports={"postgres": 5432})
BACKUP = Place("lab", own("backup"))
RUN = Place("runs", {"app.kubernetes.io/managed-by": "rigi"})
STRANGER = Place("lab", {"app": "stranger"})
OTHER_SERVER = Place("lab", {**own("server"), "app.kubernetes.io/instance": "other"})
INGRESS = Place("ingress-nginx", {"app": "nginx"})
PROMETHEUS = Place("monitoring", {"app": "prometheus"})
DNS = Place("kube-system", {"k8s-app": "kube-dns"})
API = Place(address="203.0.113.1")
METADATA = Place(address="169.254.169.254")
BUCKET = Place(address="198.51.100.7")
INSIDE = Place(address="10.20.0.9")

VALUES = {
    "database": {"bundled": {"enabled": True, "existingSecret": "pg"}},
    "runs": {"namespace": "runs"},
    "backup": {"enabled": True},
    "config": {"storage": {"url": "s3://bucket/rigi"}},
    "networkPolicy": {
        "clients": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
        "runs": "none",
    },
}

# From, to, port, protocol, whether it passes, in words.
TABLE = [
    (INGRESS, SERVER, 7444, "TCP", True, "people by the ingress"),
    (STRANGER, SERVER, 7444, "TCP", False, "another pod of the namespace, past the ingress"),
    (INGRESS, SERVER, 7445, "TCP", False, "the ingress to the runners' door"),
    (RUN, SERVER, 7445, "TCP", True, "a run to its door"),
    (RUN, SERVER, 7444, "TCP", False, "a run to the page"),
    (STRANGER, SERVER, 7445, "TCP", False, "another pod to the runners' door"),
    (PROMETHEUS, SERVER, 9464, "TCP", True, "metrics"),
    (STRANGER, SERVER, 9464, "TCP", False, "metrics for another pod"),
    (SERVER, POSTGRES, 5432, "TCP", True, "the server to its database"),
    (BACKUP, POSTGRES, 5432, "TCP", True, "a backup to the database"),
    (RUN, POSTGRES, 5432, "TCP", False, "a run to the database"),
    (OTHER_SERVER, POSTGRES, 5432, "TCP", False, "another release to the database"),
    (POSTGRES, BUCKET, 443, "TCP", False, "the database to the outside"),
    (SERVER, DNS, 53, "UDP", True, "names by UDP"),
    (SERVER, DNS, 53, "TCP", True, "names by TCP"),
    (SERVER, API, 6443, "TCP", True, "the server to the cluster"),
    (SERVER, METADATA, 443, "TCP", False, "the server to the credentials of machines"),
    (RUN, BUCKET, 443, "TCP", True, "a run to its bucket"),
    (RUN, INSIDE, 8080, "TCP", False, "a run to something inside"),
    (STRANGER, RUN, 80, "TCP", False, "somebody to a run"),
]


def policies(values):
    return [one for one in objects(values) if one["kind"] == "NetworkPolicy"]


class Flows(unittest.TestCase):
    def test_the_table(self):
        self.assertEqual(len(TABLE), 20)
        rendered = policies(VALUES)
        for source, target, port, protocol, expected, words in TABLE:
            with self.subTest(words):
                self.assertEqual(passes(rendered, source, target, port, protocol), expected)

    def test_servers_reach_each_other_where_there_are_several(self):
        several = merged(VALUES, replicas=2, keys={"existingSecret": "key"}, persistence={"enabled": False}, backup={"enabled": False})
        for port in (7444, 7445):
            self.assertTrue(passes(policies(several), SERVER, SERVER, port, "TCP"))
            self.assertFalse(passes(policies(several), OTHER_SERVER, SERVER, port, "TCP"))
            self.assertFalse(passes(policies(VALUES), SERVER, SERVER, port, "TCP"))

    def test_runs_may_be_let_out(self):
        opened = policies(merged(VALUES, networkPolicy={"runs": "open"}))
        self.assertTrue(passes(opened, RUN, INSIDE, 8080))
        self.assertFalse(passes(opened, RUN, METADATA, 80))
        some = policies(merged(VALUES, networkPolicy={"runs": "cidrs", "runsCidrs": ["10.20.0.0/16"]}))
        self.assertTrue(passes(some, RUN, INSIDE, 8080))
        self.assertFalse(passes(some, RUN, Place(address="10.21.0.9"), 8080))

    def test_workload_identity_reaches_its_server(self):
        rendered = policies(merged(VALUES, networkPolicy={"metadataServer": True}))
        self.assertTrue(passes(rendered, SERVER, METADATA, 80))

    def test_nothing_else_of_the_namespace_is_touched(self):
        rendered = policies(VALUES)
        self.assertTrue(passes(rendered, STRANGER, Place("lab", {"app": "other"}), 80))
        self.assertTrue(passes(rendered, STRANGER, OTHER_SERVER, 7444))

    def test_whoever_comes_where_nobody_is_named(self):
        rendered = policies({})
        self.assertTrue(passes(rendered, STRANGER, SERVER, 7444))
        self.assertFalse(passes(rendered, STRANGER, SERVER, 7445))

    def test_without_policies_there_are_none(self):
        self.assertEqual(policies({"networkPolicy": {"enabled": False}}), [])


if __name__ == "__main__":
    unittest.main()
