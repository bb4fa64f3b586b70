import { expect, test } from "vitest";

import type { OpenUploadView } from "../../api/types";
import { continued, metadataOf } from "./resume";

const open = (id: string, offset: number, change: Partial<OpenUploadView> = {}): OpenUploadView => ({
  id,
  name: "a.bin",
  size: 100,
  offset,
  metadata: { mark: "x" },
  is_part: false,
  began_at: "2026-01-01T00:00:00Z",
  until: "2026-01-02T00:00:00Z",
  ...change,
});

test("a file continues what is the same file and has come furthest", () => {
  const all = [
    open("near", 10),
    open("far", 50),
    open("part", 90, { is_part: true }),
    open("longer", 90, { size: 101 }),
    open("other", 90, { metadata: { mark: "y" } }),
    open("nameless", 90, { metadata: {} }),
  ];
  expect(continued(all, 100, "x")?.id).toBe("far");
  expect(continued(all, 99, "x")).toBeUndefined();
  expect(continued([], 100, "x")).toBeUndefined();
});

test("what is said of a file survives every letter", () => {
  expect(metadataOf({ filename: "a.csv", mark: "é→" })).toBe("filename YS5jc3Y=,mark w6nihpI=");
});
