/** What is said is what is kept: complete, in order, told apart. */
import { createHash } from "node:crypto";

import { OK, range, said, text, type Scenario } from "../scenario";

const LONG_LINE = 100_000;
const HUNDRED = 2_000_000;
const wordsOf = (n: number): string => `line ${n} of a log that is long, and kept as a whole`;

/** The sum of a log as it is downloaded. */
function sumOf(lines: number): string {
  const hash = createHash("sha256");
  for (let at = 1; at <= lines; at += 10_000) hash.update(range(Math.min(10_000, lines - at + 1)).map((n) => `${wordsOf(at + n - 1)}\n`).join(""));
  return hash.digest("hex");
}

function longLog(name: string, lines: number, long: boolean): Scenario {
  return {
    name,
    long,
    ms: 180_000,
    shell: `seq -f 'line %.0f of a log that is long, and kept as a whole' 1 ${lines}`,
    spec: { limits: { log_size: "400MiB" } },
    apart: ["logs"],
    look: async ({ api, run, facts }) => {
      const done = await api.run(run.id);
      const hash = createHash("sha256");
      const raw = await fetch(`${api.url}/api/v1/runs/${run.id}/log/raw`, { headers: api.headers });
      for await (const piece of raw.body as unknown as AsyncIterable<Uint8Array>) hash.update(piece);
      facts.log = { lines: done.log.lines, cut: done.log.cut_bytes, sha256: hash.digest("hex") };
    },
    get expect() {
      return { ...OK, facts: { log: { lines, cut: 0, sha256: sumOf(lines) } } };
    },
  };
}

export const logs: Scenario[] = [
  longLog("log-of-5-megabytes", 100_000, false),
  longLog("log-of-100-megabytes", HUNDRED, true),
  {
    name: "log-binary",
    shell: "printf 'before\\n\\377\\376\\000\\001\\n\\033[31mred\\033[0m\\nafter\\n'",
    look: async ({ api, run, facts }) => {
      const raw = await api.fetch("GET", `/api/v1/runs/${run.id}/log/raw`);
      facts.raw = Buffer.from(await raw.arrayBuffer()).toString("latin1");
    },
    expect: { ...OK, facts: { raw: "before\n\xff\xfe\0\x01\n\x1b[31mred\x1b[0m\nafter\n" } },
  },
  { name: "log-unicode", spec: { command: ["printf", "grüezi\\n日本語\\n🏔️ e\\314\\201\\n"] }, expect: said("grüezi", "日本語", "🏔️ e\u0301") },
  {
    name: "log-long-line",
    shell: `head -c ${LONG_LINE} /dev/zero | tr '\\0' x; echo; echo after`,
    look: async ({ api, run, facts }) => {
      const out = await api.output(run.id);
      facts.long = out.slice(0, -1).map((line) => line.length).reduce((a, b) => a + b);
      facts.last = out.at(-1);
    },
    expect: { ...OK, facts: { long: LONG_LINE, last: "after" } },
  },
  { name: "log-no-newline", shell: "printf 'first\\nlast without an end'", expect: said("first", "last without an end") },
  {
    name: "log-streams",
    shell: "for i in 1 2 3 4 5; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done",
    look: async ({ api, run, facts }) => {
      facts.order = (await api.lines(run.id)).map((line) => `${line.stream} ${line.text}`);
    },
    expect: {
      ...OK,
      logs: [{ out: range(5).map((n) => `out ${n}`), err: range(5).map((n) => `err ${n}`) }],
      facts: { order: range(5).flatMap((n) => [`stdout out ${n}`, `stderr err ${n}`]) },
    },
  },
  {
    name: "log-of-many-lines",
    shell: "seq 1 12000; seq 1 3000 >&2",
    expect: { ...OK, logs: [{ out: text(range(12_000).map(String)), err: text(range(3000).map(String)) }] },
  },
  {
    name: "log-while-it-runs",
    shell: "i=1; while [ $i -le 20 ]; do echo line $i; i=$((i+1)); sleep 0.1; done",
    act: async ({ api, run, facts }) => {
      const events = await api.follow(run.id);
      const lines: string[] = [];
      let state = "";
      for (;;) {
        const event = await events.next(30_000);
        if (!event || event.event === "end") break;
        if (event.event === "lines") lines.push(...(event.data as { text: string }[]).map((line) => line.text));
        if (lines.length >= 5 && !state) state = (await api.run(run.id)).state;
      }
      events.close();
      facts.followed = lines;
      facts.state = state;
    },
    expect: { ...OK, facts: { followed: range(20).map((n) => `line ${n}`), state: "running" } },
  },
];
