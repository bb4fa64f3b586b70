"""Reads what a notebook is made of: its cells, the run's parameters, and how often each cell is tried."""

import json
import keyword
import os
import re
import warnings

import nbformat

INJECTED = "injected-parameters"


class Mistake(Exception):
    """The notebook cannot be run as it was asked; the text is for people."""


def load_notebook(path):
    """Reads a notebook of any version, as the newest, without old results."""
    try:
        with open(path, encoding="utf-8") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.read(file, as_version=4)
            if notebook.nbformat_minor < 5:
                notebook = nbformat.v4.upgrade(notebook, from_version=4, from_minor=notebook.nbformat_minor)
    except OSError as error:
        raise Mistake(f"The notebook {path} cannot be read: {error.strerror}") from error
    except Exception as error:  # What nbformat raises is its own affair; all of it means the same.
        raise Mistake(f"{path} is not a notebook: {error}") from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return notebook


def load_parameters(path):
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file).items())
    except (OSError, ValueError, AttributeError) as error:
        raise Mistake(f"The parameters in {path} are no JSON object that can be read: {error}") from error


def tags(cell):
    return cell.metadata.get("tags") or []


def inject(notebook, parameters, options):
    """Puts the cell with the parameters in its place; returns the names that cannot be variables."""
    notebook.cells = [cell for cell in notebook.cells if INJECTED not in tags(cell)]
    usable = {name: value for name, value in parameters.items() if name.isidentifier() and not keyword.iskeyword(name)}
    if usable:
        lines = ["# Parameters"]
        hidden = [name for name in usable if name in options.secrets]
        lines += [f"{name} = {value!r}" for name, value in usable.items() if name not in hidden]
        if hidden:
            file = os.path.abspath(options.params)
            lines.append("import json as _json")
            lines += [f"{name} = _json.load(open({file!r}))[{name!r}]" for name in hidden]
        cell = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": [INJECTED]})
        tagged = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and "parameters" in tags(c)]
        notebook.cells.insert(tagged[0] + 1 if tagged else 0, cell)
    return [name for name in parameters if name not in usable]


def tries_of(cell, index, cells):
    """The retries of a code cell and the seconds between them, and what was passed over for people to know."""
    found = dict(cells[index]) if index < len(cells) else {}
    warnings = []
    for key in ("fastflow", "rigi"):
        own = cell.metadata.get(key)
        if own is None:
            continue
        where = f"Cell {index + 1}: `{key}` in its metadata"
        if not isinstance(own, dict):
            warnings.append(f"{where} is {own!r} and has no effect: it must be an object such as {{\"retries\": 2}}")
            continue
        for name, value in own.items():
            kind = KINDS.get(name)
            if kind is None:
                warnings.append(f"{where} has `{name}`, which has no effect: it may have `retries` and `delay_seconds`")
                continue
            if value is None or value == "":
                continue
            number = kind(value)
            if number is None:
                message = f"Cell {index + 1}: `{name}` is {value!r} and must be a number from 0"
                if key == "rigi":
                    raise Mistake(message)
                # Fast-Flow's, which never refuses a notebook for it.
                warnings.append(f"{message}: it has no effect")
                continue
            found["delay_seconds" if name == "delay" else name] = number
    return (found.get("retries", 0), found.get("delay_seconds", 1)), warnings


def number_of(value):
    """A number from 0, also if it was written as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**31 else None


def count_of(value):
    number = number_of(value)
    return int(number) if number is not None and number == int(number) else None


def seconds_of(value):
    """Seconds, or a text such as `5s` and `250ms`, as in the spec."""
    number = number_of(value)
    parts = TIME.fullmatch(value.strip()) if number is None and isinstance(value, str) else None
    return float(parts[1]) * UNITS[parts[2]] if parts else number


TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
KINDS = {"retries": count_of, "delay_seconds": seconds_of, "delay": seconds_of}
