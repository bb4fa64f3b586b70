/** What likely helps, by the stable code of why a run ended. */

interface Ended {
  reason?: string | null | undefined;
  exit_code?: number | null | undefined;
  limits: { memory?: number | null; timeout_ms?: number | null };
}

const CURES: Record<string, string> = {
  "out-of-memory": "Give it more with `memory` in its spec, or let it work on less at a time.",
  "timed-out": "Give it longer with `timeout` in its spec, or find in its log where the time went.",
  "environment-failed": "The log says which package or Python version could not be had. Mend the requirements and run it again.",
  "image-unavailable": "See that the image's name is right, and that the target may pull it.",
  "waiting-for-quota": "Ask for less, or have the quota of the cluster's namespace raised.",
  evicted: "The cluster needed its place. Running it again is safe if its steps are.",
  "start-failed": "See that the command or interpreter is there and may be executed.",
  "staging-failed": "Its code or inputs could not be put in place: see the log, and that the disk has room.",
  "outputs-failed": "It ran, but what it wrote could not be kept: see the log, and that the disk has room.",
  "outputs-left-out": "It succeeded; what could not be kept is named in its log.",
  "target-unavailable": "This server cannot execute on that target. Choose another, or set it up.",
  lost: "The machine or the supervisor went away while it ran. Running it again is safe if its steps are.",
  "limit-exceeded": "The log says which limit it met; the spec's `limits` sets it.",
};

export function cureOf(run: Ended): string | null {
  if (run.reason === "exit-code" && run.exit_code === 127)
    return "The shell did not find a command: it is not installed, or not on the path.";
  if (run.reason === "exit-code" && run.exit_code === 126) return "A file could not be executed: `chmod +x` it, or name its interpreter.";
  return CURES[run.reason ?? ""] ?? null;
}
