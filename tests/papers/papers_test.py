"""Runs as papers tell them: texts, crates that the validator of RO-Crate takes, reproductions, and events of lineage by the specification."""
import hashlib
import json
import sys
import time
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor

from bed import EXAMPLES, Bed, Validator

PROCESS, PROVENANCE = "process-run-crate-0.5", "provenance-run-crate-0.5"


def setUpModule():
    global bed, runs
    bed, runs = Bed(), {}
    unittest.addModuleCleanup(bed.close)
    text = EXAMPLES / "word-count" / "sample" / "excelsior.txt"
    wanted = {
        "notes": ["-p", "name=paper"],
        "measure": ["-p", "count=5", "-p", "key=hidden"],
        "word-count": ["-i", f"texts={text}", "-p", "top=3"],
        "flaky": [],
        "broken": [],
    }
    with ThreadPoolExecutor(len(wanted)) as pool:
        ends = lambda name: (1,) if name == "broken" else (0,)
        started = {name: pool.submit(bed.run, name, *given, ends=ends(name)) for name, given in wanted.items()}
    runs |= {name: run.result() for name, run in started.items()}
    wait(lambda: bed.json("data", "list", "-o", "json"), "a dataset")
    runs["survey"] = bed.run("survey", "-i", "readings=dataset:readings/daily")


def wait(look, what, patience=30):
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"there is still no {what}")
        time.sleep(0.1)
    return found


def crate(name):
    path = bed.root / f"{name}.zip"
    if not path.exists():
        bed.rigi("runs", "cite", runs[name], "--ro-crate", str(path))
    return path


class Texts(unittest.TestCase):
    def test_a_methods_section_names_what_matters(self):
        text = bed.rigi("runs", "cite", runs["survey"]).stdout
        for part in ["Rigi ", "the flow survey", runs["survey"], "git commit ", "dataset readings/daily@1",
                     "All parameters had their defaults", "Step count was done 2 times", "total.txt"]:
            self.assertIn(part, text)
        text = bed.rigi("runs", "cite", runs["measure"]).stdout
        self.assertIn("count = 5 (default 3)", text)
        self.assertNotIn("hidden", text)

    def test_data_says_the_same(self):
        told = bed.json("runs", "cite", runs["word-count"], "--json")
        run = told["runs"][0]
        sample = (EXAMPLES / "word-count" / "sample" / "excelsior.txt").read_bytes()
        self.assertEqual(run["inputs"][0]["sha256"], hashlib.sha256(sample).hexdigest())
        self.assertIn(("top", 3, True), [(one["name"], one["value"], one["changed"]) for one in run["parameters"]])
        self.assertEqual(len(run["version"]), 64)
        notes = bed.json("runs", "cite", runs["notes"], "--json")
        packages = notes["environments"][notes["runs"][0]["environment"]]["packages"]
        self.assertIn("nbclient", [one["name"] for one in packages if one.get("version")])


class Crates(unittest.TestCase):
    def test_the_validator_takes_them(self):
        validator = Validator(bed.root)
        wanted = [(name, PROCESS) for name in ["measure", "word-count", "flaky", "broken", "notes"]]
        wanted.append(("survey", PROVENANCE))
        crates = [(crate(name), profile) for name, profile in wanted]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda one: validator.validate(*one), crates))
        for (name, profile), said in zip(wanted, done):
            with self.subTest(crate=name, profile=profile):
                self.assertEqual(said.returncode, 0, said.stdout[-6000:] + said.stderr[-2000:])
        print(f"{sum(said.returncode == 0 for said in done)} of {len(done)} crates are as their profiles say", file=sys.stderr)

    def test_what_is_in_them_is_what_they_say(self):
        for name in ["survey", "measure", "word-count"]:
            with zipfile.ZipFile(crate(name)) as files:
                self.assertIsNone(files.testzip())
                text = files.read("ro-crate-metadata.json").decode()
                self.assertNotIn("null", text.replace('"null"', ""))
                self.assertNotIn("hidden", text)
                graph = json.loads(text)["@graph"]
                from urllib.parse import unquote
                told = [one for one in graph if "File" in (one["@type"] if isinstance(one["@type"], list) else [one["@type"]])]
                names = {unquote(one["@id"]): one for one in told}
                self.assertEqual(set(names), set(files.namelist()) - {"ro-crate-metadata.json"})
                for path, one in names.items():
                    if "sha256" in one:
                        self.assertEqual(hashlib.sha256(files.read(path)).hexdigest(), one["sha256"])

    def test_the_same_run_gives_the_same_bytes(self):
        again = bed.root / "again.zip"
        bed.rigi("runs", "cite", runs["survey"], "--ro-crate", str(again))
        self.assertEqual(crate("survey").read_bytes(), again.read_bytes())


class Reproductions(unittest.TestCase):
    def test_what_is_the_same_and_what_is_not(self):
        same = bed.json("runs", "reproduce", runs["survey"], "-o", "json")
        self.assertEqual((same["equal"], same["differs_in"]), (True, []), same)
        self.assertIn("steps/sum/total.txt", [one["path"] for one in same["files"]])
        other = bed.rigi("runs", "reproduce", runs["measure"], "-o", "json", check=False)
        told = json.loads(other.stdout)
        self.assertEqual((other.returncode, told["equal"]), (1, False))
        verdicts = {one["path"]: one["verdict"] for one in told["files"]}
        self.assertEqual(verdicts, {"table/rows.csv": "equal", "when.txt": "differs"})


class Lineage(unittest.TestCase):
    def events(self, run):
        bits = 0
        for digit in run.removeprefix("run_"):
            bits = bits << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
        import uuid
        known = str(uuid.UUID(int=bits))
        return [one for one in bed.receiver.events if one["run"]["runId"] == known]

    def types(self, run):
        return [one["eventType"] for one in self.events(run)]

    def test_each_run_starts_and_ends_once(self):
        for name, end in [("measure", "COMPLETE"), ("survey", "COMPLETE"), ("broken", "FAIL")]:
            wait(lambda: end in self.types(runs[name]), f"{end} of {name}")
            self.assertEqual(self.types(runs[name]), ["START", end])
        self.assertEqual(bed.receiver.refused, 2)
        self.assertEqual(bed.receiver.tokens, {"Bearer of-the-receiver"})
        failed = self.events(runs["broken"])[1]
        self.assertIn("sensor", failed["run"]["facets"]["errorMessage"]["message"])

    def test_events_lead_from_what_was_given_to_what_was_left(self):
        wait(lambda: "COMPLETE" in self.types(runs["survey"]), "end of survey")
        left = self.events(runs["measure"])[1]["outputs"]
        self.assertIn(("readings/daily", "1"), [(one["name"], one["facets"]["version"]["datasetVersion"]) for one in left])
        given = self.events(runs["survey"])[0]["inputs"]
        self.assertEqual([(one["namespace"], one["name"]) for one in given], [("lab", "readings/daily")])
        steps = [one for one in bed.receiver.events if one["job"]["name"] == "survey.sum" and one["eventType"] == "COMPLETE"]
        self.assertEqual(steps[0]["run"]["facets"]["parent"]["job"]["name"], "survey")
        self.assertTrue(all(one["name"].startswith("survey.count/") for one in steps[0]["inputs"]), steps[0]["inputs"])

    def test_nothing_is_lost_when_the_server_is_killed(self):
        refused = bed.receiver.server
        bed.receiver.server.shutdown()
        run = bed.run("measure")
        bed.kill()
        import threading
        threading.Thread(target=refused.serve_forever, daemon=True).start()
        bed.start()
        wait(lambda: "COMPLETE" in self.types(run), "end of a run whose server was killed", 60)

    def test_events_are_as_the_specification_says(self):
        from openlineage.client import event_v2, facet_v2
        facets = {
            "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
            "parent": facet_v2.parent_run.ParentRunFacet,
            "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
            "jobType": facet_v2.job_type_job.JobTypeJobFacet,
            "documentation": facet_v2.documentation_job.DocumentationJobFacet,
            "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
            "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
            "inputStatistics": facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
            "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        }
        nested = {"run": facet_v2.parent_run.Run, "job": facet_v2.parent_run.Job}

        def take(found):
            for name, said in found.items():
                said = dict(said)
                schema = said.pop("_schemaURL")
                if name == "parent":
                    said |= {key: kind(**said[key]) for key, kind in nested.items()}
                made = facets[name](**{key.removeprefix("_"): value for key, value in said.items()})
                self.assertEqual(schema, made._schemaURL)
            return found

        wait(lambda: "COMPLETE" in self.types(runs["survey"]), "end of survey")
        for one in list(bed.receiver.events):
            sides = []
            for side, kind in [("inputs", event_v2.InputDataset), ("outputs", event_v2.OutputDataset)]:
                for data in one[side]:
                    take(data["facets"]), take(data[f"{side[:-1]}Facets"])
                    sides.append(kind(namespace=data["namespace"], name=data["name"]))
            take(one["run"]["facets"]), take(one["job"]["facets"])
            made = event_v2.RunEvent(
                eventTime=one["eventTime"], eventType=event_v2.RunState(one["eventType"]), producer=one["producer"],
                run=event_v2.Run(runId=one["run"]["runId"]),
                job=event_v2.Job(namespace=one["job"]["namespace"], name=one["job"]["name"]))
            self.assertEqual(made.schemaURL, one["schemaURL"])
            self.assertEqual(__import__("uuid").UUID(one["run"]["runId"]).version, 7)
        print(f"{len(bed.receiver.events)} events are as OpenLineage 2-0-2 says", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
