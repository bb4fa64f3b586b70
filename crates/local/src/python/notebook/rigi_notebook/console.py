"""Where the runner writes: the run's log, and the file of its notes."""

import json
import re
import sys

ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


class Console:
    """Passes on what cells print, as it comes."""

    def __init__(self):
        self.unfinished = {}

    def write(self, name, data):
        """Writes bytes, or a text, to the stream of this name."""
        if not data:
            return
        if isinstance(data, str):
            data = data.encode("utf-8", "backslashreplace")
        stream = (sys.stderr if name == "stderr" else sys.stdout).buffer
        stream.write(data)
        stream.flush()
        self.unfinished[name] = not data.endswith(b"\n")

    def line(self, name, text):
        self.finish_lines()
        self.write(name, text + "\n")

    def aside(self, text):
        """A line on stderr while a cell prints: its own text stays as it is."""
        self.write("stderr", ("\n" if self.unfinished.get("stderr") else "") + text + "\n")

    def finish_lines(self):
        """So that the next cell does not continue the last one's line."""
        for name, unfinished in list(self.unfinished.items()):
            if unfinished:
                self.write(name, "\n")


class Notes:
    """Appends notes to the file that RIGI_EVENTS names."""

    def __init__(self, path):
        self.path = path

    def add(self, **note):
        if self.path:
            with open(self.path, "ab", buffering=0) as file:
                file.write(json.dumps(note).encode() + b"\n")


def plain(text):
    """A text without colours."""
    return ESCAPE_SEQUENCE.sub("", text)
