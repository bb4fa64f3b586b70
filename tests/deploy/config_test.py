"""Every key of the configuration, set by the chart's values, is seen by the binary. RIGI_BIN names it."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from rendering import CHART, ROOT, find, objects

RIGI = os.environ.get("RIGI_BIN")
# Some value of each kind, by how the reference's words begin.
SAMPLES = [
    ("`true`", True),
    ("whole number from 1 to 1000", 7),
    ("whole number", 7),
    ("list of names", ["https"]),
    ("list of texts", ["/data"]),
    ("list of addresses", ["10.0.0.0/8"]),
    ("list of places", ["env:TEAM_*"]),
    ("list of times", ["1m", "5m"]),
    ("list of `ID", ["CVE-2023-32681: no proxy here"]),
    ("time", "30s"),
    ("bytes", "512MiB"),
    ("cores", "500m"),
    ("cron", "0 4 * * *"),
    ("address, path or", "https://api.osv.dev"),
    ("address or path", "/srv/files"),
    ("address and port", "10.0.0.5:7445"),
    ("address", "https://example.org"),
    ("IP address", "127.0.0.1"),
    ("mail address", "ops@example.org"),
    ("path", "/srv/x"),
    ("`mount/path#field`", "secret/rigi#key"),
    ("text", "x"),
]
# Where the kind does not say enough.
SPECIAL = {
    "mail.tls": "tls", "log.level": "debug", "log.format": "json", "secrets.former_key": "ab" * 32,
    "providers.NAME.kind": "oidc", "targets.NAME.kind": "kubernetes", "targets.NAME.user": "1001:1001",
    "providers.NAME.allow": ["everybody"], "providers.NAME.rules": ["a = administrator"],
    "targets.NAME.image_pull_secrets": ["registry"], "git.inside": ["git.example"],
    "projects.NAME.bucket": "s3://bucket/lab", "projects.NAME.targets": ["process"], "environment.allow": ["TZ"],
    "tls.names": ["rigi.example.org"], "mail.ca_file": "none", "storage.credentials_for": "1h",
    "storage.url": "s3://bucket/rigi", "storage.gateway": "on",
}
# What stands for something else that is set already: set apart.
APART = {"secrets.vault_transit", "vault.token"}
INSTEAD = {"secrets.vault_transit": {"secrets.vault_key"}, "vault.token": {"vault.token_file"}}


def owned():
    """Keys that the chart sets itself."""
    text = (CHART / "templates/_refusals.tpl").read_text().split('define "rigi.owned"')[1]
    return set(re.findall(r"^([a-z]+\.[a-z_]+):", text, re.M))


def keys():
    """Each key of the reference, and its kind."""
    for chapter in re.split(r"^## ", (ROOT / "docs/operate/configuration.md").read_text(), flags=re.M)[1:]:
        section = re.match(r"`\[([a-zA-Z.]+)\]`", chapter).group(1)
        for row in re.findall(r"^\| `.*$", chapter, re.M):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            yield f"{section}.{cells[0].strip('`')}", cells[-3].removesuffix(", secret")


def sample(path, kind):
    if path in SPECIAL:
        return SPECIAL[path]
    for words, value in SAMPLES:
        if kind.startswith(words):
            return value
    raise AssertionError(f"{path}: no sample of `{kind}`")


def shown(toml):
    """What the binary makes of a file: every key, and where it came from."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rigi.toml"
        file.write_text(toml)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "RIGI_CONFIG": str(file)}
        command = [RIGI, "config", "show", "--origin", "-o", "json", "--folder", folder]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


@unittest.skipUnless(RIGI, "RIGI_BIN names no binary")
class Configuration(unittest.TestCase):
    def test_each_key_is_reached(self):
        all_of = {path: kind for path, kind in keys() if path not in owned()}
        self.assertGreater(len(all_of), 120)
        self.reached({path: kind for path, kind in all_of.items() if path not in APART})
        for path in APART:
            rest = {other: kind for other, kind in all_of.items() if other not in (APART - {path}) | INSTEAD[path]}
            self.reached(rest)

    def reached(self, wanted):
        config, expected = {}, set()
        for path, kind in wanted.items():
            *tables, key = path.replace("NAME", "lab").split(".")
            place = config
            for table in tables:
                place = place.setdefault(table, {})
            place[key] = sample(path, kind)
            expected.add(path.replace("NAME", "lab"))
        rendered = find(objects({"config": config}), "ConfigMap")["data"]["rigi.toml"]
        from_file = {one["key"] for one in shown(rendered) if one["origin"]["kind"] == "file"}
        self.assertEqual(expected - from_file, set())


if __name__ == "__main__":
    unittest.main()
