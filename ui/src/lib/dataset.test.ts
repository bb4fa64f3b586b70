import { expect, test } from "vitest";

import { around, foldersOf, isName, isTag, leftBy, partsOf, referenceTo, tagsOf } from "./dataset";

test("references are written and read", () => {
  expect(referenceTo("sea/level", 3, "2024/may.csv")).toBe("sea/level@3:2024/may.csv");
  expect(referenceTo("a", "published")).toBe("a@published");
  expect(partsOf("sea/level@3:2024/a@b.csv")).toEqual({ name: "sea/level", version: "3" });
  expect(partsOf("sea/level")).toEqual({ name: "sea/level", version: "" });
  expect(foldersOf("a/b/c").map(({ path }) => path)).toEqual(["a", "a/b", "a/b/c"]);
  expect(foldersOf("")).toEqual([]);
});

test("names and tags are those that the server takes", () => {
  expect(["a", "sea/level", "0.a_b-c/9"].every(isName)).toBe(true);
  expect(["", "A", "a//b", "/a", "a/", ".a", "a b", "ä", "x".repeat(129)].some(isName)).toBe(false);
  expect(["v1.0", "Published", "a-b_c"].every(isTag)).toBe(true);
  expect(["", "1", "latest", "a b", "a/b", "x".repeat(65)].some(isTag)).toBe(false);
  expect(tagsOf({ tags: { a: 1, b: 2, c: 1 } }, 1)).toEqual(["a", "c"]);
});

test("what comes right before and right after is told apart", () => {
  const node = (id: string) => ({ id, kind: id.includes("@") ? "dataset" : "run" });
  const view = {
    nodes: ["b@1", "run_1", "a@1", "run_2"].map(node),
    edges: [
      { from: "a@1", to: "run_1", by: "table" },
      { from: "run_1", to: "b@1", by: "made" },
      { from: "b@1", to: "run_2", by: "in" },
      { from: "b@1", to: "run_unknown", by: "in" },
    ],
    more: false,
  };
  const { before, after } = around(view, "b@1");
  expect(before.map(({ node: { id }, by }) => `${id} ${by}`)).toEqual(["run_1 made"]);
  expect(after.map(({ node: { id }, by }) => `${id} ${by}`)).toEqual(["run_2 in"]);
});

test("what a run has left as datasets is read in its story", () => {
  const story = [
    "`result.d` is `made@1`",
    "`table` is the same as `sea/level@12`",
    "`a` has no new version: the run left nothing in `b`",
    "ended",
  ];
  expect(leftBy(story)).toEqual([
    { output: "result.d", dataset: "made@1", isNew: true },
    { output: "table", dataset: "sea/level@12", isNew: false },
  ]);
});
