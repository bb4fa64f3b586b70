/** What others ran, brought here: an installation of Fast-Flow with all that it knows, once and once more; crontabs and DAGs as specs. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Artifact, Page, Run } from "../support/api";
import type { Said } from "../support/bed";
import { installation, KEY, type Installation } from "../support/fastflow";
import { repository } from "../support/places";
import { expect, onBoth, test, type Bed } from "../support/test";

interface Report {
  dry_run: boolean;
  subjects: { subject: string; new: number; here: number; left_out: number }[];
  notes: { subject: string; kind: string; names: string[]; count: number; why: string }[];
  settings?: string;
}

type Counts = Record<string, [number, number, number]>;

function counts(report: Report): Counts {
  return Object.fromEntries(report.subjects.map((one) => [one.subject, [one.new, one.here, one.left_out]]));
}

/** Why something did not come, or is another: the first reason that names it. */
function why(report: Report, name: string): string {
  return report.notes.filter((note) => note.names.some((one) => one.includes(name))).map((note) => note.why).join("\n");
}

function bring(bed: Bed, from: Installation, ...more: string[]): Promise<Said> {
  const args = ["--database", from.url, "--pipelines", from.pipelines, "--key", KEY, "-o", "json"];
  return bed.rigi(["import", "fastflow", bed.pipelines, ...args, ...more]);
}

async function report(said: Promise<Said>): Promise<Report> {
  const { code, out, err } = await said;
  expect(code, err).toBe(0);
  return JSON.parse(out) as Report;
}

/** Every file below a folder with when it was written. */
function files(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((item) => item.isFile());
  return all.map((item) => join(item.parentPath, item.name)).map((path) => `${path} ${statSync(path).mtimeMs}`).sort();
}

const OLD = { RIGI_RETENTION__AGE: "none", RIGI_RETENTION__RUNS: "none" };

test("an installation of Fast-Flow is brought with one command, and a second time changes nothing", onBoth, async ({ bed }) => {
  const from = await installation(bed);
  const before = files(join(bed.root, "fastflow"));

  // What would come is what comes.
  const dry = await report(bring(bed, from, "--dry-run"));
  expect(dry.dry_run).toBe(true);
  expect(files(bed.data)).toEqual([]);
  expect(files(bed.pipelines)).toEqual([]);
  const first = await report(bring(bed, from));
  expect(counts(first)).toEqual(counts(dry));
  expect(counts(first)).toEqual({
    pipelines: [5, 0, 1],
    secrets: [4, 0, 3],
    people: [8, 0, 1],
    invitations: [1, 0, 2],
    schedules: [4, 2, 2],
    "downstream triggers": [0, 1, 4],
    runs: [9, 0, 3],
    logs: [8, 0, 1],
    metrics: [8, 0, 0],
    settings: [4, 0, 5],
    history: [expect.any(Number), 0, 0],
  });
  expect(why(first, "broken")).toContain("main.ipynb");
  expect(why(first, "SHORT")).toContain("fewer than 6");
  expect(why(first, "OTHER_KEY")).toContain("does not open");
  expect(why(first, "gerda")).toContain("rejected");
  expect(why(first, "no/such name")).toContain("called so");
  expect(why(first, "cellar-watch")).toContain("--open lost");
  expect(why(first, "harvest → press")).toContain('{"pipeline":"press","run_config_id":"prod"}');
  expect(first.settings).toContain("age = \"400d\"");
  expect(files(join(bed.root, "fastflow"))).toEqual(before);
  const all = JSON.stringify(first);
  for (const secret of ["pippin-and-russet", "squeeze-it-twice", "a-mail-password", "a-token-for-git"]) expect(all).not.toContain(secret);
  expect(statSync(join(bed.data, "imports", "smtp-password")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(bed.data, "imports", "smtp-password"), "utf8")).toBe("a-mail-password");
  const history = readFileSync(join(bed.data, "imports", "fast-flow.jsonl"), "utf8");
  expect(history).toContain('"settings_update"');
  expect(history).not.toContain("token-of-jan");

  const here = files(bed.pipelines);
  const second = await report(bring(bed, from));
  for (const { subject, new: fresh, left_out } of second.subjects) {
    // Of a run that is here, its log is not looked for again.
    const still = subject === "logs" ? 0 : counts(first)[subject]![2];
    expect([subject, fresh, left_out]).toEqual([subject, 0, still]);
  }
  expect(files(bed.pipelines)).toEqual(here);

  const server = await bed.up({ env: OLD });
  const { items: runs } = await server.api.get<Page<Run>>("/runs?limit=50");
  expect(runs.length).toBe(9);
  const of = (uuid: string): Run => runs.find((run) => run.labels["fast-flow"] === uuid)!;
  const [good, failed] = [of("69cb2bbe-9789-5d7d-ab1c-0c196d29c190"), of("5547a32b-e93d-5e96-9c32-ed1c3718a273")];
  expect(good).toMatchObject({ pipeline: "harvest", state: "succeeded", started_at: "2026-08-01T06:00:00.000000Z", ended_at: "2026-08-01T06:00:12.500000Z" });
  expect(await server.api.run(failed.id)).toMatchObject({ state: "failed", exit_code: 3, message: "exit 3" });
  expect(runs.map((run) => run.state).sort()).toEqual(["cancelled", "failed", "failed", "failed", ...Array<string>(5).fill("succeeded")]);

  // What it was asked for with is there, and nothing that is secret.
  const detail = await server.api.get<Record<string, unknown>>(`/runs/${good.id}`);
  expect(detail).toMatchObject({ parameters: { SORT: "gala" } });
  const whole = JSON.stringify(detail);
  expect(whole).not.toMatch(/pippin|from the file|left out/);
  expect(JSON.stringify(runs)).not.toContain("not for anybody");
  expect(whole).toContain("ada");
  const retried = runs.filter((run) => run.pipeline === "press");
  const again = await Promise.all(retried.map((run) => server.api.get<{ id: string; rerun_of?: string }>(`/runs/${run.id}`)));
  expect(again.some((run) => again.some((other) => other.rerun_of === run.id))).toBe(true);

  // Logs with their times, metrics, and the cells of a notebook.
  const lines = await server.api.lines(failed.id);
  expect(lines.map((line) => line.text)).toEqual(["harvest: begins", "Traceback (most recent call last):", "ValueError: no apples", "", "ünïcödé 🍎"]);
  expect(lines[0]).toMatchObject({ at: "2026-08-01T07:00:01.000000Z", stream: "stdout" });
  const samples = await server.api.get<Page<{ cpu: number; memory: number }>>(`/runs/${good.id}/usage`);
  expect(samples.items.length).toBe(6);
  expect(samples.items[2]).toMatchObject({ cpu: 0.25 });
  const notebook = runs.find((run) => run.pipeline === "bottle" && run.state === "succeeded")!;
  const cells = (await server.api.get<Page<Artifact>>(`/runs/${notebook.id}/artifacts`)).items;
  expect(cells.map((file) => file.path).sort()).toEqual(["fast-flow/cell-0-1.png", "fast-flow/cells.json"]);

  // Schedules as they stood: paused, changed, made.
  const { items: schedules } = await server.api.get<Page<{ pipeline: string; id: string; paused?: { why?: string } }>>("/schedules");
  const schedule = (name: string) => schedules.find((one) => `${one.pipeline}/${one.id}` === name);
  expect(schedule("press/staging")!.paused?.why).toContain("Fast-Flow");
  expect(schedule("cellar-watch/restart")!.paused).toBeTruthy();
  expect(schedule("press/prod")!.paused?.why).toContain("prod-edited");
  expect(schedule("press/prod-edited")!.paused ?? null).toBeNull();
  expect(schedule("harvest/default")!.paused ?? null).toBeNull();

  // It runs on: a pipeline gets its secrets, and a value that the repository seals opens with the key that came along.
  const run = await server.api.submit("harvest", {});
  expect(await server.api.ended(run.id)).toMatchObject({ state: "succeeded" });
  expect((await server.api.lines(run.id)).map((line) => line.text)).toContain("harvest: the token has 17 characters, and SEALED 13");
});

test("people keep their roles, are blocked where they were, and sign in by whom they were known to", onBoth, async ({ bed }) => {
  const from = await installation(bed);
  await report(bring(bed, from));
  const server = await bed.up({ args: ["--team"], env: OLD });
  const { items: people } = await server.api.get<Page<{ id: string; name: string; mail?: string; state: string }>>("/people?limit=50");
  const names = people.map((person) => person.name).sort();
  expect(names).toEqual(["ada", "bruno", "chiara", "dora", "emil", "fritz", "hugo", "ida"]);
  const who = (name: string) => people.find((person) => person.name === name)!;
  expect(who("emil").state).toBe("blocked");
  expect(who("ada")).toMatchObject({ mail: "ada@example.org", state: "active" });
  expect(who("ida").mail ?? null).toBeNull();
  const { items: members } = await server.api.get<Page<{ name: string; role: string }>>("/members");
  const roles = Object.fromEntries(members.map((member) => [member.name, member.role]));
  expect(roles).toMatchObject({ bruno: "editor", chiara: "viewer", dora: "editor", hugo: "viewer" });
  expect(roles["fritz"]).toBeUndefined();
  const link = await bed.rigi(["admin", "link", "--person", "ada@example.org"]);
  expect(link, link.err).toMatchObject({ code: 0 });
  const audit = await bed.rigi(["audit", "list", "-o", "json"]);
  expect(audit.out).toContain("imports.bring");
});

test("what somebody changed here since stays, and what is new since comes", async ({ bed }) => {
  const from = await installation(bed);
  await report(bring(bed, from));
  const server = await bed.up({ env: OLD });
  expect((await bed.rigi(["schedules", "resume", "press/staging"])).code).toBe(0);
  expect((await bed.rigi(["secrets", "set", "PRESS_PASSWORD"], { input: "another-value" })).code).toBe(0);
  const busy = await bring(bed, from);
  expect(busy.code).not.toBe(0);
  expect(busy.err).toContain("data-folder-in-use");
  await server.kill9();
  const last = await report(bring(bed, from, "--open", "lost", "--write-specs"));
  expect(counts(last)).toMatchObject({ runs: [2, 9, 1], schedules: [0, 6, 2], secrets: [0, 3, 4], "downstream triggers": [2, 1, 2] });
  const spec = JSON.parse(readFileSync(join(bed.pipelines, "harvest", "pipeline.json"), "utf8")) as { downstream_triggers: unknown };
  expect(spec.downstream_triggers).toEqual([{ pipeline: "press", run_config_id: "prod" }]);
  const again = await report(bring(bed, from, "--open", "lost", "--write-specs"));
  expect(again.subjects.every((one) => one.new === 0)).toBe(true);
});

test("the code of runs comes out of the repository, where it has their commit", async ({ bed }) => {
  const from = await installation(bed);
  const git = (...args: string[]): string => execFileSync("git", ["-C", from.pipelines, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], { encoding: "utf8" }).trim();
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "Press at night");
  const commit = git("rev-parse", "HEAD");
  writeFileSync(join(from.pipelines, "harvest", "main.py"), "print('newer')\n");
  const script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('update pipeline_runs set git_sha = ?', (sys.argv[2],)); c.commit()";
  execFileSync("python3", ["-c", script, from.url.replace("sqlite:///", ""), commit]);
  await report(bring(bed, from));
  const server = await bed.up({ env: OLD });
  const { items } = await server.api.get<Page<Run>>("/runs?pipeline=harvest&limit=5");
  const code = await server.api.fetch("GET", `/api/v1/runs/${items[0]!.id}/code/main.py`);
  expect(await code.text()).toContain("harvest: begins, rows");
});

test("what is no installation is told, and nothing is made", async ({ bed }) => {
  const from = await installation(bed);
  const fails = async (args: string[], ...words: string[]): Promise<void> => {
    const said = await bed.rigi(["import", "fastflow", bed.pipelines, ...args]);
    expect(said.code, said.out).not.toBe(0);
    for (const word of words) expect(said.err).toContain(word);
    expect(said.err).not.toContain("panicked");
  };
  const base = ["--pipelines", from.pipelines];
  writeFileSync(join(bed.root, "garbage.db"), "no database at all, but long enough to be taken for one by its size alone".repeat(20));
  await fails(["--database", join(bed.root, "garbage.db"), ...base], "cannot be read", "not a database");
  await fails(["--database", join(bed.root, "missing.db"), ...base], "there is no file");
  await fails(["--database", "mysql://h/d", ...base], "SQLite and PostgreSQL");
  await fails(["--database", "postgresql://nobody@127.0.0.1:1/none", ...base], "cannot be read");
  await fails(base, "no database of Fast-Flow was named");
  await fails(["--database", from.url, "--pipelines", join(bed.root, "none")], "is not a folder");
  await fails(["--database", from.url, ...base, "--key", "short"], "key-wrong");
  const other = Buffer.alloc(32, 7).toString("base64url") + "=";
  await fails(["--database", from.url, ...base, "--key", other], "key-wrong", "opens none of the");
  await fails(["--database", from.url, ...base, "--key", KEY, "--project", "nowhere"], "no project `nowhere`");
  const script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('create table t (a)')";
  execFileSync("python3", ["-c", script, join(bed.root, "other.db")]);
  await fails(["--database", join(bed.root, "other.db"), ...base], "no database of Fast-Flow");
});

test("rows that nobody would write are told one by one, and the rest comes", async ({ bed }) => {
  const from = await installation(bed);
  const file = from.url.replace("sqlite:///", "");
  const script = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update pipeline_runs set started_at = 'never' where pipeline_name = 'labels'")
c.execute("update pipeline_runs set log_file = '../../../../etc/passwd', metrics_file = '/dev/zero' where pipeline_name = 'press'")
c.execute("update pipeline_runs set env_vars = '[1, 2]', exit_code = 99999999999, git_sha = '; rm -rf /' where pipeline_name = 'harvest'")
c.execute("update users set username = char(27) || '[2J' || 'x', role = 'KING' where username = 'bruno'")
c.execute("update scheduled_jobs set trigger_value = x'ff00ff' where pipeline_name = 'harvest'")
c.execute("update orchestrator_settings set smtp_port = 'soon', log_retention_days = -5")
c.commit()
`;
  execFileSync("python3", ["-c", script, file]);
  const said = await bring(bed, from);
  expect(said.code, said.err).toBe(0);
  expect(said.out).not.toContain("\u001b");
  const told = JSON.parse(said.out) as Report;
  expect(counts(told)["runs"]).toEqual([8, 0, 4]);
  expect(why(told, "press")).toContain("not in the folder of logs");
  const server = await bed.up({ env: OLD });
  expect((await server.api.get<Page<Run>>("/runs?limit=50")).items.length).toBe(8);
});

test("a crontab becomes pipelines that run", async ({ bed }) => {
  const crontab = ["MAILTO=ada@example.org", "GREETING=hello there", "30 2 * * 1-5 echo $GREETING; cat%line one%line 2", "@reboot sleep 300", "0~59 * * * * x", "61 * * * * y"];
  const home = bed.folder("home");
  const to = ["--to", bed.pipelines, "--home", home, "--timezone", "Europe/Zurich", "-o", "json"];
  const input = `${crontab.join("\n")}\n`;
  const dry = await report(bed.rigi(["import", "crontab", "-", ...to, "--dry-run"], { input }));
  expect(counts(dry)).toEqual({ lines: [3, 0, 1], pipelines: [2, 0, 1] });
  expect(files(bed.pipelines)).toEqual([]);
  const first = await report(bed.rigi(["import", "crontab", "-", ...to], { input }));
  expect(why(first, "line 3")).toContain("no mail to ada@example.org");
  expect(why(first, "line 5")).toContain("random");
  expect(counts(await report(bed.rigi(["import", "crontab", "-", ...to], { input })))).toMatchObject({ pipelines: [0, 2, 1] });
  const server = await bed.up();
  const run = await server.api.submit("echo", {});
  expect(await server.api.ended(run.id)).toMatchObject({ state: "succeeded" });
  expect((await server.api.lines(run.id)).map((line) => line.text)).toEqual(["hello there", "line one", "line 2"]);
  const { items } = await server.api.get<Page<{ id: string; pipeline: string }>>("/schedules");
  expect(items).toMatchObject([{ pipeline: "echo" }]);
  await expect.poll(async () => (await server.api.get<Page<Run>>("/runs?pipeline=sleep")).items.length).toBe(1);
});

test("DAGs of Airflow become flows that run", async ({ bed }) => {
  const dags = join(bed.root, "dags");
  cpSync(join(repository, "tests", "fixtures", "airflow"), dags, { recursive: true });
  const first = await report(bed.rigi(["import", "airflow", dags, "--to", bed.pipelines, "-o", "json"]));
  expect(counts(first)).toMatchObject({ DAGs: [3, 0, 0], pipelines: [3, 0, 0] });
  expect(why(first, "taskflow.py:30")).toContain("FileSensor");
  writeFileSync(join(bed.pipelines, "harvest", "apples.csv"), "gala,1\nboskoop,2\n");
  const server = await bed.up();
  const run = await server.api.submit("harvest", {});
  const ended = await server.api.ended(run.id);
  const stepsOf = async (id: string) => (await server.api.get<{ steps: { name: string; state: string; run?: string }[] }>(`/runs/${id}/steps`)).steps;
  const steps = await stepsOf(run.id);
  const states = Object.fromEntries(steps.map((step) => [step.name, step.state]));
  // `press` runs the other DAG, of which a step could not be brought.
  expect(states).toMatchObject({ begin: "succeeded", pick: "succeeded", count: "succeeded", weigh: "succeeded", sort_sort_gala: "succeeded", press: "failed", clean: "succeeded", alarm: "skipped" });
  expect(ended.state).toBe("failed");
  const picked = steps.find((step) => step.name === "pick")!;
  expect(await server.api.output(picked.run!)).toEqual([expect.stringMatching(/^picking gala of \d{4}-\d\d-\d\d$/)]);
  // What one task returns is what the next one is given.
  const cider = await server.api.ended((await server.api.submit("cider", {})).id);
  const pressed = (await stepsOf(cider.id)).find((step) => step.name === "transform")!;
  expect(await server.api.output(pressed.run!)).toEqual(['{"day": "mon", "litres": 40}']);
  expect(JSON.parse((await server.api.artifact(pressed.run!, "outputs.json")).toString())).toEqual({ return_value: 42 });
  const missing = await bed.rigi(["import", "airflow", join(bed.root, "none")]);
  expect(missing.err).toContain("is not a folder");
  const empty = bed.folder("empty");
  mkdirSync(join(empty, ".hidden"));
  expect((await bed.rigi(["import", "airflow", empty])).err).toContain("no file of Python");
});
