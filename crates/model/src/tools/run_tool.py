"""Starts the tool that `tool.json` describes with the parameters and the files of this run.

Only what differs from the tool's own defaults is handed to it. Python's own library alone, of 3.8 or newer.
"""
import json
import os
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def items_of(node, path=()):
    """The items of a section by their path, as the file has them."""
    for child in node:
        inner = (*path, child.get("name", ""))
        if child.tag == "NODE":
            yield from items_of(child, inner)
        elif child.tag in ("ITEM", "ITEMLIST"):
            yield inner, child


def open_ini(tool):
    """The tool's own file of parameters, without what a description has around it."""
    root = ElementTree.parse(HERE / tool["file"]).getroot()
    return root if root.tag == "PARAMETERS" else root.find("PARAMETERS")


def texts_in(item):
    if item.tag == "ITEMLIST":
        return [entry.get("value", "") for entry in item if entry.tag == "LISTITEM"]
    return [item.get("value", "")]


def text_of(value):
    """A value as tools write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def texts_of(value, kind):
    if isinstance(value, list):
        return [text_of(entry) for entry in value]
    if isinstance(value, str) and kind in ("integer", "number") and value == "":
        return []
    return [text_of(value)]


def is_same(one, other, kind):
    """Whether two texts are the same value: 1e-05 is 0.00001, and True is true."""
    if len(one) != len(other):
        return False
    for left, right in zip(one, other):
        if left == right:
            continue
        if kind in ("integer", "number"):
            try:
                if float(left) == float(right):
                    continue
            except ValueError:
                pass
        if kind in ("boolean", "flag") and left.lower() == right.lower():
            continue
        return False
    return True


def put(item, texts):
    """Writes values into an item of the file."""
    if item.tag == "ITEMLIST":
        for entry in list(item):
            item.remove(entry)
        for text in texts:
            ElementTree.SubElement(item, "LISTITEM", {"value": text})
    else:
        item.set("value", texts[0] if texts else "")


def shown(path, texts):
    return f"  {':'.join(path)} = {' '.join(texts)}"


def files_in(port):
    """What the run was given for an input, by name."""
    folder = Path(os.environ["RIGI_INPUTS"]) / port["name"]
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if port["kind"] == "prefix" and files:
        common = os.path.commonprefix([file.name for file in files])
        return [str(folder / common) if common else f"{folder}/"]
    return [str(file) for file in files]


def stem(name):
    """`a.mzML.gz` as `a`."""
    for packed in (".gz", ".bz2"):
        if name.lower().endswith(packed):
            name = name[: -len(packed)]
    return os.path.splitext(name)[0] or name


def files_out(port, parameters, inputs):
    """Where the tool writes to; nothing, where it is not asked to."""
    chosen = parameters.get(port["parameter"]) if port.get("parameter") else True
    if chosen in (None, False, "none"):
        return []
    ending = chosen if isinstance(chosen, str) else next(iter(port["formats"]), "")
    folder = Path(os.environ["RIGI_OUTPUTS"]) / port["name"]
    folder.mkdir(parents=True, exist_ok=True)
    like = [stem(os.path.basename(path)) for path in inputs.get(port.get("like"), [])]
    if port["kind"] == "prefix":
        return [str(folder / (like[0] if len(like) == 1 else port["name"]))]
    names = like if port["kind"] == "list" or len(like) == 1 else []
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for number, name in enumerate(names, 1)]
    end = f".{ending}" if ending else ""
    return [str(folder / f"{name}{end}") for name in names or [port["name"]]]


def files_of(tool, parameters):
    """The files of this run by the path of their item."""
    inputs = {port["name"]: files_in(port) for port in tool["inputs"]}
    files = {tuple(port["path"]): inputs[port["name"]] for port in tool["inputs"]}
    for port in tool["outputs"]:
        files[tuple(port["path"])] = files_out(port, parameters, inputs)
    return {path: found for path, found in files.items() if found}


def changed(tool, parameters, own):
    """The values that differ from the tool's own, by path, as texts."""
    for entry in tool["parameters"]:
        if entry["name"] not in parameters:
            continue
        path, kind = tuple(entry["path"]), entry["kind"]
        texts = texts_of(parameters[entry["name"]], kind)
        if not is_same(texts, own(entry), kind):
            yield path, kind, texts


def write_ini(tool, parameters, files, target):
    """Writes the tool's own parameters with what is changed; says what that is."""
    ini = open_ini(tool)
    node = ini
    for name in tool["root"]:
        node = next(child for child in node if child.tag == "NODE" and child.get("name") == name)
    items = dict(items_of(node))
    differ = list(changed(tool, parameters, lambda entry: texts_in(items[tuple(entry["path"])])))
    for path, _, texts in differ:
        put(items[path], texts)
    for path, paths in files.items():
        put(items[path], paths)
    ElementTree.ElementTree(ini).write(target, encoding="utf-8", xml_declaration=True)
    return differ


def own_default(entry):
    return texts_of(entry["default"], entry["kind"]) if "default" in entry else []


def command_line(tool, parameters, files):
    """The arguments that say what is changed."""
    values = {path: (kind, texts) for path, kind, texts in changed(tool, parameters, own_default)}
    values.update({path: ("file", paths) for path, paths in files.items()})
    if tool["told_by"] == "names":
        order = [(f"-{':'.join(path)}", path) for path in values]
    else:
        order = [(entry["option"], tuple(entry["path"])) for entry in tool["arguments"]]
        placed = {path for _, path in order}
        for path in values:
            if path not in placed:
                sys.exit(f"{tool['file']}: `{':'.join(path)}` has no place on the command line")
    words = []
    for option, path in order:
        if path not in values:
            continue
        kind, texts = values[path]
        if kind == "flag":
            words += [option] if option and texts == ["true"] else []
        else:
            words += ([option] if option else []) + texts
    return words


def write_json(tool, parameters, files, target):
    """All values by the script's own names, files among them."""
    values = {entry["path"][0]: parameters.get(entry["name"], entry.get("default")) for entry in tool["parameters"]}
    for port in tool["inputs"] + tool["outputs"]:
        values[port["path"][0]] = files.get(tuple(port["path"]), [])
    with open(target, "w", encoding="utf-8") as file:
        json.dump(values, file, ensure_ascii=False, indent=1)


def main():
    tool = read_json(HERE / "tool.json")
    parameters = read_json(os.environ["RIGI_PARAMS"])
    files = files_of(tool, parameters)
    outputs = Path(os.environ["RIGI_OUTPUTS"])
    title = " ".join(filter(None, [tool["tool"], tool["version"]]))
    if tool["told_by"] == "json":
        target = outputs / "parameters.json"
        write_json(tool, parameters, files, target)
        program, words = sys.executable, [str(HERE / tool["file"]), str(target)]
    else:
        program = shutil.which(tool["program"])
        if program is None:
            print(f"`{tool['program']}` is not among the programs of this machine (PATH).", file=sys.stderr)
            print("Install it where the run executes, or name an `image` that has it.", file=sys.stderr)
            return 127
        if tool["told_by"] == "ini":
            target = outputs / "parameters.ini"
            differ = write_ini(tool, parameters, files, target)
            print(f"{title}: {len(differ)} of {len(tool['parameters'])} parameters are not the tool's own")
            for path, _, texts in differ:
                print(shown(path, texts))
            words = ["-ini", str(target)]
        else:
            words = command_line(tool, parameters, files)
            print(f"{title}: {' '.join(words)}")
        # What it writes beside its outputs is kept as well.
        os.chdir(outputs)
    sys.stdout.flush()
    os.execv(program, [program, *words])


if __name__ == "__main__":
    sys.exit(main())
