/** Files in a bucket: what runs find there, and what happens while it is away. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Api } from "../../support/api";
import { processesOf } from "../../support/processes";
import { hasty } from "../listeners";
import { file, files, OK, range, said, text, type Scenario } from "../scenario";

const NAMES = "env | grep -oE '^(AWS|RIGI_STORAGE)_?[A-Z0-9_]*' | sort";
const ALWAYS = ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"];
const LINES = 40_000;
const LONG = 100_000_000;

/** Bytes of files that have passed the door for runners. */
async function throughTheDoor(api: Api): Promise<number> {
  const metrics = await (await api.fetch("GET", "/metrics")).text();
  const counted = [...metrics.matchAll(/^rigi_runner_bytes_total\{[^}]*way="door"[^}]*\} (\d+)$/gm)];
  return counted.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

async function input(api: Api): Promise<Record<string, unknown>> {
  return { inputs: { data: [{ upload: await api.upload("in.bin", Buffer.alloc(3_000_000, 7)), name: "in.bin" }] } };
}

const AGAIN = file("again.bin", Buffer.alloc(3_000_000, 7));

export const storage: Scenario[] = [
  {
    name: "credentials-as-variables",
    bucket: "shared",
    shell: NAMES,
    spec: { timeout: "5m" },
    expect: said(...[...ALWAYS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RIGI_STORAGE", "RIGI_STORAGE_RUN"].sort()),
  },
  {
    name: "credentials-in-a-file",
    bucket: "shared",
    shell: `${NAMES}; sed -n 's/^credential_process = //p' "$AWS_CONFIG_FILE" | sh | grep -oE '"(Version|AccessKeyId|SecretAccessKey|SessionToken|Expiration)"'; stat -c %a "$RIGI_STORAGE_CREDENTIALS"`,
    expect: said(
      ...[...ALWAYS, "AWS_CONFIG_FILE", "RIGI_STORAGE", "RIGI_STORAGE_CREDENTIALS", "RIGI_STORAGE_RUN"].sort(),
      ...["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].map((name) => `"${name}"`),
      "600",
    ),
  },
  {
    name: "credentials-renewed",
    bucket: "shared",
    server: "own",
    shell: `key() { sed -n 's/.*"AccessKeyId": *"\\([^"]*\\)".*/\\1/p' "$RIGI_STORAGE_CREDENTIALS"; }
first=$(key); [ -n "$first" ] || exit 1; echo first; while [ "$(key)" = "$first" ]; do sleep 0.2; done; echo second`,
    ms: 90_000,
    before: async (stage) => {
      const sts = await hasty((tidy) => stage.bed.atEnd(tidy), process.env.RIGI_TEST_S3!.split(" ")[0]!, 40);
      await stage.server.stop();
      await stage.restart({ RIGI_STORAGE__STS_ENDPOINT: sts });
    },
    expect: said("first", "second"),
  },
  {
    name: "credentials-of-its-own",
    bucket: "shared",
    shell: NAMES,
    spec: { timeout: "5m", env: { AWS_ACCESS_KEY_ID: "mine", AWS_SECRET_ACCESS_KEY: "mine" } },
    expect: said("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "RIGI_STORAGE", "RIGI_STORAGE_RUN"),
  },
  {
    // Attempts have the network of the machine, or pods a way to it, and so to the bucket.
    name: "long-files-past-the-door",
    bucket: "shared",
    server: "own",
    shell: `cat "$RIGI_INPUTS/data/in.bin" > "$RIGI_OUTPUTS/again.bin"; cd "$RIGI_OUTPUTS"; head -c ${LONG} /dev/zero > long.bin; mkdir maps; head -c ${LONG} /dev/zero > maps/same.bin; echo short > short.txt`,
    spec: { inputs: { data: {} } },
    submit: input,
    look: async ({ api, facts }) => {
      facts.few = (await throughTheDoor(api)) < 1_000_000;
    },
    expect: {
      ...OK,
      files: files([AGAIN, file("long.bin", Buffer.alloc(LONG)), file("maps/same.bin", Buffer.alloc(LONG)), file("short.txt", "short\n")]),
      facts: { few: true },
    },
  },
  {
    name: "long-files-of-a-server-that-is-killed",
    bucket: "shared",
    server: "own",
    only: ["container", "kubernetes"],
    ms: 120_000,
    shell: `cd "$RIGI_OUTPUTS"; head -c ${LONG} /dev/zero > long.bin; i=1; while [ $i -le 3000 ]; do echo "file $i" > $i.txt; i=$((i+1)); done`,
    act: async (stage) => {
      const told = join(stage.bed.data, "remote", `${stage.run.id}.1`, "stored.json");
      // The long file is in the bucket, and known to be; the rest is on its way.
      await stage.poll(async () => (existsSync(told) ? true : undefined), "its long file is stored");
      await stage.server.kill9();
      await stage.restart();
    },
    look: async ({ api, facts }) => {
      facts.few = (await throughTheDoor(api)) < LONG;
    },
    expect: {
      ...OK,
      files: files([file("long.bin", Buffer.alloc(LONG)), ...range(3000).map((n) => file(`${n}.txt`, `file ${n}\n`))]),
      facts: { few: true },
    },
  },
  {
    // Attempts have no network: what cannot go to the bucket takes the door by itself.
    name: "long-files-without-a-way",
    bucket: "shared",
    only: ["container"],
    shell: 'cat "$RIGI_INPUTS/data/in.bin" > "$RIGI_OUTPUTS/again.bin"',
    spec: { inputs: { data: {} } },
    submit: input,
    look: async ({ api, facts }) => {
      facts.all = (await throughTheDoor(api)) >= 6_000_000;
    },
    expect: { ...OK, files: [AGAIN], facts: { all: true } },
  },
  {
    name: "storage-down-for-30-s",
    bucket: "own",
    server: "own",
    shell: `i=1; while [ $i -le ${LINES} ]; do echo "line $i"; i=$((i+1)); done; sleep 3; echo kept > $RIGI_OUTPUTS/kept.txt`,
    beside: { fresh: { "pipeline.json": { command: ["true"] } } },
    ms: 150_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 5);
      const since = Date.now();
      stage.minio?.down();
      await stage.poll(async () => (processesOf(`RIGI_RUN_ID=${stage.run.id}`).length === 0 ? true : undefined), "it ends", 60_000);
      const upload = await stage.api.refused("POST", "/api/v1/uploads?name=x", "x", { "content-type": "application/octet-stream" });
      const submitted = await stage.api.refused("POST", "/api/v1/pipelines/fresh/runs", {});
      // Its code is here already: it is accepted, and waits for what it needs from there.
      const later = await stage.submit();
      await pause(Math.max(0, 30_000 - (Date.now() - since)));
      const states = [(await stage.api.run(stage.run.id)).state, (await stage.api.run(later.id)).state];
      const ready = await fetch(`${stage.api.url}/readyz`);
      stage.minio?.up();
      stage.facts.refused = [upload.status, upload.code, submitted.status, submitted.code];
      stage.facts.states = states;
      stage.facts.ready = ready.status;
    },
    look: async (stage) => {
      await stage.poll(async () => ((await fetch(`${stage.api.url}/readyz`)).status === 200 ? true : undefined), "it is ready again");
    },
    expect: {
      ...OK,
      logs: [{ out: text(range(LINES).map((n) => `line ${n}`)) }],
      files: [file("kept.txt", "kept\n")],
      facts: { refused: [503, "storage-unavailable", 503, "storage-unavailable"], states: ["running", "starting"], ready: 503 },
    },
  },
];
