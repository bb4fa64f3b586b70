/** The documentation keeps step with the code. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { repository } from "../support/places";
import { expect, test } from "../support/test";

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

function codes(path: string): string[] {
  return [...read(path).matchAll(/^ {8}\w+ = "([a-z-]+)",/gm)].map((match) => match[1]!);
}

test("every error code and every reason is explained", () => {
  const page = read("docs/reference/errors.md");
  const errors = codes("crates/model/src/error_code.rs");
  const reasons = codes("crates/model/src/reason.rs");
  expect(errors.length).toBeGreaterThan(15);
  expect(reasons.length).toBeGreaterThan(15);
  for (const code of errors) expect(page, code).toContain(`\n### \`${code}\`\n`);
  for (const reason of reasons) expect(page, reason).toContain(`\n| \`${reason}\` |`);
  const explained = [...page.matchAll(/^### `([a-z-]+)`$/gm)].map((match) => match[1]);
  expect(explained.sort()).toEqual([...errors].sort());
});

test("every fault that is explained has its test", () => {
  const specs = readdirSync(join(repository, "tests/e2e")).filter((file) => file.endsWith(".spec.ts"));
  const text = specs.map((file) => read(`tests/e2e/${file}`)).join("\n");
  // Titles with a part filled in are compared around it.
  const titles = [...text.matchAll(/(?:\btest\(|name: )(["`])(.*?)\1/g)].map((match) => match[2]!.replace(/[.*+?^()|[\]\\]/g, "\\$&").replace(/\$\{.*?\}/g, ".+"));
  const named = [...read("docs/operate/faults.md").matchAll(/\| `([^`|]+)` \|$/gm)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(20);
  for (const name of named) expect(titles.some((title) => new RegExp(`^${title}$`).test(name)), name).toBe(true);
});

test("every link of the documentation leads somewhere", () => {
  const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md"];
  for (const folder of ["docs/guide", "docs/operate", "docs/reference", "docs/design"]) {
    pages.push(...readdirSync(join(repository, folder)).filter((file) => file.endsWith(".md")).map((file) => `${folder}/${file}`));
  }
  const lost: string[] = [];
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      if (!existsSync(resolve(repository, dirname(page), target!))) lost.push(`${page}: ${target}`);
    }
  }
  expect(lost).toEqual([]);
});

test("no file is over 500 lines, and the median is under 150", () => {
  const sizes: [number, string][] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!["node_modules", "dist", "results", "target", "corpus", ".git"].includes(entry.name)) walk(path);
      } else if (/\.(rs|ts|tsx|py|mjs|sh)$/.test(entry.name) && !/\.gen\.ts$/.test(entry.name)) {
        sizes.push([readFileSync(path, "utf8").split("\n").length - 1, path]);
      }
    }
  };
  for (const folder of ["crates", "fuzz", "ui/src", "tests", "bench", "examples"]) walk(join(repository, folder));
  sizes.sort(([a], [b]) => a - b);
  expect(sizes.filter(([lines]) => lines > 500)).toEqual([]);
  expect(sizes[Math.floor(sizes.length / 2)]![0]).toBeLessThan(150);
});
