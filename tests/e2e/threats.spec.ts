/** The threat model names tests that are there, and the code keeps the rules that need no server to be seen. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { repository } from "../support/places";
import { expect, test } from "../support/test";

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

function sources(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ["target", "corpus"].includes(entry.name) ? [] : sources(path);
    return path.endsWith(".rs") ? [path] : [];
  });
}

test("every threat has a defence and tests that are there", () => {
  const rows = read("docs/design/security.md").split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| threat "));
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) {
    const [, threat, defence, tests] = row.split(" | ").length === 3 ? ["", ...row.slice(2, -2).split(" | ")] : [];
    expect(threat && defence && tests, row).toBeTruthy();
    const named = [...tests!.matchAll(/`([^`]+?) › ([^`]+)`/g)];
    expect(named.length, row).toBeGreaterThan(0);
    for (const [, file, name] of named) expect(read(file!), `${file} › ${name}`).toContain(name!);
  }
});

test("unsafe code is in one module, and every crate says so", () => {
  const unsafe = sources("crates").filter((path) => /\bunsafe\s*(\{|fn|impl|extern|trait)|unsafe\(/.test(read(path)));
  expect(unsafe).toEqual(["crates/local/src/sys.rs"]);
  expect(read("Cargo.toml")).toContain('unsafe_code = "deny"');
  for (const crate of readdirSync(join(repository, "crates"))) expect(read(`crates/${crate}/Cargo.toml`), crate).toMatch(/\[lints\]\nworkspace = true/);
  const allowed = sources("crates").filter((path) => /(allow|expect)\(\s*unsafe_code/.test(read(path)));
  expect(allowed).toEqual(["crates/local/src/sys.rs"]);
  for (const root of ["model/src/lib.rs", "store/src/lib.rs", "work/src/lib.rs", "engine/src/lib.rs", "api/src/lib.rs", "server/src/lib.rs", "rigi/src/main.rs"]) {
    expect(read(`crates/${root}`), root).toContain("#![forbid(unsafe_code)]");
  }
});
