"""What is left when nothing runs any more: processes, control groups, folders, files that nothing refers to."""

import os
import time
from pathlib import Path

from world import processes_of

# Folders of ended attempts go a few seconds later, when the supervisor has a moment.
PATIENCE = 40


def until(look, bound=PATIENCE):
    """Looks again until nothing is left or the bound is reached; returns what is left."""
    deadline = time.monotonic() + bound
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def describe(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{pid}: {words[:100]}"
    except OSError:
        return f"{pid}: gone meanwhile"


def check_running(world, findings):
    """With the server still up: no process but its own, and no attempt's folder."""
    own = (world.process.pid, world.supervisor())
    left = until(lambda: list(processes_of(world.folder, but=own)))
    findings.add_all("orphan processes", map(describe, left))
    folders = until(lambda: sorted(os.listdir(world.data / "runs")))
    findings.add_all("orphan files", (f"runs/{name}" for name in folders))


def check_stopped(world, findings, referred):
    """With the server down: nothing runs, no control group is left, and what `gc` leaves is referred to."""
    findings.add_all("orphan processes", map(describe, until(lambda: list(processes_of(world.folder)))))
    groups = until(lambda: control_groups(world.data), 2)
    findings.add_all("orphan control groups", groups)
    before = set(unreferred(world, referred))
    said = world.rigi("gc", str(world.pipelines), settings={"RIGI_RETENTION__COLLECT_AFTER": "0s"})
    if said.returncode != 0:
        findings.add("orphan files", f"gc: {said.stderr}")
    findings.add_all("orphan files", unreferred(world, referred))
    findings.add_all("orphan processes", map(describe, until(lambda: list(processes_of(world.folder)))))
    return len(before)


def unreferred(world, referred):
    """Files that no run and no pipeline needs."""
    project = world.data / "objects" / "default"
    contents, logs = referred
    for path in project.glob("blobs/*/*"):
        if path.name not in contents:
            yield str(path.relative_to(world.data))
    for path in project.glob("logs/*/*"):
        run, _, attempt = path.name.rpartition(".")
        if (run, int(attempt)) not in logs:
            yield str(path.relative_to(world.data))
    for folder in ("tmp", "runs"):
        yield from (f"{folder}/{name}" for name in os.listdir(world.data / folder))
    known = ("journal-", "lock", "output", "sock", "ticket")
    yield from (f"supervisor/{name}" for name in os.listdir(world.data / "supervisor") if not name.startswith(known))


def control_groups(data):
    """Groups of this data folder's, by the name that the supervisor gives them."""
    import hashlib

    name = "rigi-" + hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{name}")]
