"""What the executed notebook keeps of the outputs: text is joined, and the whole is bounded."""

import codecs

from nbformat import from_dict

# Bytes of outputs that one notebook keeps. The log has its own limit.
KEPT_BYTES = 256 << 20
# What a message of each kind gives to its output.
FIELDS = {
    "stream": {"name": "stdout", "text": ""},
    "display_data": {"data": {}, "metadata": {}},
    "execute_result": {"data": {}, "metadata": {}, "execution_count": None},
    "error": {"ename": "", "evalue": "", "traceback": []},
}


class Outputs:
    """Counts what is kept, and joins texts of one stream that follow each other."""

    def __init__(self, limit=KEPT_BYTES):
        self.limit = limit
        self.sizes = {}
        self.last = None
        self.parts = []
        self.decoders = {}

    def decode(self, name, data):
        """The text of bytes that may end within a character."""
        decoder = self.decoders.setdefault(name, codecs.getincrementaldecoder("utf-8")("replace"))
        return decoder.decode(data)

    def is_room_for(self, index, size):
        """Counts an output of a cell, if the notebook may keep it."""
        if sum(self.sizes.values()) + size > self.limit:
            return False
        self.sizes[index] = self.sizes.get(index, 0) + size
        return True

    def joins(self, outs, name):
        """Whether text of this stream continues the cell's last output."""
        return bool(outs) and outs[-1] is self.last and self.last.name == name

    def join(self, text):
        self.parts.append(text)

    def begin(self, output):
        """A new output, which text may continue."""
        self.settle()
        self.last = output
        self.parts = [output.text]

    def settle(self):
        """Puts joined texts into their output."""
        if self.last is not None:
            self.last.text = "".join(self.parts)
            self.last, self.parts = None, []

    def forget(self, index):
        """The cell's outputs are gone."""
        self.settle()
        self.sizes.pop(index, None)


def size_of(content):
    """About how many bytes a message's content takes."""
    if content.get("text"):
        return len(content["text"])
    texts = [value for value in content.get("data", {}).values() if isinstance(value, str)]
    return sum(map(len, texts)) + sum(map(len, content.get("traceback") or []))


def output_of(kind, content):
    """The output that a message is; `None` if it is none. It is checked once, when the notebook is written."""
    fields = FIELDS.get(kind)
    if fields is None:
        return None
    return from_dict({"output_type": kind, **{name: content.get(name, default) for name, default in fields.items()}})


def error_output(name, value):
    return output_of("error", {"ename": name, "evalue": value, "traceback": [f"{name}: {value}"]})
