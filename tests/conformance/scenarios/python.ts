/** Python: scripts, packages, notebooks. */
import { failed, OK, said, type Scenario } from "../scenario";

const SHOW = 'import importlib.metadata as m\nprint("tabulate", m.version("tabulate"))\n';
// The first of them builds its environment from what is downloaded.
const BUILD = 300_000;

function notebook(...sources: string[]): object {
  const cell = (source: string, index: number): object => ({
    id: `cell-${index}`,
    cell_type: "code",
    metadata: index === 0 ? { tags: ["parameters"] } : {},
    execution_count: null,
    outputs: [],
    source,
  });
  return { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: sources.map(cell) };
}

export const python: Scenario[] = [
  {
    name: "script",
    server: "online",
    ms: BUILD,
    files: { "main.py": 'import json, os, sys\nimport helper\nprint(helper.WORD, json.load(open(os.environ["RIGI_PARAMS"]))["n"])\nprint("to stderr", file=sys.stderr)\nopen(os.environ["RIGI_OUTPUTS"] + "/out.txt", "w").write("out")\n', "helper.py": 'WORD = "helped"\n' },
    submit: { parameters: { n: 5 } },
    expect: { ...OK, logs: [{ out: ["helped 5"], err: ["to stderr"] }] },
  },
  {
    name: "script-that-fails",
    server: "online",
    ms: BUILD,
    files: { "main.py": 'print("before")\nraise ValueError("no more")\n' },
    expect: { ...failed("exit-code", 1), logs: [{ out: ["before"] }] },
  },
  { name: "requirements", server: "online", ms: BUILD, files: { "main.py": SHOW, "requirements.txt": "tabulate==0.9.0\n" }, expect: said("tabulate 0.9.0") },
  {
    name: "requirements-in-the-script",
    server: "online",
    ms: BUILD,
    files: { "main.py": `# /// script\n# dependencies = ["tabulate==0.9.0"]\n# ///\n${SHOW}` },
    expect: said("tabulate 0.9.0"),
  },
  {
    name: "requirements-and-timeout",
    // The time of the environment is not the run's.
    server: "online",
    ms: BUILD,
    files: { "main.py": SHOW, "requirements.txt": "tabulate==0.8.10\n", "pipeline.json": { timeout: "3s" } },
    expect: said("tabulate 0.8.10"),
  },
  {
    name: "no-such-package",
    server: "online",
    ms: BUILD,
    files: { "main.py": "print(1)\n", "requirements.txt": "rigi-there-is-no-such-package==99.0\n", "pipeline.json": { retries: 3 } },
    // What uv says of it names its cache.
    apart: ["logs", "message"],
    expect: { state: "failed", reason: "environment-failed", attempts: [{ state: "failed", reason: "environment-failed" }] },
  },
  {
    name: "notebook",
    server: "online",
    ms: BUILD,
    files: { "main.ipynb": notebook("factor = 2", "print('product', 21 * factor)") },
    submit: { parameters: { factor: 3 } },
    // The notebook that is kept has the times of its cells.
    apart: ["files"],
    look: async ({ api, run, facts }) => {
      facts.files = (await api.artifacts(run.id)).map((file) => file.path).sort();
    },
    expect: { ...OK },
  },
  {
    name: "notebook-that-fails",
    server: "online",
    ms: BUILD,
    files: { "main.ipynb": notebook("x = 1", "print('before')", "raise ValueError('no more')", "print('never')") },
    apart: ["files"],
    look: async ({ api, run, facts }) => {
      facts.files = (await api.artifacts(run.id)).map((file) => file.path).sort();
    },
    expect: { state: "failed", reason: "exit-code" },
  },
];
