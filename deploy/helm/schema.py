#!/usr/bin/env python3
"""Makes values.schema.json of the chart: its own values as values.yaml has them, and every key of Rigi's configuration as
docs/operate/configuration.md has it. `schema.py --check` compares instead, for CI. It takes PyYAML."""

import json
import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[1] / "docs/operate/configuration.md"
CHART = HERE / "rigi"

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
OBJECTS = {"type": "array", "items": {"type": "object"}}
PLAIN = {"type": "object", "additionalProperties": TEXT}
ANYTHING = {"type": "object"}


def closed(properties, **more):
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def named(schema):
    return {"type": "object", "additionalProperties": schema}


# What a default does not say: empty maps and lists, and texts that are one of a few.
SAID = {
    "imagePullSecrets": TEXTS,
    "labels": PLAIN,
    "secretFiles": named(closed({"existingSecret": TEXT, "key": TEXT}, required=["existingSecret", "key"])),
    "replicas": {"type": "integer", "minimum": 1, "maximum": 50},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "database.bundled.imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "persistence.accessModes": {
        "type": "array",
        "minItems": 1,
        "items": {"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]},
    },
    "pipelines.inline": named(named(TEXT)),
    "runs.serviceAccounts": named(closed({"annotations": PLAIN})),
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "service.nodePort": {"type": ["integer", "null"]},
    "ingress.controller": {"enum": ["nginx", "none"]},
    "httpRoute.parentRefs": OBJECTS,
    "route.termination": {"enum": ["edge", "reencrypt"]},
    "openshift": {"enum": ["auto", True, False, "true", "false"]},
    "networkPolicy.clients": OBJECTS,
    "networkPolicy.monitoring": OBJECTS,
    "networkPolicy.storagePorts": {"type": "array", "items": {"type": "integer"}},
    "networkPolicy.runs": {"enum": ["open", "none", "cidrs"]},
    "networkPolicy.runsCidrs": TEXTS,
    "kueue.apiVersion": {"enum": ["kueue.x-k8s.io/v1beta1", "kueue.x-k8s.io/v1beta2"]},
    "kueue.flavors": {
        "type": "array",
        "minItems": 1,
        "items": closed({"name": TEXT, "nodeLabels": PLAIN}, required=["name"]),
    },
    "kueue.projects": named({
        "type": "object",
        "minProperties": 1,
        "properties": {"borrowing": named({"type": ["string", "number"]})},
        "additionalProperties": {"type": ["string", "number"]},
    }),
    "tolerations": OBJECTS,
    "extraEnv": OBJECTS,
    "extraVolumes": OBJECTS,
    "extraVolumeMounts": OBJECTS,
    "extraObjects": OBJECTS,
    "affinity": ANYTHING,
    "nodeSelector": PLAIN,
}
# Names of other charts: the templates refuse them with the one that they have here, which says more than a schema does.
FOREIGN = re.findall(
    r'^  "(\w+)" "', (CHART / "templates/_refusals.tpl").read_text().split('define "rigi.removed"')[1], re.M
)


def of_default(value, path):
    """The schema of one value, by its default."""
    if path in SAID:
        return SAID[path]
    if path.endswith("resources"):
        amounts = named({"type": ["string", "number"]})
        return closed({"requests": amounts, "limits": amounts, "claims": OBJECTS})
    if path.lower().endswith(("annotations", "labels")):
        return PLAIN
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list) and value:
        return {"type": "array", "items": of_default(value[0], path + "[]")}
    if isinstance(value, dict) and value:
        return closed({key: of_default(inner, f"{path}.{key}" if path else key) for key, inner in value.items()})
    raise SystemExit(f"schema.py: SAID must say what `{path}` is: its default does not")


def of_kind(kind, doc):
    """The schema of a configuration key, by the words of the reference."""
    if kind.startswith("`true` or `false`"):
        schema = {"type": ["boolean", "string"]}
    elif kind.startswith("list of"):
        schema = {"type": ["array", "string"], "items": TEXT}
    elif kind.startswith("whole number"):
        schema = {"type": ["integer", "string"]}
    elif kind.startswith("`") and "`, `" in kind:
        words = re.findall(r"`([^`]+)`", kind)
        schema = {"enum": list(dict.fromkeys([*words, "none"]))}
    else:
        schema = {"type": ["string", "number", "integer", "boolean"]}
    return {"description": doc, **schema}


def configuration():
    """Sections of the reference, and their keys."""
    sections = {}
    for chapter in re.split(r"^## ", REFERENCE.read_text(), flags=re.M)[1:]:
        section = re.match(r"`\[([a-z]+)(\.NAME)?\]`", chapter)
        keys = {}
        for row in re.findall(r"^\| `.*$", chapter, re.M):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            key, doc = cells[0].strip("`"), cells[-1].replace("\\|", "|")
            keys[key] = of_kind(cells[-3], doc)
        name = section.group(1)
        if section.group(2):
            have = sections.setdefault(name, {"type": "object", "properties": {}})
            have["additionalProperties"] = closed(keys)
        else:
            sections.setdefault(name, {"type": "object", "properties": {}})["properties"].update(keys)
            sections[name].setdefault("additionalProperties", False)
    return closed(sections)


def schema():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    SAID["config"] = configuration()
    properties = of_default(values, "")["properties"]
    properties["global"] = ANYTHING
    properties.update({name: True for name in FOREIGN})
    return closed(properties, **{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of Rigi's chart"})


def main():
    made = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    file = CHART / "values.schema.json"
    if "--check" not in sys.argv:
        file.write_text(made)
    elif file.read_text() != made:
        raise SystemExit("values.schema.json is not what schema.py makes: run it, and commit what it wrote")


if __name__ == "__main__":
    main()
