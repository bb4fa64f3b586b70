#!/usr/bin/env python3
"""The house: no module of a crate depends on one that depends on it, and no file is too long to be read at one go."""
import re
import statistics
import sys
from pathlib import Path

LONGEST = 500
CRATES = Path(__file__).resolve().parent.parent / "crates"


def files(source):
    return sorted(source.rglob("*.rs"))


def code(path):
    """Its text without comments and without the tests at its end: these may know what they test."""
    text = path.read_text().split("#[cfg(test)]\nmod tests {")[0]
    return re.sub(r"//[^\n]*", "", text)


def module(source, path):
    return path.relative_to(source).parts[0].removesuffix(".rs")


def needs(source):
    """Which modules at the top of a crate each of them names, and where."""
    known = {module(source, path) for path in files(source)} - {"lib", "main", "bin"}
    graph = {name: {} for name in known}
    for path in files(source):
        name = module(source, path)
        if name not in known or "tests" in path.parts or path.stem.endswith("tests"):
            continue
        text = code(path)
        named = set(re.findall(r"\bcrate::(\w+)", text))
        for group in re.findall(r"\bcrate::\{([^;]*)\};", text):
            named |= set(re.findall(r"(?:^|[,{])\s*(\w+)", group))
        for other in (named & known) - {name}:
            graph[name].setdefault(other, path)
    return graph


def cycle(graph):
    """One way from a module back to itself, if there is one."""
    done = set()

    def walk(name, way):
        if name in way:
            return way[way.index(name):] + [name]
        if name in done:
            return None
        for other in sorted(graph[name]):
            if found := walk(other, way + [name]):
                return found
        done.add(name)
        return None

    return next(filter(None, (walk(name, []) for name in sorted(graph))), None)


def main():
    wrong, lengths = [], []
    for crate in sorted(CRATES.iterdir()):
        source = crate / "src"
        graph = needs(source)
        if way := cycle(graph):
            steps = [f"{a} needs {b} ({graph[a][b].relative_to(CRATES)})" for a, b in zip(way, way[1:])]
            wrong.append(f"a cycle in {crate.name}: {', '.join(steps)}")
        for path in files(source):
            length = path.read_text().count("\n")
            lengths.append(length)
            if length > LONGEST:
                wrong.append(f"{path.relative_to(CRATES)} has {length} lines, and may have {LONGEST}")
    print(f"{len(lengths)} files, {sum(lengths)} lines; median {statistics.median(lengths):.0f}, longest {max(lengths)}")
    for line in wrong:
        print(f"house: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
