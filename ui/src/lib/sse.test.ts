import { expect, test } from "vitest";

import { SseParser } from "./sse";

test("messages come whole, however the text is cut", () => {
  const text = 'id: 7\nevent: run\ndata: {"a":\ndata: 1}\n\n: a comment\n\ndata: plain\r\n\r\n';
  const parser = new SseParser();
  const found = Array.from(text).flatMap((sign) => parser.push(sign));
  expect(found).toEqual([
    { event: "run", data: '{"a":\n1}', id: "7" },
    { event: "message", data: "plain", id: "7" },
  ]);
});

test("an id without data is kept, and nothing is told", () => {
  const parser = new SseParser();
  expect(parser.push("id: 12\n\n")).toEqual([]);
  expect(parser.id).toBe("12");
});

test("half a message waits for its rest", () => {
  const parser = new SseParser();
  expect(parser.push("data: one\n")).toEqual([]);
  expect(parser.push("\n")).toHaveLength(1);
});
