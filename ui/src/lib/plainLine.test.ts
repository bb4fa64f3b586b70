import { expect, test } from "vitest";

import { plainLine } from "./plainLine";

test.each([
  ["# Big numbers", "Big numbers"],
  ["\n\n  Takes **large** _integers_, see [docs](https://example.org/x) and `code`.\nmore", "Takes large integers, see docs and code."],
  ["snake_case_names and 2 * 3 * 4", "snake_case_names and 2 * 3 * 4"],
  ["- one", "one"],
  ["", ""],
  ["![plot](a.png) of it", "plot of it"],
  ["flipper_length_mm", "flipper_length_mm"],
])("%j is %j", (text, plain) => expect(plainLine(text)).toBe(plain));
