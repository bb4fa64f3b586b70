"""Runs the notebook runner as Rigi does, with the Python that runs this file: it needs the runner's libraries.

    python crates/exec/tests/python/notebook_test.py
"""

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

RUNNER = Path(__file__).resolve().parents[2] / "src" / "python" / "notebook.py"


class NotebookTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "out").mkdir()

    def start(self, cells, parameters=(), arguments=(), **metadata):
        """Starts the runner on these cells: texts, or pairs of a text and the cell's metadata."""
        notebook = nbformat.v4.new_notebook(metadata=metadata)
        for cell in cells:
            source, about = (cell, {}) if isinstance(cell, str) else cell
            notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=about))
        nbformat.write(notebook, self.folder / "main.ipynb")
        (self.folder / "params.json").write_text(json.dumps(dict(parameters)))
        command = [sys.executable, "-u", RUNNER, "main.ipynb", "--params", "params.json", "--out", "out", *arguments]
        environment = dict(os.environ, RIGI_EVENTS=str(self.folder / "events"))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=environment, **pipes)

    def run_cells(self, cells, parameters=(), arguments=(), **metadata):
        with self.start(cells, parameters, arguments, **metadata) as process:
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

    def test_mistakes_are_explained(self):
        self.assertEqual(self.run_cells(["1"], kernelspec={"name": "ir", "language": "R", "display_name": ""}), 1)
        self.assertIn("written in R", self.stderr)
        self.assertEqual(self.run_cells([("1", {"rigi": {"retries": "many"}})]), 1)
        self.assertIn("Cell 1: `retries` is 'many'", self.stderr)


if __name__ == "__main__":
    unittest.main()
