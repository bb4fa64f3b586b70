"""Runs the notebook runner as Rigi does, with the Python that runs this file: it needs the runner's libraries.

    python crates/local/tests/python/notebook_test.py
"""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import nbformat

RUNNER = Path(__file__).resolve().parents[2] / "src" / "python" / "notebook"
sys.path.insert(0, str(RUNNER))

from rigi_notebook import streams
from rigi_notebook.cells import Mistake, tries_of

# Runs the runner with some of its constants changed.
CHANGED = """
import runpy, sys
sys.argv.pop(0)
sys.path.insert(0, sys.argv[0])
{}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# A kernel that is not the runner's own and loses the messages that LOSE names.
LOSES = """
from ipykernel import kernelapp
from jupyter_client.session import Session
send = Session.send
def lose(self, stream, msg, content=None, parent=None, *rest, **more):
    kind = msg if isinstance(msg, str) else msg["header"]["msg_type"]
    asked = (parent or {}).get("header", parent or {}).get("msg_type") == "execute_request"
    if not asked or (kind != "LOSE" and content != {"execution_state": "LOSE"}):
        return send(self, stream, msg, content, parent, *rest, **more)
Session.send = lose
kernelapp.launch_new_instance()
"""


class NotebookTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "out").mkdir()

    def start(self, cells, parameters=(), arguments=(), change=None, **metadata):
        """Starts the runner on these cells: texts, or pairs of a text and the cell's metadata."""
        notebook = nbformat.v4.new_notebook(metadata=metadata)
        for cell in cells:
            source, about = (cell, {}) if isinstance(cell, str) else cell
            notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=about))
        nbformat.write(notebook, self.folder / "main.ipynb")
        (self.folder / "params.json").write_text(json.dumps(dict(parameters)))
        changed = ["-c", CHANGED.format(change)] if change else []
        command = [sys.executable, "-u", *changed, RUNNER, "main.ipynb", "--params", "params.json", "--out", "out"]
        command += arguments
        environment = dict(os.environ, RIGI_EVENTS=str(self.folder / "events"), JUPYTER_PATH=str(self.folder))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=environment, **pipes)

    def run_cells(self, cells, parameters=(), arguments=(), **more):
        (self.folder / "events").unlink(missing_ok=True)
        with self.start(cells, parameters, arguments, **more) as process:
            self.stdout, self.stderr = process.communicate(timeout=120)
            return process.returncode

    def executed(self):
        self.assertIn("<html", (self.folder / "out" / "main.html").read_text())
        return nbformat.read(self.folder / "out" / "main.ipynb", as_version=4)

    def notes(self, kind):
        notes = [json.loads(line) for line in (self.folder / "events").read_text().splitlines()]
        return [note for note in notes if note["type"] == kind]

    def test_parameters_follow_the_tagged_cell_and_replace_earlier_ones(self):
        cells = [
            ("a = 1; b = 2", {"tags": ["parameters"]}),
            ("a = 99", {"tags": ["injected-parameters"]}),
            "print(a, b, secret, end='')",
        ]
        parameters = {"a": [None, True, "it's"], "secret": "hunter2", "not-a-name": 1}
        self.assertEqual(self.run_cells(cells, parameters, ["--secrets", '["secret"]']), 0)
        self.assertEqual(self.stdout, "[None, True, \"it's\"] 2 hunter2\n")
        self.assertIn("`not-a-name`", self.stderr)
        notebook = self.executed()
        self.assertEqual([cell.metadata.get("tags") for cell in notebook.cells][1], ["injected-parameters"])
        self.assertEqual(len(notebook.cells), 3)
        self.assertNotIn("hunter2", "".join(cell.source for cell in notebook.cells))

    def test_a_cell_is_retried_in_the_same_kernel_and_the_last_failure_ends_the_run(self):
        cells = [
            "tries = 0",
            ("tries += 1\nif tries < 3: raise ValueError(tries)", {"fastflow": {"retries": 2}}),
            ("raise KeyError('boom')", {"rigi": {"retries": 0}}),
            "print('never')",
        ]
        retries = [{}, {"retries": 0, "delay_seconds": 0}, {"retries": 5}]
        self.assertEqual(self.run_cells(cells, arguments=["--cells", json.dumps(retries)]), 1)
        states = [(note["index"], note["state"], note["try"]) for note in self.notes("cell")]
        middle = [(1, "running", 1), (1, "retrying", 1), (1, "running", 2), (1, "retrying", 2), (1, "running", 3)]
        begin, end = [(0, "running", 1), (0, "succeeded", 1)], [(1, "succeeded", 3), (2, "running", 1), (2, "failed", 1)]
        self.assertEqual(states, begin + middle + end)
        self.assertIn("Cell 3 of 4 failed: KeyError: 'boom'", self.stderr)
        self.assertNotIn("\x1b", self.stderr)
        self.assertNotIn("never", self.stdout)
        self.assertEqual(self.executed().cells[2].outputs[0].ename, "KeyError")

    def test_output_arrives_while_the_cell_runs_and_sigterm_keeps_what_there_is(self):
        cells = ["print('one')", "try:\n    print('two'); __import__('time').sleep(600)\nfinally: print('tidied up')"]
        with self.start(cells) as process:
            self.assertEqual([process.stdout.readline() for _ in cells], ["one\n", "two\n"])
            process.send_signal(signal.SIGTERM)
            stdout, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, stdout), (143, "tidied up\n"))
        self.assertEqual(self.executed().cells[0].outputs[0].text, "one\n")

    def test_the_kernel_dies_with_the_runner(self):
        with self.start(["import os, time; print(os.getpid()); time.sleep(600)"]) as process:
            kernel = int(process.stdout.readline())
            pipe = os.pidfd_open(kernel)
            process.kill()
            self.assertTrue(select.select([pipe], [], [], 30)[0], "the kernel outlived the runner")
            os.close(pipe)

    def test_a_kernel_that_dies_is_named_and_gives_its_status(self):
        self.assertEqual(self.run_cells(["import os; os.kill(os.getpid(), 9)", "1"]), 137)
        self.assertIn("Cell 1 of 2 failed: its kernel was killed by signal 9", self.stderr)
        self.executed()

    def test_results_and_progress(self):
        kernel = {"name": "somewhere-else", "language": "python", "display_name": ""}
        self.assertEqual(self.run_cells(["6 * 7", "import sys; print('!', file=sys.stderr)"], kernelspec=kernel), 0)
        self.assertEqual(self.stdout, "42\n")
        self.assertIn("No kernel `somewhere-else`", self.stderr)
        self.assertTrue(self.stderr.endswith("!\n"))
        progress = [(note["current"], note["total"], note["message"]) for note in self.notes("progress")]
        self.assertEqual(progress, [(0, 2, "cell 1 of 2"), (1, 2, "cell 2 of 2"), (2, 2, "2 of 2 cells")])

    def texts(self, cell):
        """What the executed notebook has of a cell's text, by stream."""
        found = {}
        for output in self.executed().cells[cell].outputs:
            found[output.name] = found.get(output.name, "") + output.text
        return found

    def test_output_is_whole_at_any_speed(self):
        cells = [
            "for i in range(30_000): print(i, flush=True)",
            "import logging; logging.basicConfig(format='%(message)s')\nfor i in range(20_000): logging.error(i)",
            "import os\nfor i in range(5_000): os.write(1, b'%d\\n' % i)",
            "import subprocess; subprocess.run(['seq', '1', '50000'], check=True).returncode",
        ]
        self.assertEqual(self.run_cells(cells), 0)
        lines = ["".join(f"{i}\n" for i in range(*bounds)) for bounds in ((30_000,), (20_000,), (5_000,), (1, 50_001))]
        self.assertEqual(self.stdout, lines[0] + lines[2] + lines[3] + "0\n")
        self.assertEqual(self.stderr, lines[1])
        kept = self.executed().cells
        names = ["stdout", "stderr", "stdout", "stdout"]
        for cell, name, text in zip(kept, names, lines, strict=True):
            texts = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == name]
            # One output, or as many as there are pieces of text between others.
            self.assertEqual("".join(texts), text)
            self.assertEqual(len(texts), 1)

    def test_text_and_displays_keep_their_order_and_are_whole(self):
        source = "for i in range(3_000):\n    print('text', i)\n    display(i)\nprint('end')"
        self.assertEqual(self.run_cells([source]), 0)
        outputs = self.executed().cells[0].outputs
        got = [output.text if output.output_type == "stream" else output.data["text/plain"] for output in outputs]
        self.assertEqual(got, [x for i in range(3_000) for x in (f"text {i}\n", str(i))] + ["end\n"])
        self.assertEqual(self.stdout, "".join(f"text {i}\n{i}\n" for i in range(3_000)) + "end\n")

    def test_what_children_print_after_their_cell_belongs_to_the_next(self):
        begin = "import subprocess as s; child = s.Popen('read x; echo late', shell=True, stdin=s.PIPE)"
        self.assertEqual(self.run_cells([begin, "child.communicate(b'go\\n'); None"]), 0)
        self.assertEqual(self.stdout, "late\n")
        self.assertEqual(self.texts(1), {"stdout": "late\n"})

    def test_bytes_pass_unchanged_and_what_a_dying_kernel_wrote_is_kept(self):
        source = "import os, sys; sys.stdout.buffer.write(b'\\xff\\n'); print('last', end=''); os._exit(0)"
        with self.start([source, "1"]) as process:
            process.stdout = process.stdout.detach()
            stdout, stderr = process.stdout.read(), process.stderr.read()
        self.assertEqual((process.returncode, stdout), (1, b"\xff\nlast\n"))
        self.assertEqual(stderr, "Cell 1 of 2 failed: its kernel ended with status 0\n")
        self.assertEqual(self.texts(0), {"stdout": "\ufffd\nlast"})

    def test_exit_ends_the_notebook_as_it_ends_a_script(self):
        rest = "; 1 after it was not run\n"
        for source, status, stderr in [
            ("import sys; sys.exit(0)", 0, "Cell 1 of 2 ended the notebook with exit 0" + rest),
            ("raise SystemExit", 0, "Cell 1 of 2 ended the notebook with exit 0" + rest),
            ("exit()\nprint('never')", 0, "Cell 1 of 2 ended the notebook with exit 0" + rest),
            ("quit", 0, "Cell 1 of 2 ended the notebook with exit 0" + rest),
            ("import sys; sys.exit(3)", 3, "Cell 1 of 2 ended with exit 3\n"),
            ("quit(259)", 3, "Cell 1 of 2 ended with exit 3\n"),
            ("import sys; sys.exit('no more')", 1, "no more\nCell 1 of 2 ended with exit 1\n"),
            ("import sys; sys.exit('0')", 1, "0\nCell 1 of 2 ended with exit 1\n"),
        ]:
            with self.subTest(source):
                self.assertEqual(self.run_cells([source, "print('never')"]), status)
                self.assertEqual((self.stdout, self.stderr), ("", stderr))
                self.assertEqual(self.notes("cell")[-1]["state"], "failed" if status else "succeeded")
                self.assertEqual(len(self.executed().cells[0].outputs), 1 if status else 0)

    def test_a_cell_that_exits_is_tried_again_unless_it_exits_well(self):
        source = ("n = globals().get('n', 3) - 1\nexit(n)", {"rigi": {"retries": "5", "delay_seconds": 0.01}})
        self.assertEqual(self.run_cells([source]), 0)
        self.assertIn("Cell 1 of 1 ended with exit 2 (try 1 of 6); next try in 0.01 s\n", self.stderr)
        self.assertEqual([note["try"] for note in self.notes("cell") if note["state"] == "succeeded"], [3])

    def kernel_that_loses(self, what):
        folder = self.folder / "kernels" / "loses"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.py").write_text(LOSES.replace("LOSE", what))
        argv = [sys.executable, str(folder / "kernel.py"), "-f", "{connection_file}"]
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "", "language": "python"}))
        return {"name": "loses", "language": "python", "display_name": ""}

    def test_a_lost_message_stalls_nothing(self):
        change = "from rigi_notebook import client; client.QUIET_SECONDS = client.REPLY_SECONDS = 0.5"
        spec = self.kernel_that_loses("idle")
        self.assertEqual(self.run_cells(["print(1)", "print(2)"], change=change, kernelspec=spec), 0)
        self.assertEqual(self.stdout, "1\n2\n")
        self.assertEqual(self.stderr.count("The kernel did not say that the cell had ended"), 2)
        spec = self.kernel_that_loses("execute_reply")
        self.assertEqual(self.run_cells(["print(1)", "print(2)"], change=change, kernelspec=spec), 1)
        self.assertEqual((self.stdout, self.stderr), ("1\n", "Cell 1 of 2 failed: its kernel no longer answers\n"))

    def test_a_notebook_that_would_be_too_large_is_cut_with_a_word(self):
        change = "from rigi_notebook import client, outputs; client.Outputs = lambda: outputs.Outputs(1 << 20)"
        source = "for i in range(3): print('x' * 400_000); display(i)"
        self.assertEqual(self.run_cells([source], change=change), 0)
        self.assertEqual(len(self.stdout), 3 * 400_003)
        self.assertIn("The notebook's outputs are more than 1 MiB: it is kept without the rest", self.stderr)
        self.assertLessEqual(len(self.texts_of_all()), 1 << 20)

    def texts_of_all(self):
        return "".join(output.get("text", "") for cell in self.executed().cells for output in cell.outputs)

    def test_mistakes_are_explained(self):
        self.assertEqual(self.run_cells(["1"], kernelspec={"name": "ir", "language": "R", "display_name": ""}), 1)
        self.assertIn("written in R", self.stderr)
        self.assertEqual(self.run_cells([("1", {"rigi": {"retries": "many"}})]), 1)
        self.assertIn("Cell 1: `retries` is 'many'", self.stderr)


class TriesTest(unittest.TestCase):
    def tries(self, metadata, *cells):
        return tries_of(nbformat.v4.new_code_cell("", metadata=metadata), 0, cells)

    def test_numbers_may_be_texts_and_fractions(self):
        for metadata, expected in [
            ({}, (0, 1)),
            ({"rigi": {"retries": "2"}}, (2, 1)),
            ({"fastflow": {"retries": 2.0, "delay_seconds": 0.25}}, (2, 0.25)),
            ({"fastflow": {"retries": 2, "delay_seconds": "0.5"}, "rigi": {"retries": 1}}, (1, 0.5)),
            ({"rigi": {"retries": 1, "delay": "250ms"}}, (1, 0.25)),
            ({"rigi": {"retries": None, "delay_seconds": ""}}, (0, 1)),
        ]:
            self.assertEqual(self.tries(metadata), (expected, []), metadata)
        self.assertEqual(self.tries({"rigi": {"delay_seconds": 0}}, {"retries": 3, "delay_seconds": 0.25})[0], (3, 0))

    def test_what_means_nothing_is_a_mistake_or_told(self):
        for value in ("many", -1, True, 1.5, [], "nan", "inf"):
            with self.assertRaisesRegex(Mistake, "Cell 1: `retries` is"):
                self.tries({"rigi": {"retries": value}})
            tries, (warning,) = self.tries({"fastflow": {"retries": value}}, {"retries": 4})
            self.assertEqual(tries, (4, 1))
            self.assertIn("has no effect", warning)
        for metadata in ({"rigi": 3}, {"rigi": {"retrys": 3}}):
            tries, (warning,) = self.tries(metadata)
            self.assertEqual(tries, (0, 1))
            self.assertIn("no effect", warning)


class PipeTest(unittest.TestCase):
    def test_text_waits_at_a_mark_for_its_message(self):
        async def read():
            got = bytearray()
            pipe = streams.Pipe(b"\x1etoken", got.extend)
            pipe.open()
            os.write(pipe.end, b"before\x1etok")
            pipe.read()
            self.assertEqual(got, b"before")
            os.write(pipe.end, b"enone\x1fbetween\x1etokentwo\x1fafter\x1e")
            pipe.read()
            self.assertEqual(got, b"before")
            pipe.reach("no mark of it")
            self.assertEqual(got, b"before")
            pipe.reach("two")
            self.assertEqual(got, b"beforebetween")
            pipe.pass_on()
            self.assertEqual(got, b"beforebetweenafter")
            os.write(pipe.end, b"!\x1etokenlost\x1fend")
            pipe.read()
            pipe.resume()
            self.assertEqual(got, b"beforebetweenafter\x1e!end")
            os.close(pipe.end)
            pipe.close()

        asyncio.run(read())


if __name__ == "__main__":
    unittest.main()
