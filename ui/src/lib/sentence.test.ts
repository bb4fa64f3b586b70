import { expect, it } from "vitest";

import { sentence } from "./sentence";

it("makes a sentence of what a server says", () => {
  expect(sentence("this is not the present password")).toBe("This is not the present password.");
  expect(sentence("`name` is missing")).toBe("`name` is missing.");
  expect(sentence("Sign in.")).toBe("Sign in.");
});
