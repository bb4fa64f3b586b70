import { expect, test } from "vitest";

import { many, one, parseSearch, stringifySearch } from "./search";

test("addresses are plain text both ways", () => {
  const text = "?state=failed,timed_out&label=a=1&label=b=2&q=12E3";
  expect(stringifySearch(parseSearch(text))).toBe(text);
  expect(one(parseSearch("?q=12E3").q)).toBe("12E3");
  expect(many(parseSearch("?label=a=1").label)).toEqual(["a=1"]);
});
