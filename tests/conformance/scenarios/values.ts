/** What a run is given beside its code: parameters, variables, secrets. */
import { createHash } from "node:crypto";

import { OK, said, type Scenario } from "../scenario";

const SECRET = "hush-4711-nobody-may-read-this";
const PYTHON = `import hashlib, json, os
values = json.load(open(os.environ["RIGI_PARAMS"]))
for name, value in sorted(values.items()):
    print(name, type(value).__name__, hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16], len(os.environ.get(name, "")))
`;

function shortSum(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

export const values: Scenario[] = [
  {
    name: "parameters",
    shell: 'echo "$text|$number|$ratio|$yes|$list|$map|$nothing|$kept"; cat $RIGI_PARAMS',
    spec: {
      parameters: {
        text: { type: "string" },
        number: { type: "integer" },
        ratio: { type: "number" },
        yes: { type: "boolean" },
        list: { type: "array" },
        map: { type: "object" },
        nothing: { type: ["string", "null"], required: false },
        kept: { type: "string", default: "by default" },
      },
    },
    submit: { parameters: { text: "a 'b' \"c\" $d\nzwei ü", number: 42, ratio: 1.5, yes: true, list: [1, "two"], map: { a: { b: 1 } }, nothing: null } },
    expect: { ...OK },
  },
  {
    name: "parameters-huge",
    spec: { command: ["python3", "main.py"] },
    files: { "main.py": PYTHON },
    submit: { parameters: { big: "x".repeat(900_000), some: "y".repeat(70_000), fits: "z".repeat(60_000) } },
    expect: {
      ...OK,
      logs: [
        {
          out: [
            `big str ${shortSum("x".repeat(900_000))} 0`,
            `fits str ${shortSum("z".repeat(60_000))} 60000`,
            `some str ${shortSum("y".repeat(70_000))} 0`,
          ],
        },
      ],
    },
  },
  {
    name: "parameters-too-large",
    shell: "true",
    submit: { parameters: { big: "x".repeat(1_100_000) } },
    expect: { refused: { status: 413, code: "too-large" } },
  },
  {
    name: "parameters-reserved",
    shell: "true",
    submit: { parameters: { LD_PRELOAD: "/nowhere.so" } },
    expect: { refused: { status: 422, code: "parameter-invalid" } },
  },
  {
    name: "variables",
    shell: 'echo "$FROM_SPEC|$FROM_RUN|$BOTH|$EMPTY|${EMPTY+set}"',
    spec: { env: { FROM_SPEC: "spec", BOTH: "spec", EMPTY: "" } },
    submit: { env: { FROM_RUN: "run ü", BOTH: "run" } },
    expect: said("spec|run ü|run||set"),
  },
  {
    name: "variables-of-rigi",
    shell:
      'env | grep -o "^RIGI_[A-Z_]*" | sort | tr "\\n" " "; echo; echo "$RIGI_ATTEMPT $RIGI_PIPELINE $RIGI_PROJECT $RIGI_STEP $RIGI_TRIGGER"; ' +
      'for f in "$RIGI_INPUTS" "$RIGI_OUTPUTS" "$TMPDIR" "$HOME"; do [ -d "$f" ] && echo folder; done; [ "$HOME" = "$TMPDIR" ] && echo same; echo $PYTHONUNBUFFERED',
    expect: { ...OK },
  },
  {
    name: "variables-of-the-server",
    server: "own",
    // Whatever the server was started with is not the run's.
    shell: 'env | grep -c "RIGI_TARGETS\\|RIGI_PYTHON\\|RIGI_DATABASE\\|RIGI_TOKEN\\|RIGI_TEST\\|XDG_"',
    expect: { ...{ state: "failed", reason: "exit-code", exit_code: 1 }, logs: [{ out: ["0"] }] },
  },
  {
    name: "secret-parameter",
    server: "own",
    shell: 'printf %s "$password" | sha256sum | cut -c1-16; echo "$shown"; sleep 600',
    spec: { parameters: { password: { type: "string", secret: true }, shown: { type: "string" } } },
    submit: { parameters: { password: SECRET, shown: "not secret" } },
    act: async (stage) => {
      const { api, run, server, engine, place, facts } = stage;
      await api.said(run.id, 2);
      const found: string[] = [];
      const look = (where: string, words: unknown): void => {
        if (JSON.stringify(words).includes(SECRET)) found.push(where);
      };
      if (place.target === "container") {
        const [container] = await engine.labelled(`rigi.attempt=${run.id}.1`);
        look("inspect", await engine.inspect(container!.Id));
        look("processes", await engine.processes(container!.Id));
      }
      for (const kind of place.target === "kubernetes" ? ["jobs", "pods", "secrets", "configmaps", "events"] : []) look(kind, await stage.tenant.list(kind));
      for (const path of ["", "/attempts", "/events", "/log"]) look(`runs${path}`, await api.get(`/runs/${run.id}${path}`));
      look("list", await api.runs());
      await api.post(`/runs/${run.id}/cancel`);
      await api.ended(run.id);
      for (const path of ["", "/attempts", "/events", "/log"]) look(`runs${path} after`, await api.get(`/runs/${run.id}${path}`));
      look("log of the server", [...server.said, ...server.complaints]);
      facts.found = found;
      facts.shown = (await api.run(run.id)).parameters;
    },
    expect: {
      state: "cancelled",
      logs: [{ out: [createHash("sha256").update(SECRET).digest("hex").slice(0, 16), "not secret"] }],
      facts: { found: [], shown: { password: "***", shown: "not secret" } },
    },
  },
  {
    name: "project-secrets",
    server: "own",
    shell:
      'printf %s "$A_TOKEN" | sha256sum | cut -c1-16; echo "raw $A_TOKEN"; printf %s "$A_TOKEN" | base64; cat "$RIGI_SECRETS/key.pem"; echo; ' +
      'stat -c %a "$RIGI_SECRETS" "$RIGI_SECRETS/key.pem"; ls -A "$RIGI_OUTPUTS"; echo "{\\"message\\": \\"$A_TOKEN\\"}" >> "$RIGI_EVENTS"; sleep 600',
    spec: { secrets: ["A_TOKEN", { name: "A_TOKEN", file: "key.pem" }] },
    before: async ({ api }) => void (await api.call("PUT", "/api/v1/secrets/A_TOKEN", { value: SECRET })),
    act: async (stage) => {
      const { api, run, server, engine, place, facts } = stage;
      await api.said(run.id, 6);
      const found: string[] = [];
      const look = (where: string, words: unknown): void => {
        if (JSON.stringify(words).includes(SECRET)) found.push(where);
      };
      if (place.target === "container") {
        const [container] = await engine.labelled(`rigi.attempt=${run.id}.1`);
        look("inspect", await engine.inspect(container!.Id));
        look("processes", await engine.processes(container!.Id));
      }
      for (const kind of place.target === "kubernetes" ? ["jobs", "pods", "secrets", "configmaps", "events"] : []) look(kind, await stage.tenant.list(kind));
      await api.post(`/runs/${run.id}/cancel`);
      await api.ended(run.id);
      for (const path of ["", "/attempts", "/events", "/log"]) look(`runs${path} after`, await api.get(`/runs/${run.id}${path}`));
      look("log of the server", [...server.said, ...server.complaints]);
      facts.found = found;
      facts.versions = (await api.get<{ secrets: unknown }>(`/runs/${run.id}`)).secrets;
    },
    expect: {
      state: "cancelled",
      logs: [{ out: [createHash("sha256").update(SECRET).digest("hex").slice(0, 16), "raw ***", "***", "***", "700", "400"] }],
      facts: { found: [], versions: { A_TOKEN: 1 } },
    },
  },
];
