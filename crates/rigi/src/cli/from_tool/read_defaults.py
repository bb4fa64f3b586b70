"""Reads a script from standard input, and writes the literal `DEFAULTS` in it as JSON. Nothing of it is executed."""
import ast
import json
import sys


def literal(tree):
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "DEFAULTS" for target in targets):
            return node.value
    sys.exit("it has no `DEFAULTS`")


def plain(value):
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def main():
    try:
        tree = ast.parse(sys.stdin.buffer.read())
    except (SyntaxError, ValueError) as error:
        sys.exit(f"it is no Python: {error}")
    node = literal(tree)
    try:
        value = ast.literal_eval(node)
        json.dump(value, sys.stdout, default=plain, allow_nan=False)
    except ValueError:
        sys.exit(f"`DEFAULTS` (line {node.lineno}) is no literal")
    except TypeError as error:
        sys.exit(f"`DEFAULTS` (line {node.lineno}) holds {error}")


try:
    main()
except (RecursionError, MemoryError):
    sys.exit("`DEFAULTS` is nested too deeply")
