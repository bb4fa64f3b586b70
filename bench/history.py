"""What a server remembers after some time: ended runs of many kinds, made for real once and then copied (see seed.py)."""

import json

from seed import seed

TEAMS = ("climate", "physics", "genome", "ops")


def spec(script, **more):
    return {"command": ["sh", "-c", script], **more}


#: Short and long logs, files, failures, retries, timeouts: what every list and page is about.
PIPELINES = {
    "archive-noop": {"command": ["/bin/true"]},
    "import-weather": spec("seq -f 'station %g: 24 values read' 40"),
    "import-ocean": spec("seq -f 'buoy %g: 96 values read' 12; echo 'one buoy is silent' >&2"),
    "check-quality": spec("echo 'value 17 is out of range' >&2; exit 3"),
    "train-model": spec("echo attempt $RIGI_ATTEMPT; test $RIGI_ATTEMPT -ge 3", retries={"attempts": 3, "strategy": "fixed", "delay": "10ms"}),
    "monthly-report": spec("mkdir -p $RIGI_OUTPUTS/report; seq 2000 > $RIGI_OUTPUTS/report/table.csv; date > $RIGI_OUTPUTS/report/made.txt"),
    "sync-slowly": spec("sleep 60", timeout="1s", grace_period="100ms"),
    "build-map": spec("seq -f 'tile %g of 3000 is drawn, in the usual colours' 3000"),
}


def write_pipelines(folder):
    for name, pipeline in PIPELINES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "pipeline.json").write_text(json.dumps(pipeline))


def run_for_real(link):
    """Some of each pipeline, with labels: enough that copies of them differ."""
    runs = []
    for index, name in enumerate(PIPELINES):
        for n in range(2 if name == "sync-slowly" else 13):
            labels = {"team": TEAMS[(index + n) % len(TEAMS)], "batch": f"{n}"}
            runs.append({"pipeline": name, "labels": labels, "parameters": {"year": 1990 + n, "region": "Zürich"}})
    link.call("POST", "/runs", {"runs": runs})
    link.drained()


def fill(server, count):
    """Runs all of them once, stops the server, and makes `count` ended runs of it."""
    run_for_real(server.connect())
    server.stop()
    seed(server.database or server.data / "rigi.db", count)
