"""Runs the cells of one notebook, and writes what follows from it."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import CellExecutionError, DeadKernelError

from rigi_notebook.cells import INJECTED, Mistake, inject, load_notebook, load_parameters, tags, tries_of
from rigi_notebook.client import Client
from rigi_notebook.console import Console, Notes, plain

# How long a cell may tidy up after the interrupt that follows SIGTERM; well within Rigi's grace period.
TIDY_UP_SECONDS = 2.0
# Saving the notebook while it runs may take at most about this part of the time.
SAVING_SHARE = 0.05
# A Unix socket's path holds 107 bytes; the names put into the folder need up to 30.
LONGEST_SOCKET_FOLDER = 75
PR_SET_PDEATHSIG = 1


class Runner:
    """One notebook, from the first cell to the written results."""

    def __init__(self, options):
        self.options = options
        self.name = os.path.splitext(os.path.basename(options.notebook))[0]
        self.console = Console()
        self.notes = Notes(os.environ.get("RIGI_EVENTS"))
        self.stopped = None
        self.current = None
        self.saved_at = time.monotonic()
        self.saving_took = 0.0
        self.notebook = load_notebook(options.notebook)
        names = inject(self.notebook, load_parameters(options.params), options)
        for name in names:
            self.console.line("stderr", f"Parameter `{name}` is no Python name: it is in $RIGI_PARAMS only")
        self.cells = [c for c in self.notebook.cells if c.cell_type == "code" and INJECTED not in tags(c)]
        found = [tries_of(cell, index, options.cells) for index, cell in enumerate(self.cells)]
        self.tries = [tries for tries, _ in found]
        for warning in (warning for _, warnings in found for warning in warnings):
            self.console.line("stderr", warning)

    async def run(self):
        """Runs the cells and returns the exit status."""
        folder = socket_folder()
        os.environ.setdefault("IPYTHONDIR", os.path.join(folder, "ipython"))
        try:
            client = self.client(folder)
            loop = asyncio.get_running_loop()
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signum, self.stop, signum, client, asyncio.current_task())
            try:
                await self.start_kernel(client)
                return await self.run_cells(client)
            except (asyncio.CancelledError, DeadKernelError):
                # A stop shows as a dead kernel, too: that is how nbclient takes a cancellation.
                return self.stopped or await self.report_dead_kernel(client)
            finally:
                await self.end_kernel(client)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def client(self, folder):
        client = Client(self.notebook, self.console, kernel_name=self.kernel_name())
        client.create_kernel_manager()
        client.use_our_kernel()
        # Sockets in a private folder rather than ports: many kernels that start at once cannot take each other's.
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
            client.km.transport = "ipc"
        client.km.connection_file = os.path.join(folder, "k.json")
        return client

    def kernel_name(self):
        """The kernel that the notebook names, or this environment's own Python."""
        spec = self.notebook.metadata.get("kernelspec", {})
        name = spec.get("name") or "python3"
        if name in KernelSpecManager().find_kernel_specs():
            return name
        language = spec.get("language") or self.notebook.metadata.get("language_info", {}).get("name") or "python"
        if language.lower() not in ("python", "ipython", "python3"):
            raise Mistake(
                f"{self.options.notebook} is written in {language}, for the kernel `{name}`, which this environment "
                "does not have.\nAdd the package that brings it to requirements.txt."
            )
        if name != "python3":
            self.console.line("stderr", f"No kernel `{name}` in this environment: its Python is used")
        return "python3"

    async def start_kernel(self, client):
        try:
            await client.start(preexec_fn=die_with(os.getpid()))
        except (OSError, RuntimeError) as error:
            if self.stopped:
                raise asyncio.CancelledError from error
            client.streams.drain()
            said = client.tail.decode(errors="replace").strip()
            raise Mistake(f"{said}\nThe notebook's kernel did not start: {error}") from error

    async def run_cells(self, client):
        total = len(self.cells)
        index = 0
        for position, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            if INJECTED in tags(cell):
                self.current = ("The cell with the parameters", position, cell)
                status = await self.run_cell(client, None)
            else:
                what = f"cell {index + 1} of {total}"
                self.current = (what.capitalize(), position, cell)
                self.notes.add(type="progress", current=index, total=total, message=what)
                status = await self.run_cell(client, index)
                index += 1
            self.console.finish_lines()
            if self.stopped or status is not None:
                return self.stopped or status
            # For the case that this process is killed; unless saving is slow.
            if time.monotonic() - self.saved_at > max(2.0, self.saving_took / SAVING_SHARE):
                self.save()
        self.notes.add(type="progress", current=total, total=total, message=f"{total} of {total} cells")
        client.set_widgets_metadata()
        return 0

    async def run_cell(self, client, index):
        """Tries the current cell as often as it may be; returns the exit status if it ends the run.

        The injected cell has no index."""
        what, position, cell = self.current
        retries, delay = (0, 0) if index is None else self.tries[index]
        for number in range(1, retries + 2):
            self.note_cell(index, "running", number)
            client.begin(cell, position)
            try:
                await client.async_execute_cell(cell, position)
            except CellExecutionError as error:
                left = client.exit or exit_of(error)
                if self.stopped or (left and left["status"] == 0):
                    return self.leave(index, number)
                last = number > retries
                self.note_cell(index, "failed" if last else "retrying", number)
                why = f"ended with exit {left['status']}" if left else f"failed: {summary(error)}"
                tried = f" (try {number} of {retries + 1})" if retries else ""
                then = "" if last else f"; next try in {delay:g} s"
                self.console.line("stderr", f"{what} {why}{tried}{then}")
                if last:
                    return left["status"] if left else 1
                await asyncio.sleep(delay)
            except DeadKernelError:
                self.note_cell(index, "failed", number)
                raise
            else:
                if client.exit and client.exit["status"] == 0:
                    return self.leave(index, number)
                self.note_cell(index, "succeeded", number)
                return None
        return 1

    def leave(self, index, number):
        """A cell ended the notebook, and well."""
        self.note_cell(index, "succeeded", number)
        if not self.stopped:
            what, position, _ = self.current
            rest = sum(cell.cell_type == "code" for cell in self.notebook.cells[position + 1 :])
            after = f"; {rest} after it {'was' if rest == 1 else 'were'} not run" if rest else ""
            self.console.line("stderr", f"{what} ended the notebook with exit 0{after}")
        return 0

    def note_cell(self, index, state, number):
        if index is not None and not self.stopped:
            self.notes.add(type="cell", index=index, state=state, **{"try": number})

    async def report_dead_kernel(self, client):
        """Says how the kernel ended, and returns the exit status that follows."""
        what, position, cell = self.current
        await client.read_last_words(cell, position)
        code = await client.km.provisioner.poll()
        self.console.line("stderr", f"{what} failed: its kernel {how_it_ended(code)}")
        return (128 - code if code < 0 else code) if code else 1

    def stop(self, signum, client, task):
        """On SIGTERM and SIGINT: interrupts the cell, then ends the run whatever the cell does."""
        if self.stopped:
            return
        self.stopped = 128 + signum
        if self.current is None:
            task.cancel()
            return
        self.console.line("stderr", "Stopping: the cell is interrupted")
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(client.km.provisioner.process.pid, signal.SIGINT)
        asyncio.get_running_loop().call_later(TIDY_UP_SECONDS, task.cancel)

    async def end_kernel(self, client):
        """Ends the kernel: gracefully after its work is done, at once on a stop."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(signum)
            signal.signal(signum, signal.SIG_IGN)
        manager = client.km
        if manager is None:
            return
        client.streams.drain()
        client.outputs.settle()
        self.save()
        if client.kc is not None:
            client.kc.stop_channels()
        if manager.has_kernel:
            await manager.shutdown_kernel(now=self.stopped is not None or not await manager.is_alive())
        await manager.cleanup_resources()
        client.close()

    def save(self):
        """Writes NAME.ipynb."""
        started = time.monotonic()
        text = nbformat.writes(self.notebook)
        self.write(self.name + ".ipynb", text if text.endswith("\n") else text + "\n")
        self.saved_at = time.monotonic()
        self.saving_took = self.saved_at - started

    def save_html(self):
        """Writes NAME.html, which loads nothing from anywhere: formulas stay as they were typed."""
        from jinja2 import DictLoader
        from nbconvert import HTMLExporter

        blocks = ("html_head_js", "html_head_js_mathjax", "html_head_js_mermaidjs", "jupyter_widgets")
        template = "{% extends 'lab/index.html.j2' %}" + "".join(
            "{% block " + block + " %}{% endblock %}" for block in blocks
        )
        exporter = HTMLExporter(extra_loaders=[DictLoader({"rigi.html.j2": template})], template_file="rigi.html.j2")
        text, _ = exporter.from_notebook_node(self.notebook, {"metadata": {"name": self.name}})
        self.write(self.name + ".html", text)

    def write(self, name, text):
        """All of a file or nothing of it."""
        path = os.path.join(self.options.out, name)
        unfinished = os.path.join(self.options.out, f".{name}.part")
        with open(unfinished, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(unfinished, path)


def summary(error):
    """One line that says what went wrong."""
    name = getattr(error, "ename", "") or type(error).__name__
    text = plain(str(getattr(error, "evalue", "") or "")).strip().split("\n")[0]
    return f"{name}: {text[:500]}" if text else name


def exit_of(error):
    """How a cell left, in a kernel that does not say it by message."""
    if getattr(error, "ename", "") != "SystemExit":
        return None
    text = str(error.evalue or "").strip()
    if text in ("", "None"):
        return {"status": 0}
    return {"status": int(text) & 0xFF if text.lstrip("-").isdecimal() else 1}


def how_it_ended(code):
    if code is None:
        return "no longer answers"
    if code >= 0:
        return f"ended with status {code}"
    why = "perhaps for want of memory" if code == -signal.SIGKILL else signal.strsignal(-code)
    return f"was killed by signal {-code} ({why})"


def die_with(parent):
    """What a child does before it becomes the kernel: asks to be killed when this process is gone."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)

    def ask():
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def socket_folder():
    """A private folder for the kernel's sockets, with a path that is short if there is such a place."""
    places = [place for place in (tempfile.gettempdir(), "/tmp", "/dev/shm") if os.access(place, os.W_OK)]
    short = [place for place in places if len(os.fsencode(place)) < LONGEST_SOCKET_FOLDER - 16]
    return tempfile.mkdtemp(prefix="rigi-nb-", dir=(short or [None])[0])
