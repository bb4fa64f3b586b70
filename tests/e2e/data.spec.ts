/** Datasets from a terminal: what is put comes back byte by byte, whatever dies in between; what cannot be is refused and adds nothing. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { binary } from "../support/places";
import { expect, onBoth, test, type Bed, type Server } from "../support/test";

interface Version {
  version: number;
  files: number;
  bytes: number;
  root: string;
}

const sha = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** A folder with these files. */
function folder(bed: Bed, name: string, files: Record<string, string | Buffer>): string {
  const root = join(bed.root, name);
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

async function told(bed: Bed, args: string[]): Promise<string> {
  const { code, out, err } = await bed.rigi(args, { ms: 110_000 });
  expect(code, `${args.join(" ")}: ${err}`).toBe(0);
  return out;
}

const json = async <T>(bed: Bed, args: string[]): Promise<T> => JSON.parse(await told(bed, [...args, "-o", "json"])) as T;

test("what is put is listed, fetched, compared, tagged and removed", onBoth, async ({ bed }) => {
  await bed.up();
  const here = folder(bed, "m", { "2024/may.csv": "1\n", "2024/june.csv": "2\n", "read me.txt": "words\n", empty: "" });
  expect(await told(bed, ["data", "put", "sea/level", here, "--note", "by hand"])).toContain("sea/level@1 (4 files");
  expect(await told(bed, ["data", "put", "sea/level", here])).toContain("Nothing has changed: sea/level@1");
  writeFileSync(join(here, "2024/may.csv"), "changed\n");
  expect(await told(bed, ["data", "put", "sea/level", here])).toContain("sea/level@2");
  const july = join(bed.root, "july.csv");
  writeFileSync(july, "3\n");
  expect(await told(bed, ["data", "put", "sea/level", july, "--add", "--at", "2024", "--remove", "empty"])).toContain("sea/level@3 (4 files");

  expect(await told(bed, ["data", "list"])).toMatch(/sea\/level +3 +4/);
  expect(await told(bed, ["data", "list", "x"])).not.toContain("sea/level");
  expect(await told(bed, ["data", "ls", "sea/level"])).toMatch(/2024\/ +\S+ \w+ +3/);
  const all = await json<{ path: string }[]>(bed, ["data", "ls", "sea/level@1", "-r"]);
  expect(all.map(({ path }) => path)).toEqual(["2024/june.csv", "2024/may.csv", "empty", "read me.txt"]);
  const versions = await json<(Version & { note?: string })[]>(bed, ["data", "versions", "sea/level"]);
  expect(versions.map(({ version, note }) => [version, note])).toEqual([[3, undefined], [2, undefined], [1, "by hand"]]);
  const diff = await json<{ changes: { path: string; kind: string }[] }>(bed, ["data", "diff", "sea/level", "--from", "1"]);
  expect(diff.changes.map(({ path, kind }) => `${kind} ${path}`).sort()).toEqual([
    "added 2024/july.csv",
    "changed 2024/may.csv",
    "removed empty",
  ]);

  // Fetched into two folders: a version, and a part of one; a second time nothing is fetched.
  const there = join(bed.root, "there");
  await told(bed, ["data", "get", "sea/level@1", there]);
  expect(readFileSync(join(there, "2024/may.csv"), "utf8")).toBe("1\n");
  expect(readFileSync(join(there, "empty"), "utf8")).toBe("");
  expect(await told(bed, ["data", "get", "sea/level@1", there])).toContain("4 of them were there");
  await told(bed, ["data", "get", "sea/level:2024", join(bed.root, "part")]);
  expect(readdirSync(join(bed.root, "part")).sort()).toEqual(["july.csv", "june.csv", "may.csv"]);

  await told(bed, ["data", "tag", "sea/level@1", "published"]);
  expect((await json<unknown[]>(bed, ["data", "ls", "sea/level@published"])).length).toBe(3);
  await told(bed, ["data", "set", "sea/level", "--description", "Levels", "--label", "by=hand", "--protect"]);
  const kept = await bed.rigi(["data", "rm", "sea/level@1"]);
  expect(kept.code).not.toBe(0);
  expect(kept.err).toContain("protected");
  await told(bed, ["data", "set", "sea/level", "--unprotect"]);
  await told(bed, ["data", "rm", "sea/level@1"]);
  expect((await bed.rigi(["data", "ls", "sea/level@published"])).code).not.toBe(0);
  await told(bed, ["data", "rm", "sea/level", "--all"]);
  expect(await json<unknown[]>(bed, ["data", "list"])).toEqual([]);
});

test("what is written wrongly is told with a cure, and adds nothing", async ({ bed }) => {
  await bed.up();
  const here = folder(bed, "m", { a: "1" });
  await told(bed, ["data", "put", "known", here]);
  for (const [args, status, words] of [
    [["put", "Sea Level", here], undefined, /no name of a dataset/],
    [["put", "known"], 2, /nothing to put/],
    [["put", "known", join(bed.root, "none")], undefined, /none` cannot be read/],
    [["put", "known", here, "--at", "../up"], undefined, /`\.\.`/],
    [["ls", "known@9"], undefined, /there is no/],
    [["ls", "known@0"], 2, /no number of a version/],
    [["ls", "known:b"], undefined, /there is no/],
    [["get", "none", join(bed.root, "x")], undefined, /there is no/],
    [["tag", "known", "latest"], undefined, /a tag has/],
    [["rm", "known"], 2, /names no version/],
    [["diff", "known"], undefined, /there is no/],
  ] as const) {
    const said = await bed.rigi(["data", ...args]);
    expect(said.code, args.join(" ")).not.toBe(0);
    if (status !== undefined) expect(said.code, args.join(" ")).toBe(status);
    expect(said.err, args.join(" ")).toMatch(words);
    expect(said.err, args.join(" ")).not.toMatch(/panicked/);
  }
  const all = await json<{ name: string; newest: Version }[]>(bed, ["data", "list"]);
  expect(all.map(({ name, newest }) => [name, newest.version])).toEqual([["known", 1]]);
});

test("2,000 small files are put, listed and fetched as they were", onBoth, async ({ bed }) => {
  await bed.up();
  const files: Record<string, string> = {};
  for (let index = 0; index < 2000; index++) files[`d${index % 20}/f${index}.txt`] = `file ${index}\n`;
  const here = folder(bed, "many", files);
  expect(await told(bed, ["data", "put", "many", here])).toContain("many@1 (2,000 files");
  const all = await json<{ path: string; sha256: string }[]>(bed, ["data", "ls", "many", "-r"]);
  expect(all.length).toBe(2000);
  for (const { path, sha256 } of all) expect(sha256).toBe(sha(files[path]!));
  const there = join(bed.root, "there");
  await told(bed, ["data", "get", "many", there]);
  for (const [path, content] of Object.entries(files)) expect(readFileSync(join(there, path), "utf8")).toBe(content);
});

test("a server that is killed in the middle of a put loses nothing, and the same command goes on", async ({ bed }) => {
  let server = await bed.up();
  const files: Record<string, Buffer> = {};
  for (let index = 0; index < 40; index++) files[`${index}.bin`] = Buffer.alloc(1 << 20, `${index}:`);
  const here = folder(bed, "large", files);
  const child = spawn(binary(), ["data", "put", "large", here], { cwd: bed.root, env: await bed.env({ RIGI_DATA: bed.data }), stdio: "ignore" });
  const first = new Promise<number | null>((done) => child.once("exit", done));
  const stored = async (): Promise<number> => {
    const contents = Object.values(files).map((content) => ({ sha256: sha(content), size: content.length }));
    return 40 - (await server.api.post<{ contents: unknown[] }>("/contents/missing", { contents })).contents.length;
  };
  await expect.poll(stored, { intervals: [20], timeout: 60_000 }).toBeGreaterThan(1);
  const before = await stored();
  await server.kill9();
  child.kill("SIGKILL");
  await first;
  server = await bed.up();
  expect(before).toBeLessThan(40);
  // Nothing half-made has a name, and what had come whole is not sent again.
  expect((await server.api.get<{ items: unknown[] }>("/datasets")).items).toEqual([]);
  expect(await stored()).toBeGreaterThanOrEqual(before);
  expect(await told(bed, ["data", "put", "large", here])).toContain("large@1 (40 files");
  const there = join(bed.root, "there");
  await told(bed, ["data", "get", "large", there]);
  for (const [path, content] of Object.entries(files)) expect(readFileSync(join(there, path)).equals(content), path).toBe(true);
});

test("a run is given a version and leaves one, and the way is known", onBoth, async ({ bed }) => {
  bed.shell("fit", 'mkdir -p "$RIGI_OUTPUTS/curve"; find "$RIGI_INPUTS/table" -type f | sort; cat "$RIGI_INPUTS"/table/*.csv > "$RIGI_OUTPUTS/curve/all.csv"', {
    inputs: { table: { multiple: true } },
    outputs: { curve: { dataset: "sea/curve" } },
  });
  const server = await bed.up();
  await told(bed, ["data", "put", "sea/level", folder(bed, "m", { "2024/a.csv": "1\n", "2024/b.csv": "2\n", "2025/a.csv": "3\n" })]);
  await told(bed, ["data", "tag", "sea/level@1", "published"]);
  const ran = await bed.rigi(["run", "fit", "-i", "table=dataset:sea/level@published:2024", "--wait"]);
  expect(ran.code, ran.err).toBe(0);
  const [run] = await server.api.runs();
  const view = await server.api.get<{ inputs: { name: string; dataset: string }[] }>(`/runs/${run!.id}`);
  expect(view.inputs.map(({ name, dataset }) => `${name} ${dataset}`)).toEqual(["a.csv sea/level@1", "b.csv sea/level@1"]);
  const left = async (): Promise<true | undefined> =>
    (await server.api.get<{ items: { name: string }[] }>("/datasets")).items.some(({ name }) => name === "sea/curve") || undefined;
  await server.api.watch(left, "the run's dataset");
  const there = join(bed.root, "there");
  await told(bed, ["data", "get", "sea/curve", there]);
  expect(readFileSync(join(there, "all.csv"), "utf8")).toBe("1\n2\n");
  const lineage = await told(bed, ["data", "lineage", "sea/level"]);
  expect(lineage).toMatch(new RegExp(`sea/level@1 → fit \\(${run!.id}\\) +table`));
  expect(lineage).toMatch(new RegExp(`fit \\(${run!.id}\\) → sea/curve@1 +curve`));
  // A newer version does not change what a rerun is given.
  await told(bed, ["data", "put", "sea/level", folder(bed, "n", { "2024/a.csv": "9\n" })]);
  const again = await server.api.post<{ id: string }>(`/runs/${run!.id}/rerun`, {});
  await server.api.ended(again.id);
  expect((await server.api.artifact(again.id, "curve/all.csv")).toString()).toBe("1\n2\n");
  // What there is not starts nothing.
  const wrong = await bed.rigi(["run", "fit", "-i", "table=dataset:sea/level@9", "--wait"]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.err).toContain("there is no");
});

test("a zip in parts is the whole zip", async ({ bed }) => {
  const server = await bed.up();
  const large = Buffer.alloc(3 << 20, "0123456789");
  await told(bed, ["data", "put", "z", folder(bed, "z", { "d/é.txt": "small", "large.bin": large, "last.txt": "end" })]);
  const curl = (args: string[]): Buffer =>
    execFileSync("curl", ["-sS", "--fail", "-H", `Authorization: Bearer ${server.api.token}`, ...args], { maxBuffer: 64 << 20 });
  const url = `${server.api.url}/api/v1/datasets/z/versions/1/zip`;
  const whole = curl([url]);
  const cuts = [0, 7, 100_000, Math.floor(whole.length / 2), whole.length - 11, whole.length];
  const parts = cuts.slice(1).map((end, index) => curl(["-r", `${cuts[index]}-${end - 1}`, url]));
  expect(Buffer.concat(parts).equals(whole)).toBe(true);
  const file = join(bed.root, "z.zip");
  writeFileSync(file, whole);
  const script = "import sys, zipfile, hashlib; z = zipfile.ZipFile(sys.argv[1]); print([(i, hashlib.sha256(z.read(i)).hexdigest()) for i in z.namelist()])";
  const read = execFileSync("python3", ["-c", script, file], { encoding: "utf8" });
  expect(read.trim()).toBe(`[('d/é.txt', '${sha("small")}'), ('large.bin', '${sha(large)}'), ('last.txt', '${sha("end")}')]`);
  // A broken download goes on, as people do it.
  const half = join(bed.root, "half.zip");
  writeFileSync(half, whole.subarray(0, 1_000_000));
  curl(["-C", "-", "-o", half, url]);
  expect(readFileSync(half).equals(whole)).toBe(true);
});

test("names that one disk or another takes for the same are refused; links and special files are left out", async ({ bed }) => {
  const server = await bed.up();
  for (const [one, other] of [["a.csv", "A.csv"], ["caf\u00e9", "cafe\u0301"]] as const) {
    const said = await bed.rigi(["data", "put", "alike", folder(bed, `alike-${sha(one).slice(0, 8)}`, { [one]: "1", [other]: "2" })]);
    expect(said.code, said.out).not.toBe(0);
    expect(said.err).toMatch(/differ by case/);
  }
  expect((await server.api.get<{ items: unknown[] }>("/datasets")).items).toEqual([]);
  const here = folder(bed, "links", { "real.txt": "real" });
  symlinkSync("/etc/passwd", join(here, "away"));
  symlinkSync("real.txt", join(here, "near"));
  symlinkSync("/etc", join(here, "folder"));
  execFileSync("mkfifo", [join(here, "pipe")]);
  const said = await told(bed, ["data", "put", "links", here]);
  expect(said).toContain("links@1 (1 file,");
  expect(said).toContain("4 links and special files were left out.");
});

async function putBy(server: Server, path: string): Promise<Response> {
  return server.api.fetch("POST", "/api/v1/datasets/tricks/versions", { files: [{ path, sha256: sha("x"), size: 1 }] });
}

test("no path leads out of a dataset, into the server's files or out of the folder that it is fetched into", async ({ bed }) => {
  const server = await bed.up();
  await told(bed, ["data", "put", "x", folder(bed, "x", { x: "x" })]);
  for (const path of ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "..", "", "a\\..\\b", "a\0b", "a\nb", "x".repeat(300), "a/".repeat(70) + "a"]) {
    const answer = await putBy(server, path);
    expect([400, 422], `${JSON.stringify(path)}: ${answer.status}`).toContain(answer.status);
  }
  expect((await server.api.get<{ items: { name: string }[] }>("/datasets")).items.map(({ name }) => name)).toEqual(["x"]);
  for (const path of ["../x", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "%00", "x/../x", "x%2f..", "..", "."]) {
    for (const what of ["file", "files", "zip"]) {
      const answer = await server.api.fetch("GET", `/api/v1/datasets/x/versions/1/${what}?path=${path}`);
      expect([404, 422, 400], `${what} ${path}`).toContain(answer.status);
    }
  }
  // Names in a tar say nothing: nothing is written where they lead.
  const tar = join(bed.root, "evil.tar");
  const script = "import tarfile, io, sys\nt = tarfile.open(sys.argv[1], 'w')\ni = tarfile.TarInfo(sys.argv[2]); i.size = 5; t.addfile(i, io.BytesIO(b'taken'))\nl = tarfile.TarInfo('l'); l.type = tarfile.SYMTYPE; l.linkname = '/etc/passwd'; t.addfile(l)\nt.close()";
  const aim = join(bed.root, "taken");
  execFileSync("python3", ["-c", script, tar, `../../../../../../../..${aim}`]);
  const answer = await server.api.fetch("POST", "/api/v1/contents", new Uint8Array(readFileSync(tar)), { "content-type": "application/x-tar" });
  expect(answer.status).toBe(201);
  expect(((await answer.json()) as { contents: unknown[] }).contents).toEqual([{ sha256: sha("taken"), size: 5 }]);
  expect(existsSync(aim)).toBe(false);
});

test("what another project has is missing here, whatever its hash", onBoth, async ({ bed }) => {
  const server = await bed.up();
  await told(bed, ["projects", "create", "lab"]);
  await told(bed, ["data", "put", "own", folder(bed, "own", { secret: "of the default project" }), "--project", "default"]);
  const content = { sha256: sha("of the default project"), size: 22 };
  expect((await server.api.post<{ contents: unknown[] }>("/contents/missing", { contents: [content] })).contents).toEqual([]);
  const there = await server.api.post<{ contents: unknown[] }>("/projects/lab/contents/missing", { contents: [content] });
  expect(there.contents).toEqual([content]);
  const taken = await server.api.refused("POST", "/api/v1/projects/lab/datasets/taken/versions", { files: [{ path: "x", ...content }] });
  expect(taken.code).toBe("state-conflict");
  expect((await server.api.refused("GET", "/api/v1/projects/lab/datasets/own")).status).toBe(404);
  expect((await server.api.get<{ items: unknown[] }>("/projects/lab/datasets")).items).toEqual([]);
});

test("beyond the quota nothing is taken", async ({ bed }) => {
  await bed.up();
  await told(bed, ["projects", "create", "small"]);
  await told(bed, ["projects", "quota", "small", "--storage", "1MiB"]);
  const large = folder(bed, "large", { "a.bin": Buffer.alloc(3 << 20, "a1") });
  await told(bed, ["data", "put", "first", large, "--project", "small"]);
  // What is stored is counted every few seconds.
  const again = folder(bed, "again", { "b.bin": "b" });
  await expect
    .poll(async () => (await bed.rigi(["data", "put", "second", again, "--project", "small"])).err, { timeout: 15_000, intervals: [1000] })
    .toContain("quota");
});

test("HTML of a dataset cannot act as Rigi", async ({ bed }) => {
  const server = await bed.up();
  await told(bed, ["data", "put", "pages", folder(bed, "pages", { "a.html": "<script>1</script>", "b.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>", "c.js": "1" })]);
  for (const [path, place] of [["a.html", "inline"], ["b.svg", "inline"], ["c.js", "attachment"]] as const) {
    const url = `/api/v1/datasets/pages/versions/1/file?path=${path}`;
    const first = await server.api.fetch("GET", url);
    const unchanged = await server.api.fetch("GET", url, undefined, { "if-none-match": first.headers.get("etag") ?? "" });
    expect(unchanged.status).toBe(304);
    for (const answer of [first, unchanged]) {
      expect(answer.headers.get("content-security-policy"), path).toMatch(/default-src 'none'.*sandbox/);
      expect(answer.headers.get("x-content-type-options"), path).toBe("nosniff");
    }
    expect(first.headers.get("content-disposition"), path).toMatch(new RegExp(`^${place}`));
    expect((await server.api.fetch("GET", `${url}&download=1`)).headers.get("content-disposition"), path).toMatch(/^attachment/);
  }
});
