"""The pipes that a kernel writes its standard streams to, and the order between them and its messages."""

import asyncio
import os
import secrets
import time

# What one look at a pipe reads at most: more than a pipe holds, so that it reaches the mark of a message that has come.
CAPACITY = 1 << 18
# Of somebody who writes little at a time, that much is gathered; who writes much is not held up.
GATHERING = 0.005
MUCH = 1 << 15
# How long a pipe waits for the message that its mark names, in case that the message is lost.
PATIENCE = 5.0
# How long the end is read of a pipe that somebody goes on writing to.
LAST_READING = 2.0


class Pipe:
    """One stream. It is read up to the mark of a message that has not come yet."""

    def __init__(self, prefix, take):
        self.prefix = prefix
        self.take = take
        self.source, self.end = os.pipe()
        os.set_blocking(self.source, False)
        self.pending = bytearray()
        self.timer = None
        # Whether the order between text and messages still matters.
        self.is_ordered = True

    def open(self):
        """Begins to read, once there is an event loop."""
        asyncio.get_running_loop().add_reader(self.source, self.read)

    def read(self):
        loop = asyncio.get_running_loop()
        before = len(self.pending)
        more = self.fill()
        is_little = len(self.pending) - before < MUCH
        self.pass_on()
        if not more:
            loop.remove_reader(self.source)
        elif is_little and self.timer is None:
            loop.remove_reader(self.source)
            self.timer = loop.call_later(GATHERING, self.go_on)

    def go_on(self):
        self.timer = None
        asyncio.get_running_loop().add_reader(self.source, self.read)

    def fill(self):
        """Reads what is there; false at the end."""
        size = 0
        try:
            while size < CAPACITY:
                chunk = os.read(self.source, 1 << 16)
                if not chunk:
                    # Once the runner has closed its own end: nobody can write any more.
                    return False
                self.pending += chunk
                size += len(chunk)
        except BlockingIOError:
            pass
        return True

    def pass_on(self):
        """Hands over what comes before the next mark, and waits there."""
        self.stop_waiting()
        while (start := self.pending.find(self.prefix)) >= 0:
            self.hand_over(start)
            end = self.pending.find(b"\x1f")
            if end < 0:
                return
            if self.is_ordered:
                loop = asyncio.get_running_loop()
                loop.remove_reader(self.source)
                self.timer = loop.call_later(PATIENCE, self.resume)
                return
            del self.pending[: end + 1]
        # The end may be the beginning of a mark.
        held = next((n for n in range(len(self.prefix) - 1, 0, -1) if self.pending.endswith(self.prefix[:n])), 0)
        self.hand_over(len(self.pending) - held)

    def hand_over(self, size):
        if size:
            self.take(bytes(self.pending[:size]))
            del self.pending[:size]

    def reach(self, message):
        """A message has come: hands over what was written before it. What was written after waits for the next turn."""
        self.fill()
        mark = self.prefix + message.encode() + b"\x1f"
        at = self.pending.find(mark)
        if at >= 0:
            self.stop_waiting()
            self.hand_over_without_marks(at)
            del self.pending[: len(mark)]
            loop = asyncio.get_running_loop()
            loop.add_reader(self.source, self.read)
            self.timer = loop.call_later(0, self.pass_on)

    def resume(self):
        """Goes on although the message did not come."""
        if self.pending.startswith(self.prefix):
            del self.pending[: self.pending.find(b"\x1f") + 1]
        asyncio.get_running_loop().add_reader(self.source, self.read)
        self.pass_on()

    def stop_waiting(self):
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def hand_over_without_marks(self, size):
        while 0 <= (start := self.pending.find(self.prefix, 0, size)):
            self.hand_over(start)
            end = self.pending.find(b"\x1f") + 1 or len(self.pending)
            del self.pending[:end]
            size -= start + end
        self.hand_over(size)

    def drain(self):
        """Hands over all there is. From now on no message is waited for."""
        self.stop_waiting()
        self.is_ordered = False
        until = time.monotonic() + LAST_READING
        more = True
        while more and time.monotonic() < until:
            before = len(self.pending)
            more = self.fill() and len(self.pending) > before
            self.hand_over_without_marks(len(self.pending))
        asyncio.get_running_loop().add_reader(self.source, self.read)

    def close(self):
        self.stop_waiting()
        asyncio.get_running_loop().remove_reader(self.source)
        os.close(self.source)


class Streams:
    """Both pipes. `take` gets the name of the stream and the bytes."""

    def __init__(self, take):
        self.token = secrets.token_hex(8)
        prefix = b"\x1e" + self.token.encode()
        self.pipes = {name: Pipe(prefix, lambda data, name=name: take(name, data)) for name in ("stdout", "stderr")}

    def open(self):
        for pipe in self.pipes.values():
            pipe.open()

    def ends(self):
        """Where the kernel writes."""
        return {name: pipe.end for name, pipe in self.pipes.items()}

    def close_ends(self):
        for pipe in self.pipes.values():
            os.close(pipe.end)

    def reach(self, message):
        for pipe in self.pipes.values():
            pipe.reach(message)

    def drain(self):
        for pipe in self.pipes.values():
            pipe.drain()

    def close(self):
        for pipe in self.pipes.values():
            pipe.close()
