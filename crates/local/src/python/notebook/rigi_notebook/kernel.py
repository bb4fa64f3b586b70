"""The kernel's process: ipykernel, whose output cannot be lost.

    python kernel.py TOKEN -f CONNECTION_FILE

- What cells write to their standard streams goes to the process's own, which are pipes to the runner, and not as
  messages: it is as quick as in a script, a slow reader holds the writer back, the death of the process loses nothing,
  and what children and libraries write by descriptor comes the same way.
- What is no text goes by message. Before each, a mark with the message's id is written to both pipes, so that the
  runner can tell what came first. Messages are never dropped: who sends more than is read waits.
- SystemExit is told by a message of the type `rigi_exit`; `exit` and `quit` raise it, as in a script.
"""

import io
import json
import os
import sys
import threading
import warnings

del sys.path[0]  # This file's folder. IPython adds the current one later.
TOKEN = sys.argv.pop(1).encode()

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQExitAutocall

# Messages that wait for the runner: so many in ZeroMQ, so many bytes before it.
QUEUED_MESSAGES = 64
QUEUED_BYTES = 32 << 20
DELIMITER = b"<IDS|MSG>"
PIPES = {"stdout": os.dup(1), "stderr": os.dup(2)}


class Whole(io.FileIO):
    """Writes at once, as `python -u` does, and to the end, also when a signal interrupts the writing."""

    def write(self, data):
        __tracebackhide__ = True  # From the traceback of an interrupted cell.
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        pipe, size = self.fileno(), len(data)
        written = os.write(pipe, data)
        while written < size:
            written += os.write(pipe, memoryview(data)[written:])
        return size


def stream(session, thread, name, **_):
    """What becomes `sys.stdout` and `sys.stderr`, in place of ipykernel's OutStream."""
    pipe = Whole(PIPES[name], "wb", closefd=False)
    return io.TextIOWrapper(pipe, encoding="utf-8", errors="backslashreplace", write_through=True)


class Room:
    """Bounds how many bytes of messages wait to be sent."""

    def __init__(self):
        self.changed = threading.Condition()
        self.used = 0

    def take(self, size):
        with self.changed:
            self.changed.wait_for(lambda: not self.used or self.used + size <= QUEUED_BYTES)
            self.used += size

    def give(self, size):
        with self.changed:
            self.used -= size
            self.changed.notify_all()


def mark(frames):
    """Writes to both pipes that this message comes now."""
    try:
        header = json.loads(bytes(frames[frames.index(DELIMITER) + 2]))
        text = b"\x1e" + TOKEN + header["msg_id"].encode() + b"\x1f"
        for pipe in PIPES.values():
            os.write(pipe, text)  # Shorter than PIPE_BUF: all of it or nothing.
    except (OSError, ValueError, KeyError):
        pass  # Only the order suffers.


def send_in_order(send):
    """`IOPubThread.send_multipart` with marks, and with room for what waits."""
    room, order, process = Room(), threading.RLock(), os.getpid()

    def send_multipart(self, frames, *args, **kwargs):
        # The thread that sends must never wait for itself; a forked child has no such thread.
        if os.getpid() != process or self.thread is threading.current_thread() or not self.thread.is_alive():
            return send(self, frames, *args, **kwargs)
        size = 1024 + sum(len(frame) for frame in frames)
        room.take(size)
        with order:
            mark(frames)
            send(self, frames, *args, **kwargs)
            self.schedule(lambda: room.give(size))

    return send_multipart


class Leave(ZMQExitAutocall):
    """`exit` and `quit`, which mean what they mean in a script."""

    def __call__(self, code=None):
        raise SystemExit(code)


class Kernel(IPKernelApp):
    """The application, with its changes."""

    def init_iopub(self, context):
        # As a default of new sockets: it must be set before the socket is bound.
        context.sndhwm = QUEUED_MESSAGES
        try:
            super().init_iopub(context)
        finally:
            del context.sndhwm
        socket = self.iopub_thread.socket
        self.iopub_thread.schedule(lambda: socket.setsockopt(zmq.XPUB_NODROP, 1))

    def initialize(self, argv=None):
        super().initialize(argv)
        shell = self.shell
        shell.exiter = Leave(shell)
        for name in ("exit", "quit"):
            shell.user_ns[name] = shell.user_ns_hidden[name] = shell.exiter
            # Those of `site`, for code that is imported.
            shell.builtin_trap.auto_builtins.pop(name, None)
        self.tell_of_exits(shell)

    def tell_of_exits(self, shell):
        """Says by message how a cell left, and shows no traceback of it."""
        show = shell.showtraceback

        def showtraceback(exc_tuple=None, *args, **kwargs):
            error = (exc_tuple or sys.exc_info())[0]
            if isinstance(error, type) and issubclass(error, SystemExit):
                shell._last_traceback = None
            else:
                show(exc_tuple, *args, **kwargs)

        def tell(result):
            error = result.error_in_exec
            if isinstance(error, SystemExit):
                self.session.send(self.iopub_socket, "rigi_exit", what_exit_means(error.code), shell.parent_header)

        shell.showtraceback = showtraceback
        shell.events.register("post_run_cell", tell)
        warnings.filterwarnings("ignore", message="To exit: use")


def what_exit_means(code):
    """The status and the text of SystemExit's argument, as Python itself takes it."""
    if code is None:
        return {"status": 0, "text": None}
    if isinstance(code, int):
        return {"status": code & 0xFF if -(2**31) <= code < 2**31 else 255, "text": None}
    return {"status": 1, "text": str(code)}


if __name__ == "__main__":
    IOPubThread.send_multipart = send_in_order(IOPubThread.send_multipart)
    Kernel.launch_instance(outstream_class="__main__.stream", log_level=40)
