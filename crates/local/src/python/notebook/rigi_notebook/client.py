"""The client of a kernel: lets outputs be seen while a cell runs, and waits for no message without end."""

import asyncio
import contextlib
import time
from pathlib import Path

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from traitlets import Type

from rigi_notebook.console import plain
from rigi_notebook.outputs import Outputs, error_output, output_of, size_of
from rigi_notebook.streams import Streams

KERNEL = Path(__file__).with_name("kernel.py")
# After the reply to a cell: how long no message must have come before the one that ends the cell is given up.
QUIET_SECONDS = 10.0
# After a cell's last message: how long its reply may take.
REPLY_SECONDS = 30.0
# Messages that wait here; the kernel holds back what is more. A kernel that is not ours would drop it: no bound.
QUEUED_MESSAGES = 64
FOREVER = 10**9


class Watched(AsyncZMQSocketChannel):
    """A channel whose messages are seen by the client, and whose waiting the client can end."""

    watch = None
    waiting = None
    given_up = False

    async def get_msg(self, timeout=None):
        if self.watch is None or timeout is not None:
            return await super().get_msg(timeout)
        self.waiting = asyncio.ensure_future(super().get_msg(None))
        try:
            msg = await self.waiting
        except asyncio.CancelledError:
            self.waiting.cancel()
            if not self.given_up:
                raise
            self.given_up = False
            return self.watch.made_up_idle()
        finally:
            self.waiting = None
        self.watch.saw(msg)
        return msg

    def give_up(self):
        if self.waiting and not self.waiting.done():
            self.given_up = True
            self.waiting.cancel()


class WatchedClient(AsyncKernelClient):
    shell_channel_class = Type(Watched)
    iopub_channel_class = Type(Watched)


class Client(NotebookClient):
    """A notebook client that lets its output be seen while a cell runs."""

    def __init__(self, notebook, console, **options):
        # No bounds of nbclient's: it counts from the reply on, however much is still to be read.
        super().__init__(notebook, timeout=None, startup_timeout=300, iopub_timeout=FOREVER, **options)
        self.console = console
        self.outputs = Outputs()
        self.streams = Streams(self.take)
        self.ours = False
        self.tail = b""
        self.cell = None
        self.next = None
        self.request = None
        # The cells' requests that were last replied to, and last said to be done.
        self.replied = self.done = None
        self.heard_at = 0.0
        self.exit = None
        self.told_of_limit = False

    def use_our_kernel(self):
        """Runs ipykernel with the changes that `kernel.py` names, where the kernel is ipykernel."""
        argv = list(self.km.kernel_spec.argv)
        for module in ("ipykernel_launcher", "ipykernel"):
            at = argv.index("-m") if "-m" in argv[:-1] else -1
            if at >= 0 and argv[at + 1] == module:
                argv[at : at + 2] = [str(KERNEL), self.streams.token]
                self.km.kernel_spec.argv = argv
                self.ours = True
        self.km.client_factory = WatchedClient
        self.km.context.rcvhwm = QUEUED_MESSAGES if self.ours else 0

    async def start(self, **options):
        """Starts the kernel and connects to it."""
        self.streams.open()
        ends = self.streams.ends()
        try:
            await self.async_start_new_kernel(**ends, **options)
            await self.async_start_new_kernel_client()
        finally:
            self.streams.close_ends()
        self.kc.iopub_channel.watch = self.kc.shell_channel.watch = self

    def begin(self, cell, index):
        """This cell is next: its first message makes it the one that outputs belong to."""
        self.next = (cell, index)
        self.exit = None

    def take(self, name, data):
        """Bytes that the kernel's process wrote."""
        if self.cell is None or not self.ours:
            # Other kernels may echo here what they send by message. The end is kept for one that does not start.
            self.tail = (self.tail + data)[-8192:]
            return
        self.console.write(name, data)
        text = self.outputs.decode(name, data)
        if text:
            msg = {"msg_type": "stream", "header": {"msg_type": "stream"}, "parent_header": {"msg_id": self.request}}
            self.output(self.cell[0].outputs, {**msg, "content": {"name": name, "text": text}}, None, self.cell[1])

    def saw(self, msg):
        """Each message, before it is processed: what was written before it comes first."""
        kind, parent = msg["msg_type"], msg["parent_header"].get("msg_id")
        self.heard_at = time.monotonic()
        if kind == "execute_reply":
            self.replied = parent
            asyncio.get_running_loop().call_later(QUIET_SECONDS, self.expect_idle, parent)
            return
        self.streams.reach(msg["header"]["msg_id"])
        if kind != "status" or msg["parent_header"].get("msg_type") != "execute_request":
            return
        if msg["content"]["execution_state"] == "busy":
            self.cell, self.request = self.next, parent
            self.outputs.forget(self.cell[1])
        else:
            self.done = parent
            self.outputs.settle()
            asyncio.get_running_loop().call_later(REPLY_SECONDS, self.expect_reply, parent)

    def expect_idle(self, request):
        """The cell has ended: its last message has come, is on its way, or is lost."""
        if request == self.done or request != self.replied:
            return
        quiet = time.monotonic() - self.heard_at
        if quiet < QUIET_SECONDS or not self.kc.iopub_channel.waiting:
            asyncio.get_running_loop().call_later(max(0.1, QUIET_SECONDS - quiet), self.expect_idle, request)
            return
        self.console.aside("The kernel did not say that the cell had ended: some of its output may be lost")
        self.kc.iopub_channel.give_up()

    def expect_reply(self, request):
        """Without the reply nobody knows whether the cell succeeded: then the kernel counts as dead."""
        if request == self.done and request != self.replied and self.task_poll_for_reply:
            self.task_poll_for_reply.cancel()

    def made_up_idle(self):
        self.done = self.replied
        self.outputs.settle()
        kind = {"msg_type": "status"}
        content = {"execution_state": "idle"}
        return {**kind, "header": kind, "parent_header": {"msg_id": self.done}, "metadata": {}, "content": content}

    def process_message(self, msg, cell, cell_index):
        kind, content = msg["msg_type"], msg["content"]
        if kind == "rigi_exit":
            self.leave(cell, content)
            return None
        self.show(kind, content)
        return super().process_message(msg, cell, cell_index)

    def leave(self, cell, exit):
        """The cell raised SystemExit. The notebook keeps a failure, the log has what Python prints."""
        self.exit = exit
        if exit["text"]:
            self.console.line("stderr", exit["text"])
        if exit["status"]:
            self.outputs.settle()
            cell.outputs.append(error_output("SystemExit", exit["text"] or str(exit["status"])))

    def show(self, kind, content):
        if kind == "stream":
            self.console.write(content.get("name"), content.get("text", ""))
        elif kind in ("execute_result", "display_data"):
            data = content.get("data", {})
            picture = any(key.startswith("image/") or "widget-view" in key for key in data)
            if "text/plain" in data and not (kind == "display_data" and picture):
                self.console.line("stdout", data["text/plain"])
        elif kind == "error":
            lines = content.get("traceback") or [f"{content.get('ename')}: {content.get('evalue')}"]
            self.console.line("stderr", plain("\n".join(lines)))

    def output(self, outs, msg, display_id, cell_index):
        """Keeps an output, unless the notebook would be too large."""
        content = msg["content"]
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            # An Output widget takes it.
            return super().output(outs, msg, display_id, cell_index)
        if not self.outputs.is_room_for(cell_index, size_of(content)):
            return self.tell_of_limit()
        if self.clear_before_next_output:
            self.clear_before_next_output = False
            self.clear_output(outs, {**msg, "content": {}}, cell_index)
        kind = msg["header"]["msg_type"]
        if kind == "stream" and self.outputs.joins(outs, content["name"]):
            self.outputs.join(content["text"])
            return None
        kept = output_of(kind, content)
        if kept is None:
            return None
        if display_id:
            self._display_id_map.setdefault(display_id, {}).setdefault(cell_index, []).append(len(outs))
        if kind == "stream":
            self.outputs.begin(kept)
        outs.append(kept)
        return kept

    def tell_of_limit(self):
        if not self.told_of_limit:
            self.told_of_limit = True
            limit = f"{self.outputs.limit >> 20} MiB"
            self.console.aside(f"The notebook's outputs are more than {limit}: it is kept without the rest of them")

    def clear_output(self, outs, msg, cell_index):
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self.outputs.forget(cell_index)

    async def read_last_words(self, cell, position):
        """What a kernel that died had sent and nobody had read."""
        self.streams.drain()
        with contextlib.suppress(Exception):  # Empty, or a channel that went with its kernel: no more is to be had.
            while True:
                msg = await self.kc.iopub_channel.get_msg(timeout=0.2)
                if msg["msg_type"] in ("stream", "error", "display_data"):
                    self.process_message(msg, cell, position)
        self.outputs.settle()

    def close(self):
        """Reads what is left, and closes the pipes."""
        self.streams.drain()
        self.outputs.settle()
        self.streams.close()
