import { describe, expect, test } from "vitest";

import { lastWritten, pieces, plainText } from "./ansi";
import { firstError, looksLikeError } from "./errors";
import { anchorAt, anchorForJump, heightOf, isExact, MAX_HEIGHT, placeOf, rangeOf, ROW, topFor } from "./geometry";
import { LogStore, PAGE_LINES } from "./store";

const line = (n: number, stream = "stdout", text = `line ${n}`) => ({ n, at: "2024-11-20T12:00:00Z", stream, text });
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => line(from + index));

describe("colours", () => {
  test("styles follow the sequences", () => {
    expect(pieces("\u001b[1;31mError\u001b[0m: \u001b[38;5;196mx\u001b[39my")).toEqual([
      { text: "Error", style: { bold: true, fg: "var(--ansi-1)" } },
      { text: ": ", style: null },
      { text: "x", style: { fg: "rgb(255 0 0)" } },
      { text: "y", style: null },
    ]);
  });
  test("bright, ground and true colours are known", () => {
    expect(pieces("\u001b[92;44;4ma")[0]?.style).toEqual({ fg: "var(--ansi-10)", bg: "var(--ansi-4)", underline: true });
    expect(pieces("\u001b[38;2;1;2;3ma")[0]?.style).toEqual({ fg: "rgb(1 2 3)" });
  });
  test("what moves a cursor or names a link goes", () =>
    expect(plainText("\u001b[2K\u001b[1Ga\u001b]8;;http://x\u0007b\u001b[?25l")).toBe("ab"));
  test("a bar that was written over shows its last state", () => expect(lastWritten(" 10%\r 50%\r100%\r")).toBe("100%"));
});

describe("held lines", () => {
  test("what is missing is asked for in whole pages, once", () => {
    const store = new LogStore();
    store.setFacts({ total: 1_000_000 });
    store.put(lines(999_501, 1_000_000));
    expect(store.missing(999_900, 1_000_000)).toEqual([]);
    const gaps = store.missing(PAGE_LINES - 10, PAGE_LINES + 10);
    expect(gaps).toEqual([
      { from: 1, limit: 500 },
      { from: 501, limit: 500 },
    ]);
    for (const gap of gaps) store.setPending(gap, true);
    expect(store.missing(PAGE_LINES - 10, PAGE_LINES + 10)).toEqual([]);
  });
  test("a page that is held in part is asked for from its first gap", () => {
    const store = new LogStore();
    store.put(lines(1, 20));
    store.setFacts({ total: 30 });
    expect(store.missing(1, 30)).toEqual([{ from: 21, limit: 10 }]);
  });
  test("what is far away is let go, however long the log", () => {
    const store = new LogStore();
    for (let page = 0; page < 200; page++) {
      store.put(lines(page * PAGE_LINES + 1, (page + 1) * PAGE_LINES));
      store.trim(page * PAGE_LINES);
    }
    expect(store.held).toBeLessThanOrEqual(61 * PAGE_LINES);
    expect(store.line(1)).toBeUndefined();
    expect(store.line(200 * PAGE_LINES)?.text).toBe("line 100000");
  });
  test("a line that has not ended goes when one of its stream comes, or the end", () => {
    const store = new LogStore();
    store.setUnfinished([
      { stream: "stdout", text: "working " },
      { stream: "stderr", text: "50 %" },
    ]);
    store.put([line(1)]);
    expect(store.unfinished).toEqual([{ stream: "stderr", text: "50 %" }]);
    expect(store.total).toBe(1);
    store.setFacts({ complete: true });
    expect(store.unfinished).toEqual([]);
  });
  test("live lines make it longer", () => {
    const store = new LogStore();
    store.put([line(1)]);
    const before = store.snapshot();
    store.put([line(2)]);
    expect(store.total).toBe(2);
    expect(store.snapshot()).toBeGreaterThan(before);
  });
});

describe("places of lines", () => {
  test("are exact as long as browsers can make an element so high", () => {
    expect(isExact(600_000, false)).toBe(true);
    expect(isExact(1_000_000, false)).toBe(false);
    expect(isExact(10, true)).toBe(false);
    expect(anchorAt(45)).toEqual({ line: 2, y: 40 });
  });
  test("fit a million lines on the scale", () => {
    expect(placeOf(1_000_000, 1_000_000)).toBe(MAX_HEIGHT);
    expect(anchorForJump(0, 1_000_000, 600, MAX_HEIGHT).line).toBe(0);
    expect(anchorForJump(MAX_HEIGHT - 600, 1_000_000, 600, MAX_HEIGHT).line).toBe(1_000_000 - 30);
  });
  test("only what is seen is drawn", () => {
    const range = rangeOf({ line: 500_000, y: 0 }, 1_000_000, 600);
    expect(range.end - range.first).toBeLessThan(100);
    expect(rangeOf({ line: 0, y: 0 }, 5, 600)).toEqual({ first: 0, end: 5 });
  });
  test("the height is what is drawn and an estimate of the rest", () => {
    expect(heightOf({ line: 0, y: 0 }, 100, { first: 0, end: 54 }, 9999, false)).toBe(100 * ROW);
    expect(heightOf({ line: 10, y: 300 }, 100, { first: 0, end: 60 }, 1500, true)).toBe(300 + 1500 + 40 * ROW);
  });
  test("a line that is gone to stands in the upper third", () => {
    expect(topFor(500, 1000, 600)).toBe(489);
    expect(topFor(3, 1000, 600)).toBe(0);
    expect(topFor(1000, 1000, 600)).toBe(970);
  });
});

describe("the first error", () => {
  test.each([
    "Traceback (most recent call last):",
    "ValueError: columns must be text",
    "error: no such file",
    "\u001b[31mFATAL\u001b[0m disk",
    "thread 'main' panicked at src/main.rs",
    "run.sh: line 3: foo: command not found",
    "ERROR 2024 could not read",
  ])("is seen in %s", (text) => expect(looksLikeError(text)).toBe(true));
  test.each(["0 errors", "no errors found", "week 12 ok", "error_rate rose to 2", "errors=0"])("is not seen in %s", (text) =>
    expect(looksLikeError(text)).toBe(false),
  );
  test("is not a warning before it", () =>
    expect(
      firstError([
        line(1, "stderr", "RuntimeWarning: Mean of empty slice"),
        line(2),
        line(3, "stderr", "Traceback (most recent call last):"),
      ]),
    ).toBe(3));
  test("is the last words on stderr where nothing looks like one", () =>
    expect(firstError([line(1, "stderr", "hm"), line(2), line(3, "stderr", "a"), line(4, "stderr", "b")])).toBe(3));
  test("is nowhere in a log without stderr", () => expect(firstError(lines(1, 5))).toBeNull());
});
