import { expect, test } from "vitest";

import { highlight } from "./highlight";
import { drawingSize, parseTable, prettyJson, previewOf } from "./preview";
import { many, one, parseSearch, stringifySearch } from "./search";

test("cells may be quoted, over lines, with any separator", () => {
  expect(parseTable('a,b\n1,"x, ""y""\nz"\n', 10)).toEqual([
    ["a", "b"],
    ["1", 'x, "y"\nz'],
  ]);
  expect(parseTable("a\tb\r\n1\t2", 10)).toEqual([
    ["a", "b"],
    ["1", "2"],
  ]);
  expect(parseTable("a\n1\n2\n3", 2)).toHaveLength(2);
});

test("files are shown by what they are", () => {
  expect(previewOf({ media_type: "image/png", path: "a" })).toBe("image");
  expect(previewOf({ media_type: "application/octet-stream", path: "a/b.csv" })).toBe("csv");
  expect(previewOf({ media_type: "text/html; charset=utf-8", path: "a.html" })).toBe("html");
  expect(previewOf({ media_type: "application/vnd.apache.parquet", path: "a.parquet" })).toBe("none");
});

test("the beginning of a JSON text is shown as it is", () => {
  expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyJson('{"a":12345678901234567890,"b":1.0}')).toBe('{\n  "a": 12345678901234567890,\n  "b": 1.0\n}');
  expect(prettyJson('{"a":')).toBe('{"a":');
});

test("highlighted text is the same text", () => {
  const text = 'def f(x):  # "no string"\n    return "a # b", 1.5\n';
  const lines = highlight(text, "python");
  expect(lines.map((line) => line.map((span) => span.text).join("")).join("\n")).toBe(text.trimEnd());
  expect(lines[0]?.at(-1)).toEqual({ text: '# "no string"', kind: "comment" });
});

test("addresses are plain text both ways", () => {
  const text = "?state=failed,timed_out&label=a=1&label=b=2&q=12E3";
  expect(stringifySearch(parseSearch(text))).toBe(text);
  expect(one(parseSearch("?q=12E3").q)).toBe("12E3");
  expect(many(parseSearch("?label=a=1").label)).toEqual(["a=1"]);
});

test.each([
  ['<?xml version="1.0"?><svg xmlns="x" viewBox="0 0 300 200">', { width: 640, height: 427 }],
  ["<svg viewBox='0,0,10,10' width='100%' height='100%'>", { width: 640, height: 640 }],
  ['<svg width="460.8pt" height="345.6pt" viewBox="0 0 460.8 345.6">', null],
  ['<svg width="16" viewBox="0 0 16 16">', null],
  ["<svg>", null],
  ['<svg stroke-width="2" viewBox="0 0 4 2">', { width: 640, height: 320 }],
])("a drawing %s", (text, size) => expect(drawingSize(text)).toEqual(size));
