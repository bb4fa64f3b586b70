"""Runs a Jupyter notebook from top to bottom, for Rigi.

    python -u notebook.py NOTEBOOK --params FILE --cells JSON --out OUTPUTS_DIR

It runs inside the pipeline's own environment, with the attempt's work folder as the current directory.

- Parameters: the object in FILE becomes a cell tagged `injected-parameters`, after the cell tagged `parameters` or
  first when there is none (the convention of papermill). Those named by `--secrets` are read from FILE at run time,
  so that their values do not end up in the executed notebook.
- Retries: `--cells` is a list of `{retries, delay_seconds}` by code cell (the injected one is not counted);
  `rigi` or `fastflow` in the cell's metadata override it key by key. The kernel, and what it holds, lives on
  between tries. The first cell that exhausts its tries ends the run.
- Output streams while a cell runs. Progress goes, one JSON object a line, to the file that RIGI_EVENTS names.
- NAME.ipynb and NAME.html are written to OUTPUTS_DIR however it ends, SIGTERM included.

Exit status: 0 every cell succeeded; 1 a cell failed or the notebook could not be run; 130 and 143 stopped by SIGINT
and SIGTERM; when the kernel died, its status, or 128 and the number of the signal that killed it.
"""

import argparse
import asyncio
import contextlib
import ctypes
import importlib.util
import json
import keyword
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings

LIBRARIES = ("nbclient", "nbformat", "nbconvert", "ipykernel")
if missing := [name for name in LIBRARIES if importlib.util.find_spec(name) is None]:
    sys.exit(
        f"The notebook was not run: its environment has no {' and no '.join(missing)}.\n"
        f"Add to the pipeline's requirements.txt: {' '.join(missing)}"
    )

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

INJECTED = "injected-parameters"
# How long a cell may tidy up after the interrupt that follows SIGTERM; well within Rigi's grace period.
TIDY_UP_SECONDS = 2.0
# Saving the notebook while it runs may take at most about this part of the time.
SAVING_SHARE = 0.05
# A Unix socket's path holds 107 bytes; the names put into the folder need up to 30.
LONGEST_SOCKET_FOLDER = 75
ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
PR_SET_PDEATHSIG = 1


class Mistake(Exception):
    """The notebook cannot be run as it was asked; the text is for people."""


class Console:
    """Passes on what cells print, as it comes."""

    def __init__(self):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        self.unfinished = {}

    def write(self, name, text):
        if not text:
            return
        stream = sys.stderr if name == "stderr" else sys.stdout
        stream.write(text)
        stream.flush()
        self.unfinished[name] = not text.endswith("\n")

    def line(self, name, text):
        self.finish_lines()
        self.write(name, text + "\n")

    def finish_lines(self):
        """So that the next cell does not continue the last one's line."""
        for name, unfinished in list(self.unfinished.items()):
            if unfinished:
                self.write(name, "\n")


class KernelPipe:
    """What the kernel's process itself prints. ipykernel echoes there what cells print, so it is not passed on; its
    end is kept for a kernel that does not start."""

    def __init__(self):
        read, self.end = os.pipe()
        self.tail = b""
        threading.Thread(target=self.drain, args=(read,), daemon=True).start()

    def drain(self, read):
        while chunk := os.read(read, 65536):
            self.tail = (self.tail + chunk)[-8192:]


class Notes:
    """Appends notes to the file that RIGI_EVENTS names."""

    def __init__(self, path):
        self.path = path

    def add(self, **note):
        if self.path:
            with open(self.path, "ab", buffering=0) as file:
                file.write(json.dumps(note).encode() + b"\n")


class Client(NotebookClient):
    """A notebook client that lets its output be seen while a cell runs."""

    def __init__(self, notebook, console, **options):
        super().__init__(notebook, **options)
        self.console = console

    def process_message(self, msg, cell, cell_index):
        self.show(msg["msg_type"], msg["content"])
        return super().process_message(msg, cell, cell_index)

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
            self.console.line("stderr", ESCAPE_SEQUENCE.sub("", "\n".join(lines)))

    async def show_last_words(self, cell, position):
        """What a kernel that died had printed and nobody had read."""
        while True:
            try:
                msg = await self.kc.iopub_channel.get_msg(timeout=0.2)
                if msg["msg_type"] in ("stream", "error"):
                    self.process_message(msg, cell, position)
            except Exception:  # Empty, or a channel that went with its kernel: there is no more to be had.
                return


class Runner:
    """One notebook, from the first cell to the written results."""

    def __init__(self, options):
        self.options = options
        self.name = os.path.splitext(os.path.basename(options.notebook))[0]
        self.console = Console()
        self.notes = Notes(os.environ.get("RIGI_EVENTS"))
        self.pipe = KernelPipe()
        self.stopped = None
        self.current = None
        self.saved_at = time.monotonic()
        self.saving_took = 0.0
        self.notebook = load_notebook(options.notebook)
        names = inject(self.notebook, load_parameters(options.params), options)
        for name in names:
            self.console.line("stderr", f"Parameter `{name}` is no Python name: it is in $RIGI_PARAMS only")
        self.cells = [c for c in self.notebook.cells if c.cell_type == "code" and INJECTED not in tags(c)]
        self.tries = [tries_of(cell, index, options.cells) for index, cell in enumerate(self.cells)]

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
        times = {"timeout": None, "startup_timeout": 300, "iopub_timeout": 3600}
        client = Client(self.notebook, self.console, kernel_name=self.kernel_name(), **times)
        client.create_kernel_manager()
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
        end = self.pipe.end
        try:
            await client.async_start_new_kernel(stdout=end, stderr=end, preexec_fn=die_with(os.getpid()))
            await client.async_start_new_kernel_client()
        except (OSError, RuntimeError) as error:
            if self.stopped:
                raise asyncio.CancelledError from error
            said = self.pipe.tail.decode(errors="replace").strip()
            raise Mistake(f"{said}\nThe notebook's kernel did not start: {error}") from error
        finally:
            os.close(end)

    async def run_cells(self, client):
        total = len(self.cells)
        index = 0
        for position, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            if INJECTED in tags(cell):
                self.current = ("The cell with the parameters", position, cell)
                succeeded = await self.run_cell(client, None)
            else:
                what = f"cell {index + 1} of {total}"
                self.current = (what.capitalize(), position, cell)
                self.notes.add(type="progress", current=index, total=total, message=what)
                succeeded = await self.run_cell(client, index)
                index += 1
            self.console.finish_lines()
            if self.stopped or not succeeded:
                return self.stopped or 1
            # For the case that this process is killed; unless saving is slow.
            if time.monotonic() - self.saved_at > max(2.0, self.saving_took / SAVING_SHARE):
                self.save()
        self.notes.add(type="progress", current=total, total=total, message=f"{total} of {total} cells")
        client.set_widgets_metadata()
        return 0

    async def run_cell(self, client, index):
        """Tries the current cell as often as it may be; says whether it succeeded. The injected cell has no index."""
        what, position, cell = self.current
        retries, delay = (0, 0) if index is None else self.tries[index]
        for number in range(1, retries + 2):
            self.note_cell(index, "running", number)
            try:
                await client.async_execute_cell(cell, position)
            except CellExecutionError as error:
                if self.stopped:
                    return False
                last = number > retries
                self.note_cell(index, "failed" if last else "retrying", number)
                tried = f", try {number} of {retries + 1}" if retries else ""
                then = "" if last else f"; next try in {delay:g} s"
                self.console.line("stderr", f"{what} failed{tried}: {summary(error)}{then}")
                if not last:
                    await asyncio.sleep(delay)
            except DeadKernelError:
                self.note_cell(index, "failed", number)
                raise
            else:
                self.note_cell(index, "succeeded", number)
                return True
        return False

    def note_cell(self, index, state, number):
        if index is not None and not self.stopped:
            self.notes.add(type="cell", index=index, state=state, **{"try": number})

    async def report_dead_kernel(self, client):
        """Says how the kernel ended, and returns the exit status that follows."""
        what, position, cell = self.current
        await client.show_last_words(cell, position)
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
        self.save()
        if client.kc is not None:
            client.kc.stop_channels()
        if manager.has_kernel:
            await manager.shutdown_kernel(now=self.stopped is not None or not await manager.is_alive())
        await manager.cleanup_resources()

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
    """The retries of a code cell and the seconds between them."""
    found = {"retries": 0, "delay_seconds": 1}
    sources = [cells[index] if index < len(cells) else {}]
    sources += [cell.metadata.get(key) or {} for key in ("fastflow", "rigi")]
    for source in sources:
        for key in found:
            value = source.get(key) if isinstance(source, dict) else None
            if value is None:
                continue
            whole = isinstance(value, int) or key == "delay_seconds" and isinstance(value, float)
            if isinstance(value, bool) or not whole or not 0 <= value < 2**31:
                raise Mistake(f"Cell {index + 1}: `{key}` is {value!r} and must be a number from 0")
            found[key] = value
    return found["retries"], found["delay_seconds"]


def summary(error):
    """One line that says what went wrong."""
    name = getattr(error, "ename", "") or type(error).__name__
    text = ESCAPE_SEQUENCE.sub("", str(getattr(error, "evalue", "") or "")).strip().split("\n")[0]
    return f"{name}: {text[:500]}" if text else name


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


def arguments():
    parser = argparse.ArgumentParser(description="Run a notebook from top to bottom.")
    parser.add_argument("notebook")
    parser.add_argument("--params", required=True, metavar="FILE")
    parser.add_argument("--cells", type=json.loads, default=[], metavar="JSON")
    parser.add_argument("--secrets", type=json.loads, default=[], metavar="JSON")
    parser.add_argument("--out", required=True, metavar="OUTPUTS_DIR")
    return parser.parse_args()


def main():
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        runner = Runner(arguments())
        status = asyncio.run(runner.run())
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    try:
        runner.save_html()
    except Exception as error:  # Of any kind, in a library: the result itself is there and stands.
        print(f"{runner.name}.html was not written: {type(error).__name__}: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
