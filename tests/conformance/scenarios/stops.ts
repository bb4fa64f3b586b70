/** Ends that somebody asks for: cancel and timeout, at every moment. */
import type { Scenario, Stage } from "../scenario";
import { stalled } from "../listeners";

const CANCELLED = { state: "cancelled", reason: "cancelled" };

async function cancel(stage: Stage, id = stage.run.id): Promise<void> {
  await stage.api.post(`/runs/${id}/cancel`);
}

/** Cancels when it has said something. */
async function cancelRunning(stage: Stage): Promise<void> {
  await stage.api.said(stage.run.id, 1);
  await cancel(stage);
}

export const stops: Scenario[] = [
  {
    name: "cancel-queued",
    shell: "echo ready; sleep 600",
    spec: { max_instances: 1 },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const second = await stage.submit();
      await stage.api.until(second.id, (run) => run.reason === "pipeline-limit");
      await cancel(stage, second.id);
      const done = await stage.api.ended(second.id);
      stage.facts.second = { state: done.state, reason: done.reason, attempt: done.attempt };
      await cancel(stage);
    },
    expect: { state: "cancelled", facts: { second: { state: "cancelled", attempt: 0 } } },
  },
  {
    name: "cancel-while-starting",
    // Its environment never gets ready: the index does not answer.
    server: "own",
    prepare: stalled,
    files: (index) => ({ "main.py": "print(1)\n", "requirements.txt": `--index-url http://${String(index)}/simple\ntabulate==0.9.0\n` }),
    act: async (stage) => {
      await stage.api.until(stage.run.id, (run) => run.reason === "preparing-environment");
      await cancel(stage);
    },
    expect: { state: "cancelled", attempts: [{ state: "cancelled" }], logs: [{}] },
  },
  {
    name: "cancel-while-pulling",
    only: ["container"],
    server: "own",
    prepare: stalled,
    files: (registry) => ({ "pipeline.json": { image: `${String(registry)}/app:1`, command: ["true"] } }),
    act: async (stage) => {
      await stage.api.until(stage.run.id, (run) => (run.message ?? "").includes("Pulling"));
      await cancel(stage);
    },
    expect: { state: "cancelled", attempts: [{ state: "cancelled" }] },
  },
  {
    name: "cancel-kind",
    // The shell has a word for the end of its `sleep`, or none, as it happens.
    shell: "exec 2>/dev/null; trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
    spec: { grace_period: "20s" },
    act: cancelRunning,
    expect: { ...CANCELLED, attempts: [{ state: "cancelled" }], logs: [{ out: ["ready", "goodbye"] }] },
  },
  {
    name: "cancel-kind-outputs",
    shell: "exec 2>/dev/null; trap 'echo half > $RIGI_OUTPUTS/half.txt; exit 5' TERM; echo ready; while :; do sleep 0.1; done",
    spec: { grace_period: "20s", retries: 3 },
    act: cancelRunning,
    expect: { ...CANCELLED, attempts: [{ state: "cancelled" }] },
  },
  {
    name: "cancel-stubborn",
    shell: "trap '' TERM; echo ready; while :; do sleep 0.2; done",
    spec: { grace_period: "1s", retries: 3 },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const asked = Date.now();
      await cancel(stage);
      await stage.api.ended(stage.run.id);
      const took = Date.now() - asked;
      stage.facts.took = took >= 900 && took < 10_000 ? "its grace" : `${took} ms`;
    },
    expect: { ...CANCELLED, attempts: [{ state: "cancelled" }], facts: { took: "its grace" } },
  },
  {
    name: "cancel-stubborn-tree",
    shell: "trap '' TERM; (trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done') & echo ready; while :; do sleep 1; done",
    spec: { grace_period: "1s" },
    act: cancelRunning,
    expect: { ...CANCELLED, attempts: [{ state: "cancelled" }], logs: [{ out: ["ready"] }] },
  },
  {
    name: "cancel-retrying",
    shell: "exit 7",
    spec: { retries: { attempts: 5, strategy: "fixed", delay: "1h" } },
    act: async (stage) => {
      await stage.api.until(stage.run.id, ["retrying"]);
      await cancel(stage);
    },
    expect: { state: "cancelled", attempts: [{ state: "failed", reason: "exit-code", exit_code: 7 }] },
  },
  {
    name: "cancel-at-once",
    shell: "sleep 600",
    act: async (stage) => cancel(stage),
    // How far it has come is not certain.
    apart: ["attempts", "logs", "message"],
    expect: { state: "cancelled" },
  },
  {
    name: "timeout",
    shell: "echo begun; sleep 600",
    spec: { timeout: "1s", grace_period: "1s" },
    expect: { state: "timed_out", reason: "timed-out", attempts: [{ state: "timed_out", reason: "timed-out" }], logs: [{ out: ["begun"] }] },
  },
  {
    name: "timeout-stubborn",
    shell: "trap '' TERM; echo begun; while :; do sleep 0.2; done",
    spec: { timeout: "1s", grace_period: "500ms" },
    expect: { state: "timed_out", reason: "timed-out", logs: [{ out: ["begun"] }] },
  },
  {
    name: "timeout-retried",
    shell: "echo \"attempt $RIGI_ATTEMPT\"; [ $RIGI_ATTEMPT -ge 2 ] || sleep 600",
    spec: { timeout: "1s", grace_period: "1s", retries: { attempts: 1, strategy: "fixed", delay: "50ms" } },
    expect: {
      state: "succeeded",
      attempts: [{ state: "timed_out", reason: "timed-out" }, { state: "succeeded", exit_code: 0 }],
      logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }],
    },
  },
];
