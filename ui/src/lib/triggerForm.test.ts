import { expect, test } from "vitest";

import type { PipelineTriggerView, SetTrigger } from "../api/types";
import { fieldsOf } from "./schema/fields";
import { bodyOf, commandOf, placeOf, writtenOf, wrongIn, type WrittenTrigger } from "./triggerForm";

const FIELDS = fieldsOf({ properties: { name: { type: "string", default: "none" }, size: { type: "integer" } } });
const EMPTY = writtenOf(null, FIELDS);
const written = (more: Partial<WrittenTrigger>): WrittenTrigger => ({ ...EMPTY, id: "inbox", ...more });
const view = (trigger: SetTrigger): PipelineTriggerView => ({
  pipeline: "load",
  id: "inbox",
  kind: "files",
  source: "made",
  waits_for: "",
  trigger,
});

test("a form is filled with what a trigger says, and says it again", () => {
  const files: SetTrigger = {
    files: "/in/*.csv",
    interval: "30s",
    settle: "10s",
    existing: "skip",
    each: "batch",
    input: "table",
    parameters: { name: "${files[0].name}", size: 3, more: true } as unknown as Record<string, never>,
    enabled: false,
  };
  const form = writtenOf(view(files), FIELDS);
  expect(form).toMatchObject({ kind: "files", interval: "", settle: "10s", values: { name: "${files[0].name}", size: "3" } });
  expect(bodyOf(form, FIELDS, files.enabled)).toEqual({ ...files, interval: null, existing: null, when: null, schedule: null });
  const after = writtenOf(view({ after: ["a", "b"], on: "end", key: "${run.due}" }), FIELDS);
  expect(bodyOf(after, FIELDS)).toEqual({
    after: ["a", "b"],
    on: "end",
    key: "${run.due}",
    within: null,
    when: null,
    schedule: null,
    parameters: {},
  });
  expect(writtenOf(view({ sensor: "check" }), FIELDS)).toMatchObject({ kind: "sensor", sensor: "check" });
});

test("what belongs to another kind is not sent", () => {
  const body = bodyOf(written({ kind: "sensor", sensor: "check", files: "/in/*", after: ["a"], key: "x" }), FIELDS);
  expect(body).toEqual({ sensor: "check", when: null, schedule: null, parameters: {} });
});

test("what cannot be is known before it is sent", () => {
  expect(wrongIn(EMPTY, FIELDS, [])).toMatchObject({ id: "is required", files: "is required" });
  expect(wrongIn(written({ files: "in/*.csv" }), FIELDS, ["inbox"])).toMatchObject({
    id: expect.stringContaining("is taken") as string,
    files: expect.stringContaining("absolute path") as string,
  });
  expect(wrongIn(written({ files: "storage:in/*.csv", id: "a b" }), FIELDS, [])).toEqual({ id: "has up to 64 letters, digits and `-_.`" });
  expect(wrongIn(written({ kind: "sensor" }), FIELDS, [])).toEqual({ sensor: "is required" });
  expect(wrongIn(written({ kind: "after" }), FIELDS, [])).toEqual({ after: "names at least one pipeline" });
  const values = { name: "x", size: "many" };
  expect(Object.keys(wrongIn(written({ files: "/in/*", values, others: "[1]" }), FIELDS, []))).toEqual([
    "/parameters/size",
    "/parameters/",
  ]);
});

test("a terminal can do the same", () => {
  const files = written({
    files: "/in/*.csv",
    input: "table",
    each: "batch",
    settle: "1m",
    values: { name: "${files[0].name}", size: "" },
  });
  expect(commandOf(files, FIELDS, "load")).toBe(
    "rigi triggers set load/inbox --files '/in/*.csv' --input table --each batch --settle 1m -p 'name=${files[0].name}'",
  );
  const after = written({ kind: "after", after: ["a", "b"], key: "${run.due}", when: "key != ''" });
  expect(commandOf(after, FIELDS, "load")).toBe(
    "rigi triggers set load/inbox --after a --after b --key '${run.due}' --when 'key != '\\'''\\'''",
  );
  expect(commandOf(written({ files: "/in/*", values: { name: "", size: "3" } }), FIELDS, "load")).toBeNull();
});

test("the server's words stand at the field that they are about", () => {
  const files = written({ files: "/in/*" });
  const at = (message: string, pointer = "", form = files) => placeOf(message, pointer, form, FIELDS);
  expect(at("`files` is no pattern of files: it is relative")).toEqual({ place: "files", text: "is no pattern of files: it is relative" });
  expect(at("the folder /in cannot be read", "/files")).toEqual({ place: "files", text: "the folder /in cannot be read" });
  expect(at("`when`: nothing is called `body` here")).toEqual({ place: "when", text: "nothing is called `body` here" });
  expect(at("`parameters.size`: nothing is called `x` here")).toEqual({ place: "/parameters/size", text: "nothing is called `x` here" });
  expect(at("`parameters.other`: no")).toEqual({ place: "/parameters/", text: "`parameters.other`: no" });
  expect(at("`key` is secret, and a trigger is read by others", "/parameters/key")?.place).toBe("/parameters/");
  expect(at("it has one of `files`, `sensor` and `after`")).toBeNull();
  // Of another kind, the form has no such field.
  expect(at("`key` belongs to `after`")).toBeNull();
  const after = written({ kind: "after", after: ["load"] });
  expect(at("`after[0]` is the pipeline itself", "", after)).toEqual({ place: "after", text: "is the pipeline itself" });
});
