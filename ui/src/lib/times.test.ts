import { expect, it } from "vitest";

import { localTime, utcTime } from "./times";

it("goes from a field to an address and back", () => {
  for (const local of ["2026-11-29T12:04", "2026-07-01T00:00"]) expect(localTime(utcTime(local))).toBe(local);
});

it("takes what is none for none", () => {
  expect([localTime(undefined), localTime("soon"), utcTime(""), utcTime("soon")]).toEqual(["", "", "", ""]);
});
