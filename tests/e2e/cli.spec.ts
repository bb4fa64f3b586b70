/** The command line as scripts and people meet it. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

import { call } from "../support/bed";
import { binary } from "../support/places";
import { isAlive, supervisorOf } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

test("the exit code of `run --wait` is the run's result", async ({ bed }) => {
  bed.shell("good", "true");
  bed.shell("bad", "exit 9");
  bed.shell("slow", "sleep 60", { timeout: "1s", grace_period: "1s" });
  bed.shell("stopped", "sleep 60");
  const { api } = await bed.up();
  const code = async (...args: string[]): Promise<number> => (await bed.rigi(["run", ...args, "--wait"])).code;
  expect(await code("good")).toBe(0);
  expect(await code("bad")).toBe(1);
  expect(await code("slow")).toBe(124);
  expect(await code("nothing")).toBe(66);
  const waiting = code("stopped");
  const id = await api.watch(async () => (await api.runs("&pipeline=stopped&state=running"))[0]?.id, "it runs", 10_000);
  await api.post(`/runs/${id}/cancel`);
  expect(await waiting).toBe(130);
  expect((await bed.rigi(["runs", "get", "ZZZZ"])).code).toBe(66);
  expect((await bed.rigi(["nonsense"])).code).toBe(2);
  expect((await bed.rigi(["run", "good", "--nonsense"])).code).toBe(2);
});

test("no server: said with what to do", async ({ bed }) => {
  const said = await bed.rigi(["runs", "list"]);
  expect(said.code).toBe(69);
  expect(said.err).toContain("rigi up");
});

test("--follow shows the log, each attempt, and the outputs", async ({ bed }) => {
  bed.shell("talks", 'echo "attempt $RIGI_ATTEMPT"; echo warned >&2; echo result > $RIGI_OUTPUTS/result.txt; [ "$RIGI_ATTEMPT" = 2 ]', {
    retries: { attempts: 1, delay: "100ms", strategy: "fixed" },
  });
  await bed.up();
  const said = await bed.rigi(["run", "talks", "--follow"]);
  expect(said.code, said.err).toBe(0);
  const all = said.out + said.err;
  expect(all).toMatch(/attempt 1[\s\S]*attempt 2/);
  expect(all).toMatch(/!\s+warned/);
  expect(all).toContain("result.txt");
  expect(all).toContain("succeeded");
});

test("a script that fails is quoted: in lists, in its run, at the end of what is followed", async ({ bed }) => {
  const main = "import os, sys\nprint('begun', flush=True)\ndef f(n):\n    if n == '2':\n        sys.exit(4)\n    raise ValueError(f'no rows in table {n}\\nsecond line')\nf(os.environ['RIGI_ATTEMPT'])\n";
  bed.pipeline("quoted", { "main.py": main, "pipeline.yaml": "retries: { attempts: 1, delay: 100ms }\n" });
  bed.pipeline("wordless", { "pipeline.yaml": "command: exit 3\n" });
  const { api } = await bed.up();
  const said = await bed.rigi(["run", "quoted", "--follow"]);
  expect(said.code).toBe(1);
  expect(said.out + said.err).toMatch(/retrying +ValueError: no rows in table 1, attempt/);
  expect(said.out + said.err).toMatch(/failed +exit 4 · /);
  const quoted = (await api.runs("&pipeline=quoted"))[0]!;
  const { items } = await api.get<{ items: { number: number; message: string; exit_code: number }[] }>(`/runs/${quoted.id}/attempts`);
  expect(items.sort((a, b) => a.number - b.number)).toMatchObject([
    { number: 1, message: "ValueError: no rows in table 1", exit_code: 1 },
    { number: 2, message: "exit 4", exit_code: 4 },
  ]);
  bed.shell("says", "echo 'the \u001b[31mtable\u001b[0m is empty. 3 rows' >&2; exit 3");
  expect((await bed.rigi(["run", "says", "--follow"])).out).toMatch(/failed +the table is empty\. 3 rows · /);
  expect((await bed.rigi(["runs", "list"], { env: { COLUMNS: "120" } })).out).toContain("failed · the table is empty. 3 rows");
  const run = (await bed.rigi(["runs", "get", (await api.runs("&pipeline=says"))[0]!.id])).out;
  expect(run).toMatch(/state +failed · the table is empty\. 3 rows/);
  expect(run).toMatch(/exit +3/);
  bed.pipeline("hides", { "pipeline.yaml": "command: echo \"cannot sign in with $token\" >&2; exit 1\nparameters:\n  token: { type: string, secret: true }\n" });
  expect(await api.ended((await api.submit("hides", { parameters: { token: "hunter2" } })).id)).toMatchObject({ message: "cannot sign in with ***" });
  const bare = await api.ended((await api.submit("wordless")).id);
  expect(bare).toMatchObject({ message: "exit 3", exit_code: 3, reason: "exit-code" });
});

test("a line that has not ended is seen in place on a terminal, and elsewhere as it ends", async ({ bed }) => {
  const gate = join(bed.root, "gate");
  const script = `printf 'loading 5 %%\\r'; printf 'loading 50 %%\\r'; while [ ! -e ${gate} ]; do sleep 0.05; done; printf 'loading 100 %%\\n'`;
  bed.shell("bar", script);
  const { api } = await bed.up();
  const env = await bed.env({ RIGI_DATA: bed.data, TERM: "xterm-256color" });
  const follow = async (command: string): Promise<string> => {
    rmSync(gate, { force: true });
    const child = spawn("script", ["-qec", `${binary()} ${command}`, "/dev/null"], { env, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    const ended = new Promise((resolve) => child.once("close", resolve));
    await expect.poll(() => out, { timeout: 20_000 }).toContain("loading 50 %");
    writeFileSync(gate, "");
    await ended;
    return out;
  };
  expect(await follow("run bar --follow")).toMatch(/loading 100 %\r?\n[\s\S]*succeeded/);
  rmSync(gate);
  // Who comes later is told how it stands.
  const run = await api.submit("bar");
  await api.until(run.id, ({ state }) => state === "running");
  expect(await follow(`runs logs ${run.id} --follow`)).toMatch(/loading 100 %\r?\n[\s\S]*succeeded/);
  const elsewhere = await bed.rigi(["run", "bar", "--follow"]);
  expect(elsewhere.out).toMatch(/\d  +loading 100 %\n/);
  expect(elsewhere.out + elsewhere.err).not.toContain("50 %");
});

test("lists as JSON, YAML and names; tables fit 80 columns; colours only on a terminal", async ({ bed }) => {
  bed.shell("a-pipeline-with-a-rather-long-name-that-has-to-be-cut-somewhere", "exit 1", { labels: { team: "a team with a long name" } });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("a-pipeline-with-a-rather-long-name-that-has-to-be-cut-somewhere")).id);
  const list = async (...args: string[]): Promise<string> => (await bed.rigi(["runs", "list", ...args], { env: { COLUMNS: "80" } })).out;
  const json = JSON.parse(await list("-o", "json")) as { id: string; state: string }[];
  expect(json).toMatchObject([{ id: run.id, state: "failed" }]);
  expect(parse(await list("-o", "yaml"))).toMatchObject([{ id: run.id, state: "failed" }]);
  expect(await list("-o", "name")).toBe(`${run.id}\n`);
  expect(await list("-q")).toBe(`${run.id}\n`);
  const table = await list();
  for (const line of table.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(80);
  expect(table).toContain(run.short);
  expect((await list("-o", "wide")).split("\n")[0]!.length).toBeGreaterThan(80);
  expect(table).not.toContain("\u001b");
  // On a terminal there are colours, unless somebody says no.
  const onTerminal = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const all = await bed.env({ RIGI_DATA: bed.data, TERM: "xterm-256color", ...env });
    return (await call("script", ["-qec", `${binary()} runs list`, "/dev/null"], { env: all })).out;
  };
  expect(await onTerminal({})).toContain("\u001b[");
  expect(await onTerminal({ NO_COLOR: "1" })).not.toMatch(/\u001b\[\d*m/);
});

test("runs are found by state, label and time; logs, artifacts, rerun", onBoth, async ({ bed }) => {
  bed.pipeline("hello", { "pipeline.yaml": 'parameters: {name: {type: string, default: world}}\ncommand: ["sh", "-c", "echo hello $name; echo $name > $RIGI_OUTPUTS/name.txt"]\n' });
  await bed.up();
  expect((await bed.rigi(["run", "hello", "--wait", "-l", "kind=first"])).code).toBe(0);
  expect((await bed.rigi(["run", "hello", "--wait", "-p", "name=rigi"])).code).toBe(0);
  const names = async (...args: string[]): Promise<string[]> => (await bed.rigi(["runs", "list", "-q", ...args])).out.split("\n").filter(Boolean);
  const [second, first] = await names();
  expect(await names("-l", "kind=first")).toEqual([first]);
  expect(await names("--state", "failed")).toEqual([]);
  expect(await names("--since", "1h")).toEqual([second, first]);
  const short = second!.slice(-4);
  expect((await bed.rigi(["runs", "logs", short])).out).toContain("hello rigi");
  expect((await bed.rigi(["runs", "artifacts", short, "name.txt"])).out).toBe("rigi\n");
  const rerun = await bed.rigi(["runs", "rerun", short, "-p", "name=again", "--wait", "-q"]);
  expect(rerun.code, rerun.err).toBe(0);
  expect((await bed.rigi(["runs", "logs", rerun.out.trim()])).out).toContain("hello again");
  const folder = join(bed.root, "fetched");
  expect((await bed.rigi(["runs", "artifacts", short, "-d", folder])).code).toBe(0);
  expect(readFileSync(join(folder, "name.txt"), "utf8")).toBe("rigi\n");
});

test("a folder is run without a server, by the same engine", async ({ bed }) => {
  const folder = bed.shell("alone", "echo hello $name; exit $code", {});
  const data = { RIGI_DATA: bed.folder("alone-data") };
  const good = await bed.rigi(["run", folder, "-p", "name=rigi", "-p", "code=0"], { env: data });
  expect(good.code, good.err).toBe(0);
  expect(good.out).toContain("hello rigi");
  const bad = await bed.rigi(["run", `${folder}/`, "-p", "name=rigi", "-p", "code=4"], { env: data });
  expect(bad.code).toBe(1);
  const none = await bed.rigi(["run", "./nowhere"]);
  expect(none.code).toBe(66);
});

test("what a folder left is read without a server", async ({ bed }) => {
  const folder = bed.shell("alone", "echo hello; echo kept > $RIGI_OUTPUTS/result.txt");
  const here = { env: { RIGI_DATA: undefined }, cwd: bed.home };
  const run = await bed.rigi(["run", folder], here);
  expect(run.code, run.err).toBe(0);
  // From elsewhere the hint names the data folder; as it stands, it works.
  const hint = /`rigi (runs artifacts [^`]*)`/.exec(run.out)?.[1]?.split(" ") ?? [];
  expect(hint).toContain("--data");
  const artifacts = await bed.rigi(hint, here);
  expect(artifacts.code, artifacts.err).toBe(0);
  expect(artifacts.out).toContain("result.txt");
  const beside = { ...here, cwd: bed.pipelines };
  const list = await bed.rigi(["runs", "list", "-q"], beside);
  expect(list.code, list.err).toBe(0);
  expect(list.err).toContain("No server runs");
  expect((await bed.rigi(["runs", "logs", list.out.trim()], beside)).out).toContain("hello");
  expect(readFileSync(join(bed.pipelines, ".rigi/.gitignore"), "utf8")).toBe("*\n");
});

test("what fails to start leaves no data folder that hides a server", async ({ bed }) => {
  bed.shell("good", "true");
  const { link } = await bed.up();
  const other = bed.folder("other");
  mkdirSync(join(other, "empty"));
  const here = { env: { RIGI_DATA: undefined }, cwd: other };
  const none = await bed.rigi(["run", "./empty"], here);
  expect(none.code).toBe(66);
  expect(none.err).toContain("holds no pipeline");
  const port = new URL(link).port;
  expect((await bed.rigi(["up", ".", "--port", port], here)).code).toBe(75);
  expect((await bed.rigi(["up", ".", "--port", port, "--detach"], here)).code).toBe(75);
  expect(readdirSync(other)).toEqual(["empty"]);
  expect((await bed.rigi(["run", "good", "--wait"], here)).code).toBe(0);
});

test("a folder's pipeline is never another's of the same name", async ({ bed }) => {
  bed.shell("x", "echo the one of the server");
  const { api } = await bed.up();
  const solo = join(bed.folder("solo"), "x");
  cpSync(join(bed.pipelines, "x"), solo, { recursive: true });
  const said = await bed.rigi(["run", solo]);
  expect(said.code).toBe(75);
  expect(said.err).toContain("is none of them");
  expect(await api.count()).toBe(0);
  const own = await bed.rigi(["run", join(bed.pipelines, "x")]);
  expect(own.code, own.err).toBe(0);
  expect(await api.count()).toBe(1);
});

test("an idempotency key on the command line", async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  const one = await bed.rigi(["run", "noop", "-q", "--idempotency-key", "k1"]);
  const two = await bed.rigi(["run", "noop", "-q", "--idempotency-key", "k1"]);
  expect(one.code, one.err).toBe(0);
  expect(two.out).toBe(one.out);
  expect(await api.count()).toBe(1);
});

test("up --detach gives the terminal back and is idempotent; down ends it; runs go on", async ({ bed }) => {
  bed.shell("long", "echo begun; sleep 3; echo ended");
  const up = async (): Promise<string> => {
    const said = await bed.rigi(["up", bed.pipelines, "--port", "0", "--detach"]);
    expect(said.code, said.err).toBe(0);
    return said.out;
  };
  expect(await up()).toContain("is ready in");
  const pid = (JSON.parse(readFileSync(join(bed.data, "server.json"), "utf8")) as { pid: number }).pid;
  expect(await up()).toContain("running already");
  expect((JSON.parse(readFileSync(join(bed.data, "server.json"), "utf8")) as { pid: number }).pid).toBe(pid);
  const run = (await bed.rigi(["run", "long", "-q"])).out.trim();
  const status = await bed.rigi(["status"]);
  expect(status.code).toBe(0);
  expect(status.out).toMatch(/pipelines\s+1 (pipeline )?in /);
  await expect.poll(async () => (await bed.rigi(["runs", "get", run, "-o", "json"])).out).toContain('"running"');
  const down = await bed.rigi(["down"]);
  expect(down.code, down.err).toBe(0);
  expect(down.err + down.out).toMatch(/1 run (goes|go) on/);
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(join(bed.data, "server.json"))).toBe(false);
  expect((await bed.rigi(["down"])).code).toBe(69);
  await up();
  await expect.poll(async () => (await bed.rigi(["runs", "get", run, "-o", "json"])).out, { timeout: 20_000 }).toContain('"succeeded"');
  expect((await bed.rigi(["runs", "logs", run])).out).toMatch(/begun[\s\S]*ended/);
});

test("down signals nobody but the server, whatever its note says", async ({ bed }) => {
  const server = await bed.up();
  const note = join(bed.data, "server.json");
  const other = spawn("sleep", ["1000"]);
  try {
    const said = JSON.parse(readFileSync(note, "utf8")) as object;
    writeFileSync(note, JSON.stringify({ ...said, pid: other.pid }));
    const refused = await bed.rigi(["down"]);
    expect(refused.code).toBe(69);
    expect(refused.err).toContain("cannot be stopped from here");
    expect(other.exitCode ?? other.signalCode).toBeNull();
    expect((await server.api.get<{ version: string }>("/system")).version).toBeTruthy();
    writeFileSync(note, JSON.stringify(said));
    expect((await bed.rigi(["down"])).code).toBe(0);
    expect(await server.ended()).toBe(0);
  } finally {
    other.kill();
  }
});

test("a variable of somebody's own stops no server, and is told", async ({ bed }) => {
  const server = await bed.up({ env: { RIGI_BIN: "/usr/bin/rigi" } });
  expect(server.said.join("\n")).toContain("`RIGI_BIN`: there is no such setting");
});

test("down --cancel ends what runs", async ({ bed }) => {
  bed.shell("long", "sleep 600");
  const server = await bed.up();
  const run = await server.api.submit("long");
  await server.api.until(run.id, ["running"]);
  const said = await bed.rigi(["down", "--cancel"], { ms: 30_000 });
  expect(said.code, said.err).toBe(0);
  // Nothing runs: the supervisor goes too, at once and not when it has been idle for a minute; so it does after `gc`.
  const nobody = (): Promise<void> => expect.poll(() => supervisorOf(bed.data), { timeout: 10_000 }).toBeUndefined();
  await nobody();
  expect((await bed.rigi(["gc", bed.pipelines])).code).toBe(0);
  await nobody();
  const again = await bed.up();
  expect((await again.api.run(run.id)).state).toBe("cancelled");
});

test("help, version, completion, and the five commands of a newcomer", async ({ bed }) => {
  const bare = await bed.rigi([]);
  expect(bare.code).toBe(0);
  expect(bare.out.match(/^ {2}rigi /gm)).toHaveLength(5);
  for (const shell of ["bash", "zsh", "fish"]) {
    const said = await bed.rigi(["completion", shell]);
    expect(said.code).toBe(0);
    expect(said.out).toContain("_RIGI_COMPLETE");
  }
  expect((await bed.rigi(["version"])).out).toMatch(/\d+\.\d+\.\d+/);
  expect((await bed.rigi(["help", "exit-codes"])).out).toContain("124");
  expect((await bed.rigi(["runs", "--help"])).out).toContain("cancel");
  // Every command's help works, and fits.
  const commands = [...(await bed.rigi(["--help"])).out.matchAll(/^ {2}([a-z]+) {2,}/gm)].map((match) => match[1]!);
  for (const command of commands) expect((await bed.rigi([command, "--help"])).out, command).toContain("Example");
});

test("a shell is offered pipelines and runs; two runs are compared, and waited for", async ({ bed }) => {
  bed.shell("alpha", 'test "$n" = 1', { parameters: { n: { type: "integer", default: 1 } } });
  bed.shell("beta", "true");
  const { api } = await bed.up();
  const offered = async (...words: string[]): Promise<string> => {
    const said = await bed.rigi(["--", "rigi", ...words], { env: { _RIGI_COMPLETE: "fish" } });
    expect(said.code, said.err).toBe(0);
    return said.out;
  };
  expect(await offered("run", "al")).toMatch(/^alpha$/m);
  expect(await offered("run", "")).toMatch(/^beta$/m);
  const [good, bad] = [await api.submit("alpha"), await api.submit("alpha", { parameters: { n: 2 } })];
  expect(await offered("runs", "get", "")).toContain(good.short);
  const waited = await bed.rigi(["runs", "wait", good.id, bad.id, "-o", "name"]);
  expect([waited.code, waited.out.trim().split("\n").length <= 2]).toEqual([1, true]);
  const told = await bed.rigi(["runs", "diff", good.short, bad.short, "-o", "name"]);
  expect(told.out.split("\n")).toEqual(expect.arrayContaining(["parameters.n", "state", "exit_code"]));
  expect((await bed.rigi(["runs", "diff", good.short, good.short])).err).toContain("differ in nothing");
  expect((await bed.rigi(["runs", "open", good.short, "-o", "name"])).out.trim()).toBe(`${api.url}/runs/${good.id}`);
  const yaml = await bed.rigi(["run", "beta", "--wait", "-o", "yaml"]);
  expect(yaml.out).toMatch(/^state: succeeded$/m);
});

for (const kind of ["script", "notebook", "command", "multi-file"]) {
  test(`init writes a ${kind} that works`, async ({ bed }) => {
    test.setTimeout(300_000);
    const folder = join(bed.pipelines, "fresh");
    const said = await bed.rigi(["init", folder, "--kind", kind]);
    expect(said.code, said.err).toBe(0);
    expect((await bed.rigi(["validate", folder])).code).toBe(0);
    const data = bed.folder("fresh-data");
    bed.lendEnvironments(data);
    const run = await bed.rigi(["run", `${folder}/`, "--wait"], { ms: 240_000, env: { RIGI_DATA: data } });
    expect(run.code, run.out + run.err).toBe(0);
    // What is there is not written over.
    expect((await bed.rigi(["init", folder, "--kind", kind])).code).toBe(73);
  });
}

test("config show --origin says where each value comes from", async ({ bed }) => {
  writeFileSync(join(bed.pipelines, "rigi.toml"), "[limits]\nruns = 7\n");
  const said = await bed.rigi(["config", "show", "--folder", bed.pipelines, "--origin"], { env: { RIGI_LIMITS__PROCESSES: "99", COLUMNS: "250" } });
  expect(said.code, said.err).toBe(0);
  expect(said.out).toMatch(/limits\.runs.*7.*rigi\.toml:2/);
  expect(said.out).toMatch(/limits\.processes.*99.*RIGI_LIMITS__PROCESSES/);
});

test("doctor says what is well, and what is not", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const server = await bed.up();
  const well = await bed.rigi(["doctor", bed.pipelines]);
  expect(well.code, well.out + well.err).toBe(0);
  await server.stop();
  bed.pipeline("bad", { "pipeline.yaml": "timout: 3\n", "main.py": "" });
  const ill = await bed.rigi(["doctor", bed.pipelines]);
  expect(ill.code).toBe(1);
  expect(ill.out + ill.err).toContain("mistakes");
});

test("migrate: not under a server, not without a yes; down and up again", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const server = await bed.up();
  await server.api.ended((await server.api.submit("noop")).id);
  const migrate = (...args: string[]) => bed.rigi(["migrate", ...args, bed.pipelines]);
  expect((await migrate("down", "--to", "0", "--yes")).code).toBe(75);
  await server.stop();
  const status = await migrate("status");
  expect(status.code, status.err).toBe(0);
  const unsure = await migrate("down", "--to", "0");
  expect(unsure.code).not.toBe(0);
  expect(unsure.err).toContain("--yes");
  const down = await migrate("down", "--to", "0", "--yes");
  expect(down.code, down.err).toBe(0);
  const up = await migrate("up");
  expect(up.code, up.err).toBe(0);
  const again = await bed.up();
  expect((await again.api.ended((await again.api.submit("noop")).id)).state).toBe("succeeded");
});
