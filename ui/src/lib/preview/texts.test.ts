import { expect, test } from "vitest";

import { rowsOf, separatorOf, tableOf } from "./csv";
import { opensItself, previewOf } from "./kind";
import { look } from "./look";
import { bytesOf } from "./magic";
import { drawingSize, sizeOf } from "./picture";
import { memory } from "./source";
import { decode, decodeEnd, drawable } from "./text";
import { treeOf } from "./tree";

const bytes = (text: string) => new TextEncoder().encode(text);

test("cells may be quoted, over lines, with any separator", () => {
  expect(rowsOf('a,b\n1,"x, ""y""\nz"\n', ",", 10)).toEqual([
    ["a", "b"],
    ["1", 'x, "y"\nz'],
  ]);
  expect(rowsOf('a\tb\r\n1\t2\r\n"3"\t', "\t", 10)).toEqual([
    ["a", "b"],
    ["1", "2"],
    ["3", ""],
  ]);
  expect(rowsOf("a\n1\n2\n3", ",", 2)).toHaveLength(2);
  expect(separatorOf("a;b\n1;2,5\n")).toBe(";");
  expect(separatorOf("a|b\n1|2\n")).toBe("|");
  expect(separatorOf("one\ntwo\n")).toBe(",");
});

test("columns are summed up, and a row that was cut is left out", () => {
  const shown = tableOf("id,level,day\n1,0.5,2024-05-01\n2,,2024-05-02\n3,1.5,2024-05-0", true, 50);
  expect(shown.rows).toHaveLength(2);
  expect(shown.columns).toMatchObject([
    { name: "id", type: "whole number", least: "1", most: "2", mean: "1.5", distinct: "2" },
    { name: "level", type: "number", empty: 1, mean: "0.5" },
    { name: "day", type: "date", least: "2024-05-01", most: "2024-05-02" },
  ]);
  expect(tableOf("1,2\n3,4\n", false, 50)).toMatchObject({ total: 2, columns: [{ name: "column 1" }, { name: "column 2" }] });
});

test("files are shown by what they are", () => {
  expect(previewOf({ media_type: "image/png", path: "a" })).toBe("image");
  expect(previewOf({ media_type: "application/octet-stream", path: "a/b.csv" })).toBe("csv");
  expect(previewOf({ media_type: "text/html; charset=utf-8", path: "a.html" })).toBe("html");
  expect(previewOf({ media_type: "application/json", path: "a.ipynb" })).toBe("notebook");
  expect(previewOf({ media_type: "", path: "a.constructor" })).toBe("bytes");
  expect(opensItself({ media_type: "", path: "a/.env", size: 10 })).toBe(false);
  expect(opensItself({ media_type: "", path: "a/b.log", size: 10 })).toBe(true);
});

test("JSON keeps numbers as written, counts what it does not keep, and goes as far as it is", () => {
  const { root, notes } = treeOf('{"a": 12345678901234567890, "b": [1.0, "x\\n\\u00fc"], "c": {"d"', true);
  expect(notes).toEqual([]);
  expect(root).toMatchObject({
    kind: "object",
    count: 3,
    children: [{ key: "a", text: "12345678901234567890" }, { count: 2 }, { key: "c", count: 0 }],
  });
  expect(root.children[1]?.children[1]?.text).toBe("x\nü");
  expect(treeOf('{"a":1}\n{"a":2}\n', false).root).toMatchObject({ kind: "array", count: 2 });
  expect(treeOf(`[${"1,".repeat(999)}1]`, false)).toMatchObject({
    root: { count: 1000, children: { length: 200 } },
    notes: [/200 values/],
  });
  expect(treeOf('{"a": }', false).notes[0]).toMatch(/line 1, column 7 on: `}` is not expected/);
  expect(treeOf('{"a": 1', false).notes[0]).toMatch(/ends before its last bracket/);
});

test("text is read in its encoding, and a sign that is cut is no mistake", () => {
  expect(decode(bytes("größe").slice(0, -3))).toEqual({ text: "gr\u00f6", encoding: null });
  expect(decode(new Uint8Array([0x67, 0xf6]))).toEqual({ text: "gö", encoding: "Windows-1252" });
  expect(decode(new Uint8Array([0xff, 0xfe, 0x67, 0]))).toEqual({ text: "g", encoding: "UTF-16" });
  expect(decode(new Uint8Array([1, 0, 2]))).toBeNull();
  expect(decodeEnd(bytes("ülf\nlast\n").slice(1))).toBe("last\n");
  expect(drawable("a\nb\nc", 2)).toEqual({ text: "a\nb", notes: ["The first 2 lines are shown."] });
});

test("of a long text its end is shown as well, of a very long one when it is asked for", async () => {
  const text = bytes("line\n".repeat(100_000));
  const wish = { path: "a.log", media_type: "", size: text.length, rows: 50, end: false };
  expect((await look(memory(text), wish)).shown).toMatchObject({ kind: "text", tail: expect.stringMatching(/^line\n/) as string });
  const large = { ...wish, size: 2 ** 32 };
  const source = () => memory(bytes("x".repeat(2 ** 18)), 2 ** 32);
  expect(await look(source(), large)).toMatchObject({ end: true, read: 2 ** 18 });
});

test("what is not known is shown as bytes", () => {
  expect(bytesOf(bytes("SQLite format 3\0ab"))).toMatchObject({
    what: "By its first bytes it is a SQLite database.",
    lines: [{ at: "00000000", hex: "53 51 4c 69 74 65 20 66 6f 72 6d 61 74 20 33 00", text: "SQLite format 3·" }, { text: "ab" }],
  });
});

test.each([
  ['<?xml version="1.0"?><svg xmlns="x" viewBox="0 0 300 200">', { width: 640, height: 427 }],
  ["<svg viewBox='0,0,10,10' width='100%' height='100%'>", { width: 640, height: 640 }],
  ['<svg width="460.8pt" height="345.6pt" viewBox="0 0 460.8 345.6">', null],
  ['<svg width="16" viewBox="0 0 16 16">', null],
  ["<svg>", null],
  ['<svg stroke-width="2" viewBox="0 0 4 2">', { width: 640, height: 320 }],
])("a drawing %s", (text, size) => expect(drawingSize(text)).toEqual(size));

test("pictures say their size in their first bytes", () => {
  const png = new Uint8Array(24);
  png.set([0x89, 0x50, 0x4e, 0x47]);
  png.set([0, 0, 1, 0, 0, 0, 0, 2], 16);
  expect(sizeOf(png)).toEqual({ width: 256, height: 2 });
  expect(sizeOf(png.slice(0, 20))).toBeNull();
  expect(sizeOf(new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 2, 1, 0, 0]))).toEqual({ width: 256, height: 2 });
});
