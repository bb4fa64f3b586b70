import { describe, expect, test } from "vitest";

import { fieldsOf } from "./fields";
import { isOfFormat, offered, taken } from "./formats";
import { sectionsOf, sectionTitle } from "./sections";

const schema = {
  "x-sections": { algorithm: "What finds peaks." },
  properties: {
    width: { type: "number", "x-section": "algorithm" },
    threads: { type: "integer" },
    noise: { type: "number", "x-section": "algorithm:fit", "x-advanced": true },
    debug: { type: "integer", "x-advanced": true },
    test: { type: "boolean", "x-hidden": true },
  },
};

describe("sections of a form", () => {
  const names = (sections: ReturnType<typeof sectionsOf>["basic"]) =>
    sections.map(({ name, fields }) => [name, ...fields.map((field) => field.name)]);
  const { basic, advanced } = sectionsOf(fieldsOf(schema), schema);

  test("what is in none is first, what is advanced is apart, what is hidden is nowhere", () => {
    expect(names(basic)).toEqual([
      ["", "threads"],
      ["algorithm", "width"],
    ]);
    expect(names(advanced)).toEqual([
      ["", "debug"],
      ["algorithm:fit", "noise"],
    ]);
  });
  test("they say what they are", () => {
    expect(basic.map(({ about }) => about)).toEqual(["", "What finds peaks."]);
    expect(sectionTitle("algorithm:fit")).toBe("algorithm › fit");
  });
  test("a form without sections is one", () =>
    expect(names(sectionsOf(fieldsOf({ properties: { a: {}, b: {} } })).basic)).toEqual([["", "a", "b"]]));
});

describe("formats of files", () => {
  test.each([
    ["a.mzML", true],
    ["a.MZML", true],
    ["a.mzML.gz", true],
    ["a.csv", false],
    ["mzML", false],
    ["amzML", false],
    ["a.gz", false],
  ])("%s", (name, fits) => expect(isOfFormat(name, ["mzML", "mzXML"])).toBe(fits));
  test("none take anything", () => expect(isOfFormat("a.csv", [])).toBe(true));
  test("they are offered with a dot and said without", () => {
    expect(offered({ accept: [".txt"], formats: ["mzML"] })).toBe(".txt,.mzML");
    expect(taken({ accept: [], formats: "abcdefghij".split("") })).toEqual([..."abcdefgh".split(""), "2 more"]);
  });
});
