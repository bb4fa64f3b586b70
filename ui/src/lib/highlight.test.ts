import { expect, test } from "vitest";

import { highlight } from "./highlight";

test("highlighted text is the same text", () => {
  const text = 'def f(x):  # "no string"\n    return "a # b", 1.5\n';
  const lines = highlight(text, "python");
  expect(lines.map((line) => line.map((span) => span.text).join("")).join("\n")).toBe(text.trimEnd());
  expect(lines[0]?.at(-1)).toEqual({ text: '# "no string"', kind: "comment" });
});
