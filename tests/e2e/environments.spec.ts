/** Python environments and notebooks: built once, shared, outside the run's own time. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import type { Run } from "../support/api";
import { expect, test } from "../support/test";

type WithEnvironment = Run & { environment?: { id: string; label: string; took_ms: number } };

const SHOW = 'import importlib.metadata as m\nprint("tabulate", m.version("tabulate"))\n';

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

test.describe("environments", () => {
  test.setTimeout(300_000);

  test("two runs that need the same new environment build it once; its time is not the run's", async ({ bed }) => {
    bed.pipeline("one", { "main.py": SHOW, "requirements.txt": "tabulate==0.9.0\n", "pipeline.json": { timeout: "20s" } });
    bed.pipeline("two", { "main.py": SHOW, "requirements.txt": "# the same\ntabulate == 0.9.0\n" });
    const { api } = await bed.up();
    const runs = await Promise.all([api.submit("one"), api.submit("one"), api.submit("two")]);
    const ended = (await Promise.all(runs.map((run) => api.ended(run.id, 240_000)))) as WithEnvironment[];
    for (const run of ended) {
      expect(run.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");
      expect(await api.output(run.id)).toEqual(["tabulate 0.9.0"]);
    }
    expect(new Set(ended.slice(0, 2).map((run) => run.environment?.id)).size).toBe(1);
    expect(ended[0]?.environment?.label).toMatch(/^Python 3\.[\d.]+ with 1 package$/);
    const log = await api.fetch("GET", `/api/v1/environments/${ended[0]?.environment?.id}/log`);
    expect(log.ok).toBe(true);
    expect((await log.text()).length).toBeGreaterThan(10);
    const events = await api.get<{ items: { kind: string; reason?: string }[] }>(`/runs/${runs[0].id}/events`);
    expect(events.items.map((event) => event.reason)).toContain("preparing-environment");
  });

  test("requirements in the script, in the spec, and of a project", async ({ bed }) => {
    bed.pipeline("script", { "main.py": `# /// script\n# dependencies = ["tabulate==0.9.0"]\n# ///\n${SHOW}` });
    bed.pipeline("spec", { "main.py": SHOW, "pipeline.yaml": "requirements: [tabulate==0.9.0]\n" });
    bed.pipeline("project", { "main.py": SHOW, "pyproject.toml": '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["tabulate==0.9.0"]\n' });
    bed.pipeline("bare", { "main.py": "import sys\nprint(sys.version_info.major)\n" });
    const { api } = await bed.up();
    for (const name of ["script", "spec", "project", "bare"]) {
      const run = await api.ended((await api.submit(name)).id, 240_000);
      expect(run.state, `${name}: ${JSON.stringify(await api.lines(run.id))}`).toBe("succeeded");
      expect(await api.output(run.id)).toEqual([name === "bare" ? "3" : "tabulate 0.9.0"]);
    }
  });

  test("uv is installed into the data folder where there is none, with a word", async ({ bed }) => {
    bed.pipeline("needs", { "main.py": SHOW, "requirements.txt": "tabulate==0.9.0\n" });
    const path = (process.env.PATH ?? "").split(":").filter((folder) => !folder.includes(".local") && !folder.includes("uv"));
    const { api } = await bed.up({ env: { RIGI_PYTHON__UV: undefined, PATH: path.join(":") } });
    const run = await api.ended((await api.submit("needs")).id, 240_000);
    expect(run.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");
    expect(readdirSync(join(bed.data, "tools")).join()).toContain("uv");
  });

  test("neither the server's Python variables nor a home that cannot be written break an environment", async ({ bed }) => {
    bed.pipeline("plain", { "main.py": "import os\nprint(sorted(n for n in os.environ if n.startswith(('PYTHONH', 'PYTHONPATH', 'CONDA', 'PIP'))))\n" });
    bed.pipeline("needs", { "main.py": SHOW, "requirements.txt": "tabulate==0.9.0\n" });
    const nowhere = "/dev/null/nowhere";
    const { api } = await bed.up({
      env: {
        HOME: nowhere, UV_CACHE_DIR: undefined, PYTHONHOME: nowhere, PYTHONPATH: nowhere, PYTHONSTARTUP: nowhere, VIRTUAL_ENV: nowhere,
        CONDA_PREFIX: nowhere, PIP_TARGET: nowhere, PIP_REQUIRE_VIRTUALENV: "1", UV_PYTHON: "3.4", UV_PROJECT_ENVIRONMENT: nowhere,
      },
    });
    for (const [name, output] of [["plain", "[]"], ["needs", "tabulate 0.9.0"]] as const) {
      const run = await api.ended((await api.submit(name)).id, 240_000);
      expect(run.state, `${name}: ${JSON.stringify(await api.lines(run.id))}`).toBe("succeeded");
      expect(await api.output(run.id)).toEqual([output]);
    }
    expect(readdirSync(join(bed.data, "tools")).join()).toContain("packages");
  });

  test("an edit of a local package is what runs next, and the captured code stays whole", async ({ bed }) => {
    const backend = [
      "import zipfile",
      "def build_wheel(folder, config_settings=None, metadata_directory=None):",
      "    open('left-behind', 'w').write('x')",
      "    with zipfile.ZipFile(folder + '/lib-1-py3-none-any.whl', 'w') as wheel:",
      "        wheel.writestr('lib.py', open('lib.py').read())",
      "        wheel.writestr('lib-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: lib\\nVersion: 1\\n')",
      "        wheel.writestr('lib-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')",
      "        wheel.writestr('lib-1.dist-info/RECORD', '')",
      "    return 'lib-1-py3-none-any.whl'",
      "",
    ].join("\n");
    const project = "[project]\nname='lib'\nversion='1'\n[build-system]\nrequires=[]\nbuild-backend='backend'\nbackend-path=['.']\n";
    const write = (x: number): string =>
      bed.pipeline("own", {
        "main.py": "import lib\nprint(lib.x)\n", "requirements.txt": "./lib\n", "lib/lib.py": `x = ${x}\n`, "lib/backend.py": backend, "lib/pyproject.toml": project,
      });
    write(1);
    const { api } = await bed.up();
    for (const x of [1, 2]) {
      write(x);
      await expect.poll(async () => {
        const run = await api.ended((await api.submit("own")).id, 240_000);
        return [run.state, ...(await api.output(run.id))];
      }).toEqual(["succeeded", `${x}`]);
    }
    const said = await bed.rigi(["doctor", "--deep", bed.pipelines]);
    expect(said.code, said.out + said.err).toBe(0);
  });

  test("a list that cannot be read is told once, with its line", async ({ bed }) => {
    bed.pipeline("wrong", { "main.py": SHOW, "requirements.txt": "tabulate\n\0\n", "pipeline.json": { retry_attempts: 2 } });
    const { api } = await bed.up();
    const run = await api.ended((await api.submit("wrong")).id, 60_000);
    expect(run).toMatchObject({ state: "failed", attempt: 1 });
    expect(run.message).toContain("requirements.txt:2 holds a NUL");
  });

  test("a notebook that fails is kept as far as it came, with its page", async ({ bed }) => {
    bed.lendEnvironments();
    bed.pipeline("book", { "main.ipynb": notebook("factor = 2", "print('product', 21 * factor)", "raise ValueError('no more')", "print('never')") });
    const { api } = await bed.up();
    const run = await api.ended((await api.submit("book", { parameters: { factor: 3 } })).id, 240_000);
    expect(run.state, JSON.stringify(await api.lines(run.id))).toBe("failed");
    const lines = (await api.lines(run.id)).map((line) => line.text).join("\n");
    expect(lines).toContain("product 63");
    expect(lines).toContain("no more");
    expect(lines).not.toContain("never");
    const paths = (await api.artifacts(run.id)).map((file) => file.path);
    const kept = paths.find((path) => path.endsWith(".ipynb"));
    expect(kept, paths.join()).toBeTruthy();
    expect(paths.some((path) => path.endsWith(".html")), paths.join()).toBe(true);
    expect((await api.artifact(run.id, kept!)).toString()).toContain("product 63");
  });

  test("a cell of a notebook is tried again, and the run is not", async ({ bed }) => {
    bed.lendEnvironments();
    const flaky = "import os\npath = os.environ['TMPDIR'] + '/count'\ntries = int(open(path).read()) + 1 if os.path.exists(path) else 1\nopen(path, 'w').write(str(tries))\nassert tries >= 3, 'not yet'\nprint('tries', tries)";
    bed.pipeline("book", { "main.ipynb": notebook("x = 1", flaky), "pipeline.json": { cells: [{ retries: 0 }, { retries: 3, delay_seconds: 0 }] } });
    const { api } = await bed.up();
    const run = await api.ended((await api.submit("book")).id, 240_000);
    expect(run, JSON.stringify(await api.lines(run.id))).toMatchObject({ state: "succeeded", attempt: 1 });
    expect((await api.output(run.id)).join("\n")).toContain("tries 3");
  });
});
