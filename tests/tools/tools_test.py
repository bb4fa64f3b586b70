#!/usr/bin/env python3
"""Every tool of Debian's `topp` as a pipeline: valid schemas, the tool's own defaults, and runs on spectra.

RIGI_BIN names the binary; `jsonschema` comes from PyPI.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jsonschema import Draft202012Validator

sys.path.insert(0, str(Path(__file__).resolve().parent))
import spectra
from bed import ENV, RIGI, SILENT, Bed, call

BED = None


def setUpModule():
    global BED
    BED = Bed()


def tearDownModule():
    BED.close()


def runner_of(folder):
    """The script that starts the tool, as a module."""
    spec = importlib.util.spec_from_file_location(f"run_{folder.name}", folder / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(runner, file):
    """What a file of parameters says, by path."""
    return {path: runner.texts_in(item) for path, item in runner.items_of(ElementTree.parse(file).getroot())}


class EveryTool(unittest.TestCase):
    def test_becomes_a_pipeline_by_one_command(self):
        for name, said in BED.said.items():
            with self.subTest(name):
                if name in SILENT:
                    self.assertEqual(said.returncode, 64, said.stderr)
                    self.assertIn("does not describe itself", said.stderr)
                    self.assertFalse((BED.pipelines / name).exists())
                else:
                    self.assertEqual(said.returncode, 0, said.stderr)
                    self.assertIn(f"asking: {name} -write_ctd", said.stderr)
        self.assertGreater(len(BED.made()), 150)

    def test_has_a_spec_without_mistake_or_warning(self):
        found = call(RIGI, "validate", str(BED.pipelines), "-o", "json")
        findings = json.loads(found.stdout)
        self.assertEqual(len(findings), len(BED.made()))
        self.assertEqual([one for one in findings if one["mistakes"] or one["warnings"]], [])

    def test_is_a_process_type_of_valid_schemas_that_its_own_defaults_fit(self):
        found = BED.process_types()
        self.assertEqual(sorted(found), BED.made())
        short = BED.get("/process-types?limit=3", top=True)
        self.assertEqual(short["items"], [found[name] for name in BED.made()[:3]])
        for name, one in found.items():
            with self.subTest(name):
                for part in ("inputs", "parameters", "outputs"):
                    Draft202012Validator.check_schema(one[part])
                schema = one["parameters"]
                defaults = {key: rule["default"] for key, rule in schema["properties"].items() if "default" in rule}
                mistakes = list(Draft202012Validator({**schema, "required": []}).iter_errors(defaults))
                self.assertEqual(mistakes, [])
                self.assertEqual(sorted(set(schema["properties"]) - set(defaults)), sorted(schema.get("required", [])))
                for port in (*one["inputs"]["properties"].values(), *one["outputs"]["properties"].values()):
                    self.assertEqual(port["type"], "array")

    def test_has_the_tools_own_defaults(self):
        found = BED.process_types()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            differing = dict(zip(BED.made(), pool.map(lambda name: self.differing(name, found[name]), BED.made())))
        self.assertEqual({name: said for name, said in differing.items() if said}, {})

    def differing(self, name, process_type):
        """What is not as the tool itself has it: as it is left, and with each value written from the form."""
        folder, own = BED.pipelines / name, BED.root / f"{name}.ini"
        call(name, "-write_ini", str(own))
        runner = runner_of(folder)
        tool = runner.read_json(folder / "tool.json")
        schema = process_type["parameters"]["properties"]
        form = {key: rule["default"] for key, rule in schema.items() if "default" in rule}
        wanted = values(runner, own)

        left = BED.root / f"{name}.left.ini"
        told = runner.write_ini(tool, form, {}, left)
        said = [f"{path} would be told" for path, *_ in told]
        found = values(runner, left)
        said += [f"{path}: {found.get(path)}, not {texts}" for path, texts in wanted.items() if found.get(path) != texts]

        # Every value from the form, whether it is the tool's own or not; read by the tool, it is the same again.
        ini = runner.open_ini(tool)
        items = dict(runner.items_of(ini))
        for entry in tool["parameters"]:
            if entry["name"] in form:
                path = (*tool["root"], *entry["path"])
                runner.put(items[path], runner.texts_of(form[entry["name"]], entry["kind"]))
        written, read = BED.root / f"{name}.form.ini", BED.root / f"{name}.read.ini"
        ElementTree.ElementTree(ini).write(written, encoding="utf-8", xml_declaration=True)
        ended = subprocess.run(
            [name, "-ini", str(written), "-write_ini", str(read)], capture_output=True, text=True, env=ENV, timeout=60
        )
        if not read.exists():
            return [*said, f"{name} does not read it: {ended.stdout[-300:]} {ended.stderr[-300:]}"]
        kinds = {(*tool["root"], *entry["path"]): entry["kind"] for entry in tool["parameters"]}
        again = values(runner, read)
        for path, texts in wanted.items():
            if not runner.is_same(again.get(path, []), texts, kinds.get(path, "text")):
                said.append(f"{path}: {again.get(path)} after reading, not {texts}")
        return said


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mzml = spectra.write(BED.root / "sample.mzML")

    def test_file_info_says_what_is_in_a_file(self):
        run = BED.run("FileInfo", "-i", f"in={self.mzml}", "-p", "out=txt", "-p", "m=true")
        self.assertEqual(run["state"], "succeeded")
        text = BED.artifact(run["id"], "out/sample.txt")
        self.assertIn("Number of spectra: 3", text)
        self.assertRegex(text, r"mass-to-charge: 395.00 \.\. 515.00")
        log = BED.log_of(run["id"])
        self.assertRegex(log, r"FileInfo 2\S*: 1 of \d+ parameters are not the tool's own")
        self.assertIn("m = true", log)

    def test_a_peak_picker_finds_the_peaks_and_is_told_what_is_changed(self):
        run = BED.run("PeakPickerHiRes", "-i", f"in={self.mzml}", "-p", "algorithm__signal_to_noise=1.5")
        self.assertEqual(run["state"], "succeeded")
        picked = BED.artifact(run["id"], "out/sample.mzML")
        counts = [int(one.split('"')[0]) for one in picked.split('defaultArrayLength="')[1:]]
        self.assertEqual(len(counts), 3)
        self.assertTrue(all(count == len(spectra.PEAKS) for count in counts), counts)
        ini = ElementTree.fromstring(BED.artifact(run["id"], "parameters.ini"))
        noise = next(item for item in ini.iter("ITEM") if item.get("name") == "signal_to_noise")
        self.assertEqual(noise.get("value"), "1.5")

    def test_what_breaks_a_rule_of_the_tool_starts_nothing(self):
        data = str(BED.root / "data")
        BED.start()
        refused = call(RIGI, "run", "PeakPickerHiRes", "-i", f"in={self.mzml}", "-p", "algorithm__signal_to_noise=-1", "--data", data)
        self.assertEqual(refused.returncode, 64)
        self.assertIn("`algorithm__signal_to_noise` is -1 and must be at least 0", refused.stderr)
        other = BED.root / "table.csv"
        other.write_text("a,b\n")
        refused = call(RIGI, "run", "PeakPickerHiRes", "-i", f"in={other}", "--data", data)
        self.assertEqual(refused.returncode, 64)
        self.assertIn("the input `in` takes files of `mzML`, not `table.csv`", refused.stderr)

    def test_a_tool_with_a_command_line_of_its_own_gets_what_differs(self):
        program = BED.root / "blast"
        program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done > words.txt\ncp "$3" "$5"\n')
        program.chmod(0o755)
        ctd = BED.root / "blast.ctd"
        names = {"-word": "word", "-q": "quiet", "-query": "query", "-out": "out", "": "db"}
        cli = "".join(
            f'<clielement optionIdentifier="{option}"><mapping referenceName="blast.{name}"/></clielement>' for option, name in names.items()
        )
        ctd.write_text(
            f'<tool name="blast" version="2"><executableName>{program}</executableName><cli>{cli}</cli><PARAMETERS><NODE name="blast">'
            '<ITEM name="word" type="int" value="11"/><ITEM name="quiet" type="bool" value="false"/>'
            '<ITEM name="query" type="input-file" value="" required="true"/><ITEM name="db" type="string" value="nr"/>'
            '<ITEM name="out" type="output-file" value="" required="true" supported_formats="*.txt"/></NODE></PARAMETERS></tool>'
        )
        made = call(RIGI, "pipelines", "from-tool", str(ctd), "--into", str(BED.pipelines))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.addCleanup(shutil.rmtree, BED.pipelines / "blast")
        query = BED.root / "query.fasta"
        query.write_text(">a\nMK\n")
        run = BED.run("blast", "-i", f"query={query}", "-p", "quiet=true", "-p", "db=my db", "-p", "word=11")
        words = BED.artifact(run["id"], "words.txt").splitlines()
        self.assertEqual([words[0], words[1], words[3], words[5]], ["-q", "-query", "-out", "my db"])
        self.assertEqual(BED.artifact(run["id"], "out/query.txt"), ">a\nMK\n")

    def test_a_python_script_with_defaults_runs_with_its_own_values(self):
        script = BED.root / "example.py"
        script.write_text(
            "import json, sys\n"
            "DEFAULTS = [\n"
            '    {"key": "in", "value": [], "hide": True},\n'
            '    {"key": "out", "value": [], "hide": True},\n'
            '    {"key": "number-slider", "name": "number of features", "value": 6, "min": 2, "max": 10},\n'
            "]\n"
            'if __name__ == "__main__":\n'
            "    with open(sys.argv[1]) as file:\n"
            "        params = json.load(file)\n"
            "    lines = len(open(params['in'][0]).readlines())\n"
            "    with open(params['out'][0], 'w') as file:\n"
            "        print(lines * params['number-slider'], file=file)\n"
        )
        into = BED.root / "scripts"
        made = call(RIGI, "pipelines", "from-tool", str(script), "--into", str(into))
        self.assertEqual(made.returncode, 0, made.stderr)
        table = BED.root / "lines.csv"
        table.write_text("a\nb\n")
        words = ["-i", f"in={table}", "-p", "number_slider=7", "-p", "out=true"]
        ended = call(RIGI, "run", str(into / "example"), *words, "--data", str(BED.root / "alone"), "--wait", "-o", "json", timeout=180)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        run = json.loads(ended.stdout)
        self.assertEqual(run["parameters"]["number_slider"], 7)


if __name__ == "__main__":
    unittest.main()
