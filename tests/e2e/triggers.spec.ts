/** What starts runs when something has happened: files that come, lines of sensors, ends of several pipelines. */
import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Api, Run } from "../support/api";
import type { FlowRun } from "../support/flows";
import { expect, onBoth, test, type Bed } from "../support/test";

interface Event {
  event: string;
  outcome: string;
  reason?: string;
  run?: string;
}

interface Trigger {
  pipeline: string;
  id: string;
  problem?: string;
  off?: string;
  waiting?: { key: string; pipeline: string; run: string }[];
}

/** All that has happened for a trigger, the oldest first. */
async function events(api: Api, trigger: string): Promise<Event[]> {
  const all: Event[] = [];
  let cursor = "";
  do {
    const page = await api.get<{ items: Event[]; next_cursor?: string }>(`/triggers/${trigger}/events?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.items);
    cursor = page.next_cursor ?? "";
  } while (cursor);
  return all.reverse();
}

/** Waits until so many things have become what they become. */
function settled(api: Api, trigger: string, count: number, ms?: number): Promise<Event[]> {
  const look = async (): Promise<Event[] | undefined> => {
    const all = (await events(api, trigger)).filter(({ outcome }) => outcome !== "taken");
    return all.length >= count ? all : undefined;
  };
  return api.watch(look, `${count} events of ${trigger}`, ms);
}

/** The runs of a pipeline when there are so many and all have ended, the oldest first. */
async function runsOf(api: Api, pipeline: string, count: number, ms?: number): Promise<Run[]> {
  const look = async (): Promise<Run[] | undefined> => {
    const all = await api.runs(`&pipeline=${pipeline}`);
    return all.length >= count && all.every(({ state }) => ["succeeded", "failed"].includes(state)) ? all.reverse() : undefined;
  };
  const all = await api.watch(look, `${count} runs of ${pipeline}`, ms);
  expect(all).toHaveLength(count);
  return all;
}

/** Puts a file there as others do: whole, with a time at which it was changed. */
function put(folder: string, name: string, content: string, seconds = 60): void {
  const at = Date.now() / 1000 - seconds;
  writeFileSync(join(folder, `.${name}.part`), content);
  utimesSync(join(folder, `.${name}.part`), at, at);
  renameSync(join(folder, `.${name}.part`), join(folder, name));
}

const SHOW = 'for file in "$RIGI_INPUTS"/table/*; do echo "$(basename "$file") $(cat "$file")"; done; echo "told $name by $RIGI_TRIGGER"';
const LOAD = { inputs: { table: { multiple: true } }, parameters: { properties: { name: { type: "string", default: "none" } } } };

test("a file that comes starts a run with what is in it, changed again, and several a run for all", onBoth, async ({ bed }) => {
  const inbox = bed.folder("inbox");
  const on = (more: object): object => ({ ...LOAD, triggers: [{ id: "inbox", files: `${inbox}/*.csv`, interval: "1s", input: "table", parameters: { name: "${file.name}" }, ...more }] });
  put(inbox, "old.csv", "there before");
  bed.shell("load", SHOW, on({}));
  const { api } = await bed.up();
  expect(await settled(api, "load/inbox", 1)).toMatchObject([{ event: expect.stringContaining("old.csv"), outcome: "seen" }]);
  put(inbox, "may.csv", "1,2,3");
  put(inbox, "may.txt", "not meant");
  const [first] = await runsOf(api, "load", 1);
  expect(await api.output(first!.id)).toEqual(["may.csv 1,2,3", expect.stringContaining("told may.csv by")]);
  expect(await api.run(first!.id)).toMatchObject({ trigger: { kind: "event", by: "load/inbox" } });
  put(inbox, "may.csv", "4,5,6,7", 30);
  const [, second] = await runsOf(api, "load", 2);
  expect((await api.output(second!.id))[0]).toBe("may.csv 4,5,6,7");
  const told = await bed.rigi(["triggers", "events", "load/inbox", "-o", "json"]);
  expect(told.out).toContain("seen");
  expect(told.out).toContain(second!.id);

  // All that are there at first, in one run.
  const batch = ["triggers", "set", "load/all", "--files", `${inbox}/*.csv`, "--interval", "1s", "--input", "table", "--each", "batch", "--existing", "start", "-p", "name=${files[0].name}"];
  const set = await bed.rigi(batch);
  expect(set.code, set.err).toBe(0);
  const [, , third] = await runsOf(api, "load", 3);
  expect(await api.output(third!.id)).toEqual(["may.csv 4,5,6,7", "old.csv there before", expect.stringMatching(/^told (old|may)\.csv by/)]);
  const together = await settled(api, "load/all", 2);
  expect(together.map(({ outcome, run }) => [outcome, run])).toEqual([["run", third!.id], ["run", third!.id]]);
  const list = await bed.rigi(["triggers", "list"]);
  expect(list.out).toMatch(/load\/all .*\n.*load\/inbox /);
  // One that is still being written is left alone, while another that comes after it is done.
  writeFileSync(join(inbox, "june.csv"), "half");
  put(inbox, "july.csv", "whole");
  const so = await settled(api, "load/inbox", 4);
  expect(so.map(({ event }) => /(\w+)\.csv@/.exec(event)?.[1])).toEqual(["old", "may", "may", "july"]);
  await api.ended(so[3]!.run!);
  expect((await api.output(so[3]!.run!))[0]).toBe("july.csv whole");
  expect((await bed.rigi(["triggers", "remove", "load/all"])).code).toBe(0);
  expect((await bed.rigi(["triggers", "get", "load/all"])).code).not.toBe(0);
});

test("a sensor on a schedule says what is new: each line starts one run, and its cursor goes on", onBoth, async ({ bed }) => {
  const orders = bed.folder("orders");
  const check = [
    "import json, os",
    "last = int(os.environ.get('RIGI_CURSOR') or 0)",
    `numbers = sorted(int(name) for name in os.listdir(${JSON.stringify(orders)}))`,
    "for number in numbers:",
    "    # The last one is said again: it is known.",
    "    if number >= last:",
    "        print(json.dumps({'id': f'order {number}', 'number': number}))",
    "print(json.dumps({'cursor': numbers[-1] if numbers else last}))",
    "import sys; print('looked after', last, file=sys.stderr)",
  ];
  bed.pipeline("check", { "pipeline.json": { command: ["python3", "main.py"], schedules: [{ id: "often", interval: "1s" }] }, "main.py": check.join("\n") });
  bed.shell("take", "echo order $number", {
    parameters: { properties: { number: { type: "integer" } } },
    triggers: [{ id: "orders", sensor: "check", when: "event.number != 3", parameters: { number: "${event.number}" } }],
  });
  const { api } = await bed.up();
  for (const number of [1, 2]) writeFileSync(join(orders, String(number)), "");
  const taken = await runsOf(api, "take", 2);
  expect((await Promise.all(taken.map(({ id }) => api.output(id)))).flat().sort()).toEqual(["order 1", "order 2"]);
  for (const number of [3, 4]) writeFileSync(join(orders, String(number)), "");
  await settled(api, "take/orders", 4);
  const all = await runsOf(api, "take", 3);
  // Looked at a few times more, nothing new has happened.
  const cursor = async (): Promise<string | undefined> => ((await api.get<{ cursor?: string }>("/pipelines/check/cursor")).cursor === "4" ? "4" : undefined);
  await api.watch(cursor, "the cursor is at 4");
  const looked = async (): Promise<Run[]> => (await api.runs("&pipeline=check")).filter(({ state }) => state === "succeeded");
  const before = (await looked()).length;
  await api.watch(async () => ((await looked()).length >= before + 2 ? true : undefined), "it has looked twice more");
  expect((await events(api, "take/orders")).map(({ event, outcome }) => `${event} ${outcome}`).sort()).toEqual(["order 1 run", "order 2 run", "order 3 ignored", "order 4 run"]);
  expect(await api.count()).toBeGreaterThan(4);
  expect(((await api.run(all[0]!.id)) as FlowRun).trigger).toEqual(expect.objectContaining({ kind: "event", by: "take/orders" }));
  // The runs that looked say what they have started.
  const checks = (await Promise.all((await looked()).map(({ id }) => api.run(id)))) as FlowRun[];
  expect(checks.flatMap(({ started }) => started ?? []).sort()).toEqual(all.map(({ id }) => id).sort());

  const lookedAfter = async (id: string): Promise<string[]> => (await api.lines(id)).filter(({ stream }) => stream === "stderr").map(({ text }) => text);
  expect(await lookedAfter(checks[0]!.id)).toEqual(["looked after 4"]);

  // Where it goes on is said by a person too; what was done stays done.
  await bed.rigi(["schedules", "pause", "check/often"]);
  await api.allEnded("&pipeline=check");
  const reset = await bed.rigi(["triggers", "cursor", "check", "--reset"]);
  expect(reset.out).toContain("begins anew");
  const anew = await api.submit("check");
  await api.ended(anew.id);
  expect(await lookedAfter(anew.id)).toEqual(["looked after 0"]);
  await api.watch(cursor, "the cursor is at 4 again");
  expect(await runsOf(api, "take", 3)).toHaveLength(3);
});

test("a report follows two pipelines that have ended for the same day", onBoth, async ({ bed }) => {
  const day = { parameters: { properties: { day: { type: "string" } } } };
  const rows = (count: number): string => `echo '{"rows": ${count}}' > "$RIGI_OUTPUTS/outputs.json"`;
  bed.shell("extract", rows(3), day);
  bed.shell("clean", `[ "$day" != thu ]`, day);
  bed.shell("report", "echo report of $day", {
    ...day,
    triggers: [{ id: "both", after: ["extract", "clean"], key: "${params.day}", parameters: { day: "${key}" } }],
  });
  const { api } = await bed.up();
  const run = async (pipeline: string, value: string): Promise<void> => void (await api.ended((await api.submit(pipeline, { parameters: { day: value } })).id));
  await run("extract", "mon");
  await run("clean", "tue");
  const waiting = (): Promise<Trigger> => api.get("/triggers/report/both");
  await api.watch(async () => ((await waiting()).waiting?.length === 2 ? true : undefined), "two ends wait");
  expect((await waiting()).waiting!.map(({ key, pipeline }) => `${key} ${pipeline}`).sort()).toEqual(["mon extract", "tue clean"]);
  expect(await api.runs("&pipeline=report")).toEqual([]);
  await run("extract", "tue");
  const [report] = await runsOf(api, "report", 1);
  expect(await api.output(report!.id)).toEqual(["report of tue"]);
  // An end counts once, and a failure not at all.
  await run("extract", "tue");
  await run("extract", "thu");
  await run("clean", "thu");
  await run("clean", "mon");
  const two = await runsOf(api, "report", 2);
  expect((await Promise.all(two.map(({ id }) => api.output(id)))).flat()).toEqual(["report of tue", "report of mon"]);
  expect((await waiting()).waiting!.map(({ key, pipeline }) => `${key} ${pipeline}`).sort()).toEqual(["thu extract", "tue extract"]);
});

test("kill -9 while two hundred files come: each has one run", onBoth, async ({ bed }) => {
  test.setTimeout(180_000);
  const inbox = bed.folder("inbox");
  bed.shell("load", 'cat "$RIGI_INPUTS"/table/*', {
    inputs: { table: {} },
    max_instances: 20,
    triggers: [{ id: "inbox", files: `${inbox}/**/*.csv`, interval: "1s", existing: "start", settle: "0s", input: "table" }],
  });
  let server = await bed.up({ args: ["--runs", "20"] });
  const names = Array.from({ length: 200 }, (_, index) => `file ${String(index)}`);
  for (const [index, name] of names.entries()) {
    const folder = join(inbox, String(index % 7));
    mkdirSync(folder, { recursive: true });
    put(folder, `${name}.csv`, name);
    // In the middle of it, three times.
    if ([60, 110, 160].includes(index)) {
      const { api } = server;
      await api.watch(async () => ((await api.runs()).length > index / 4 ? true : undefined), "some have runs");
      await server.kill9();
      server = await bed.up({ args: ["--runs", "20"] });
    }
  }
  const all = await settled(server.api, "load/inbox", 200, 120_000);
  expect(all).toHaveLength(200);
  expect(all.every(({ outcome }) => outcome === "run")).toBe(true);
  expect(new Set(all.map(({ run }) => run)).size).toBe(200);
  const runs = await runsOf(server.api, "load", 200, 120_000);
  expect(new Set(runs.map(({ id }) => id))).toEqual(new Set(all.map(({ run }) => run)));
  const said = await Promise.all(runs.map(({ id }) => server.api.output(id)));
  expect(said.flat().sort()).toEqual([...names].sort());
});

/** What a server says when a trigger is set; "": it is made. */
async function refusal(bed: Bed, id: string, files: string): Promise<string> {
  const { code, err } = await bed.rigi(["triggers", "set", `load/${id}`, "--files", files]);
  return code === 0 ? "" : err;
}

test("folders are looked into where the server's configuration says so, and never its own data", async ({ bed }) => {
  bed.shell("load", "true");
  const [inbox, other] = [bed.folder("inbox"), bed.folder("other")];
  mkdirSync(join(inbox, "deep"));
  symlinkSync(other, join(inbox, "link"));
  const alone = await bed.up();
  expect(await refusal(bed, "any", `${other}/*`)).toBe("");
  expect(await refusal(bed, "own", `${bed.data}/*`)).toContain("the server's own data");
  expect(await refusal(bed, "around", `${bed.root}/**/*`)).toContain("the server's own data");
  expect(await refusal(bed, "link", `${inbox}/link/*`)).toContain("is reached by a link");
  expect(await refusal(bed, "proc", "/proc/../etc/*")).toContain("`..`");
  expect(await alone.stop()).toBe(0);

  const named = { RIGI_TRIGGERS__FOLDERS: inbox };
  const { api } = await bed.up({ env: named });
  expect(await refusal(bed, "named", `${inbox}/deep/*`)).toBe("");
  expect(await refusal(bed, "elsewhere", `${other}/*`)).toContain("`triggers.folders`");
  expect(await refusal(bed, "link", `${inbox}/link/*`)).not.toBe("");
  // What was made before is told, and sees nothing.
  const problem = async (): Promise<string | undefined> => (await api.get<Trigger>("/triggers/load/any")).problem ?? undefined;
  expect(await api.watch(problem, "it has a problem")).toContain("`triggers.folders`");
  // A link among the files is none of them.
  symlinkSync("/etc/hostname", join(inbox, "deep", "secret"));
  put(join(inbox, "deep"), "plain", "x");
  const [one] = await settled(api, "load/named", 1);
  expect(one!.event).toContain("/deep/plain@");
  expect((await events(api, "load/named")).some(({ event }) => event.includes("secret"))).toBe(false);
});

test("for a team no folder is looked into unless it is named", async ({ bed }) => {
  const inbox = bed.folder("inbox");
  bed.shell("load", "true", { triggers: [{ id: "inbox", files: `${inbox}/*`, interval: "1s", settle: "0s", existing: "start" }] });
  const team = await bed.up({ args: ["--team"] });
  const problem = async (): Promise<string | undefined> => (await team.api.get<Trigger>("/triggers/load/inbox")).problem ?? undefined;
  expect(await team.api.watch(problem, "it has a problem")).toContain("`triggers.folders`");
  put(inbox, "a", "x");
  expect(await team.stop()).toBe(0);
  const { api } = await bed.up({ args: ["--team"], env: { RIGI_TRIGGERS__FOLDERS: inbox } });
  expect(await settled(api, "load/inbox", 1)).toMatchObject([{ outcome: "run" }]);
});

test("more lines than may be are told, and not read", async ({ bed }) => {
  bed.shell("flood", "seq 1 1200");
  bed.shell("take", "true", { parameters: { properties: { n: { type: "string", default: "" } } }, triggers: [{ id: "few", sensor: "flood", when: "event.text == '7' or event.text == '1001'", parameters: { n: "${event.text}" } }] });
  const { api } = await bed.up();
  const flood = await api.submit("flood");
  await api.ended(flood.id);
  expect(await settled(api, "take/few", 1000)).toHaveLength(1000);
  const [run] = await runsOf(api, "take", 1);
  expect((await api.run(run!.id)) as Run & { parameters: object }).toMatchObject({ parameters: { n: "7" } });
  const story = await api.get<{ items: { message?: string }[] }>(`/runs/${flood.id}/events`);
  expect(story.items.map(({ message }) => message ?? "").join("\n")).toContain("1000 of its lines are events, and 200 more lines are not read");
});
