import { expect, it } from "vitest";

import { sentence } from "./sentence";
import { isLocal } from "./wanted";

it("goes to pages of this server alone", () => {
  expect(["/", "/runs?state=failed", "/projects/lab/runs/run_1"].map(isLocal)).toEqual([true, true, true]);
  expect(["//evil.org", "/\\evil.org", "https://evil.org", "javascript:alert(1)", "", "/a\nb"].map(isLocal)).toEqual(Array(6).fill(false));
});

it("makes a sentence of what a server says", () => {
  expect(sentence("this is not the present password")).toBe("This is not the present password.");
  expect(sentence("`name` is missing")).toBe("`name` is missing.");
  expect(sentence("Sign in.")).toBe("Sign in.");
});
