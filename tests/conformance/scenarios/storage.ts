/** Files in a bucket: what runs find there, and what happens while it is away. */
import { setTimeout as pause } from "node:timers/promises";

import { processesOf } from "../../support/processes";
import { hasty } from "../listeners";
import { file, OK, range, said, text, type Scenario } from "../scenario";

const NAMES = "env | grep -oE '^(AWS|RIGI_STORAGE)_?[A-Z0-9_]*' | sort";
const ALWAYS = ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"];
const LINES = 40_000;

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
