"""Reads files of Airflow DAGs as text, and prints what they say as JSON. Nothing of them is imported or run.

    python3 -I read_dags.py FOLDER

What is a value is worked out (constants, names given once, loops over lists); whatever else is, is told with its file and line.
"""
import ast
import json
import os
import re
import sys
import tokenize

MOST_FILES = 2000
LARGEST_FILE = 1 << 20
MOST_TASKS = 2000
MOST_TURNS = 500
MOST_STATEMENTS = 100_000
MOST_NOTES = 2000
UNKNOWN = object()
PRESETS = {"@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"}
EMPTY = {"EmptyOperator", "DummyOperator"}
DAG_WORDS = {
    "dag_id", "description", "schedule", "schedule_interval", "timetable", "start_date", "end_date", "catchup", "default_args", "tags",
    "params", "max_active_runs", "dagrun_timeout", "is_paused_upon_creation", "doc_md", "dag_display_name",
}
TASK_WORDS = {
    "task_id", "dag", "bash_command", "env", "append_env", "cwd", "python_callable", "op_args", "op_kwargs", "trigger_dag_id", "retries",
    "retry_delay", "retry_exponential_backoff", "max_retry_delay", "execution_timeout", "trigger_rule", "doc_md", "doc", "multiple_outputs",
    "task_display_name", "owner", "do_xcom_push",
}
ARGS_WORDS = {"owner", "retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay", "execution_timeout", "trigger_rule", "start_date", "end_date"}


def limit():
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    except (ImportError, OSError, ValueError):
        pass
    sys.setrecursionlimit(2000)


def named(node):
    """The last name of what is called: `BashOperator`, `timedelta`."""
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node):
    """`task.bash` of a decorator or a call."""
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return (dotted(node.value) + "." + node.attr).lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def within_function(node):
    """All nodes of a statement but its decorators."""
    parts = ast.iter_child_nodes(node)
    decorators = getattr(node, "decorator_list", [])
    for part in [node] if not decorators else [part for part in parts if part not in decorators]:
        yield from ast.walk(part)


class Task:
    def __init__(self, reader, line, fields):
        self.reader, self.line, self.fields = reader, line, fields

    def ends(self):
        return [self.fields["id"]]

    begins = ends


class Group:
    def __init__(self):
        self.tasks = []

    def _outer(self, edges, place):
        inside = set(self.tasks)
        linked = {edge[place] for edge in edges if edge[0] in inside and edge[1] in inside}
        return [task for task in self.tasks if task not in linked]


class Dag:
    def __init__(self, file, line, args):
        self.file, self.line, self.args = file, line, args
        self.tasks, self.edges, self.by_id = [], [], {}


class Decorated:
    """A function under `@task`, until it is called; `more` is what `override` and `partial` gave it."""

    def __init__(self, function, decorator, more=()):
        self.function, self.decorator, self.more = function, decorator, list(more)


class Values:
    """What expressions are, as far as that is known without running anything."""

    def __init__(self, root, path, text, notes):
        self.root, self.path, self.text, self.notes = root, path, text, notes
        self.module = ast.parse(text)
        self.dags, self.names, self.groups, self.open, self.done = [], {}, [], [], 0
        self.functions = {n.name: n for n in self.module.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}

    def note(self, node, why, task=None):
        dag = self.open[-1] if self.open else None
        note = {"file": self.path, "line": getattr(node, "lineno", 0), "dag": dag.args.get("dag_id") if dag else None, "task": task, "why": why}
        if len(self.notes) < MOST_NOTES and note not in self.notes[-50:]:
            self.notes.append(note)

    # Values.

    def value(self, node):
        """What an expression is, or UNKNOWN."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, (str, int, float, bool, type(None))) else UNKNOWN
        if isinstance(node, ast.Name):
            return self.names.get(node.id, UNKNOWN)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return self.whole([self.value(item) for item in node.elts])
        if isinstance(node, ast.Dict):
            if any(key is None for key in node.keys):
                return UNKNOWN
            keys = self.whole([self.value(key) for key in node.keys])
            values = self.whole([self.value(item) for item in node.values])
            return UNKNOWN if UNKNOWN in (keys, values) or not all(isinstance(key, str) for key in keys) else dict(zip(keys, values))
        if isinstance(node, ast.JoinedStr):
            return self.joined(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.value(node.operand)
            return -inner if isinstance(inner, (int, float)) else UNKNOWN
        if isinstance(node, ast.BinOp):
            return self.sum(node)
        if isinstance(node, ast.Subscript):
            of, at = self.value(node.value), self.value(node.slice)
            try:
                return of[at] if isinstance(of, (dict, list)) else UNKNOWN
            except (KeyError, IndexError, TypeError):
                return UNKNOWN
        return self.made(node) if isinstance(node, ast.Call) else UNKNOWN

    @staticmethod
    def whole(items):
        return UNKNOWN if any(item is UNKNOWN for item in items) else items

    def joined(self, node):
        parts = []
        for part in node.values:
            inner = self.value(part.value if isinstance(part, ast.FormattedValue) else part)
            if not isinstance(inner, (str, int, float)) or (isinstance(part, ast.FormattedValue) and part.format_spec):
                return UNKNOWN
            parts.append(str(inner))
        text = "".join(parts)
        return text if len(text) < LARGEST_FILE else UNKNOWN

    def sum(self, node):
        one, other = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and type(one) is type(other) and isinstance(one, (str, int, float, list)):
            together = one + other
            return together if not isinstance(together, (str, list)) or len(together) < LARGEST_FILE else UNKNOWN
        if isinstance(node.op, ast.Mult) and all(isinstance(x, (int, float)) for x in (one, other)):
            return one * other
        return UNKNOWN

    def made(self, node):
        """Times, and what has a plain meaning."""
        name = named(node)
        words = {word.arg: self.value(word.value) for word in node.keywords if word.arg}
        given = [self.value(item) for item in node.args]
        if name == "timedelta":
            units = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"]
            length = {"days": 86400, "seconds": 1, "microseconds": 1e-6, "milliseconds": 1e-3, "minutes": 60, "hours": 3600, "weeks": 604800}
            words.update(zip(units, given))
            if all(isinstance(words[unit], (int, float)) and unit in length for unit in words):
                return {"seconds": sum(words[unit] * length[unit] for unit in words)}
        if name == "duration":
            length = {"days": 86400, "seconds": 1, "minutes": 60, "hours": 3600, "weeks": 604800}
            if not given and all(isinstance(words[unit], (int, float)) and unit in length for unit in words):
                return {"seconds": sum(words[unit] * length[unit] for unit in words)}
        if name == "datetime" and all(isinstance(part, int) for part in given):
            zone = words.pop("tz", words.pop("tzinfo", None))
            parts = dict(zip(["year", "month", "day", "hour", "minute", "second"], given))
            parts.update(words)
            order = [parts.get(part, low) for part, low in [("year", None), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0)]]
            if all(isinstance(part, int) for part in order) and isinstance(zone, (str, type(None))):
                return {"at": "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*order), "zone": zone}
        if name == "timezone" and given and isinstance(given[0], str):
            return given[0]
        if name == "Param":
            default = given[0] if given else words.pop("default", None)
            if default is not UNKNOWN and all(value is not UNKNOWN for value in words.values()):
                return {"param": default, "rules": words}
        if name == "CronTriggerTimetable" and given + [words.get("cron")]:
            cron = given[0] if given else words.get("cron")
            if isinstance(cron, str):
                return {"cron": cron, "zone": words.get("timezone") if isinstance(words.get("timezone"), str) else None}
        if name == "range" and given and all(isinstance(item, int) for item in given) and len(range(*given[:3])) <= MOST_TURNS:
            return list(range(*given[:3]))
        if name in ("dict",) and not given and UNKNOWN not in words.values():
            return words
        return UNKNOWN
