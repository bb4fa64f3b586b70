"""What runs during the storm, and what each kind of run must have left behind when it is over.

Every attempt tells, beside its log, a file that Rigi knows nothing of: that it started, and each line once it was
said. And it holds a lock of its run for as long as any of its processes lives: an attempt that finds it taken says so.
"""

import hashlib
import json

# A mark stands on a line of its own, whole only with its dot: whoever is killed while writing may leave half of one.
PREAMBLE = """
mark() { printf '\\n%s %s %s %s .\\n' $1 $RIGI_RUN_ID $RIGI_ATTEMPT $2 >>"$CHAOS/marks"; }
exec 9>"$CHAOS/locks/$RIGI_RUN_ID"
flock -n 9 || mark overlap $$
mark start $$
say() { echo "$RIGI_RUN_ID $RIGI_ATTEMPT $1"; mark said $1; }
count() { i=1; while [ $i -le $1 ]; do say $i; $2; i=$((i + 1)); done; }
pause() { sleep 0.1; }
"""

FLOOD = 600
NUMBERS = "".join(f"{n}\n" for n in range(1, 2001))
SAME = "the same in every run\n"


class Kind:
    """`lines` are said by an attempt that runs to its end; `None` where it goes on until somebody stops it."""

    def __init__(self, name, weight, script, *, lines, exit_code=0, spec=None, cancelled=0.05, outputs=None):
        self.name, self.weight, self.lines, self.exit_code = name, weight, lines, exit_code
        self.script, self.spec, self.outputs = script, spec or {}, outputs
        # Whether it speaks no more often than ten times a second.
        self.paced = "pause" in script
        # The part of its runs that is cancelled.
        self.cancelled = cancelled

    def exit_of(self, attempt):
        """The exit status that an attempt of this number has when nothing keeps it from its end."""
        return self.exit_code if not callable(self.exit_code) else self.exit_code(attempt)


def own_output(run, attempt):
    return f"of {run} {attempt}\n"


def output_hashes(run, attempt):
    """Path and SHA-256 of what an attempt of the kind `output` leaves."""
    contents = {"own.txt": own_output(run, attempt), "same.txt": SAME, "deep/numbers.txt": NUMBERS}
    return {path: hashlib.sha256(content.encode()).hexdigest() for path, content in contents.items()}


RETRIES = {"strategy": "fixed", "delay": "200ms"}

KINDS = [
    Kind("noop", 46, "say 1", lines=1),
    Kind("talk", 17, "count 8 pause", lines=8),
    Kind(
        "output",
        12,
        'say 1; mkdir "$RIGI_OUTPUTS/deep"; echo "of $RIGI_RUN_ID $RIGI_ATTEMPT" >"$RIGI_OUTPUTS/own.txt"\n'
        f'echo "{SAME.strip()}" >"$RIGI_OUTPUTS/same.txt"; seq 1 2000 >"$RIGI_OUTPUTS/deep/numbers.txt"; say 2',
        lines=2,
        outputs=output_hashes,
    ),
    Kind(
        "flaky",
        10,
        'say 1; pause; [ "$RIGI_ATTEMPT" = 1 ] && exit 3; say 2',
        lines=2,
        exit_code=lambda attempt: 3 if attempt == 1 else 0,
        spec={"retries": {"attempts": 2, **RETRIES}},
    ),
    Kind("fails", 5, "say 1; exit 3", lines=1, exit_code=3, spec={"retries": {"attempts": 1, **RETRIES}}),
    # What it starts must not outlive it, whether it stays in its group or leaves it. Limits bring control groups into play.
    Kind("tree", 5, "say 1; sleep 300 & setsid sleep 301 & pause; say 2", lines=2, spec={"limits": {"memory": "256MiB"}}),
    Kind("endless", 2, "count 500 pause; exit 4", lines=None, cancelled=1),
    Kind("stubborn", 1, "trap '' TERM; count 500 pause; exit 4", lines=None, cancelled=1, spec={"grace_period": "1s"}),
    Kind("flood", 2, f"count {FLOOD} true", lines=FLOOD),
]
BY_NAME = {kind.name: kind for kind in KINDS}


def lines_of(kind, attempt):
    """How many lines an attempt says that runs to its end."""
    return 1 if kind.name == "flaky" and attempt == 1 else kind.lines


def write_pipelines(folder, chaos):
    for kind in KINDS:
        place = folder / kind.name
        place.mkdir(parents=True)
        command = ["sh", "-c", PREAMBLE + kind.script]
        (place / "pipeline.json").write_text(json.dumps({"command": command, "env": {"CHAOS": str(chaos)}, **kind.spec}))
