import { expect, test } from "vitest";

import { rerunCommand, runCommand } from "./command";
import { apiPath, canonicalPath, counterpart, findOwn, pagePath, projectOf, renamedPath } from "./project";

test("the address says the project, and the default's says none", () => {
  expect(projectOf("/projects/air-quality/runs/run_1")).toBe("air-quality");
  expect(projectOf("/projects/air-quality")).toBe("air-quality");
  expect(projectOf("/projects/air%20quality/")).toBe("air quality");
  expect(projectOf("/projects/100%/runs")).toBe("100%");
  for (const path of ["/", "/runs", "/pipelines/projects", "/projects", "/projects/", "/x/projects/lab"]) {
    expect(projectOf(path), path).toBe("default");
  }
  expect(pagePath("/runs", "air-quality")).toBe("/projects/air-quality/runs");
  expect(pagePath("/", "air-quality")).toBe("/projects/air-quality/");
  expect(pagePath("/runs", "default")).toBe("/runs");
  expect(pagePath("/", "a b/..")).toBe("/projects/a%20b%2F../");
});

test("the default's address is written without it", () => {
  expect(canonicalPath("/projects/default/runs/run_1")).toBe("/runs/run_1");
  expect(canonicalPath("/projects/default")).toBe("/");
  expect(canonicalPath("/projects/default/")).toBe("/");
  for (const path of ["/", "/runs", "/projects", "/projects/", "/projects/default-2/runs", "/projects/lab/runs"]) {
    expect(canonicalPath(path), path).toBe(path);
  }
});

test("what a project has of its own is asked for below it, and nothing else is", () => {
  for (const path of [
    "runs",
    "runs/run_1/log?from=1",
    "runs?state=failed",
    "pipelines/a/code/b/c.py",
    "uploads?name=x",
    "events",
    "events?usage=1",
    "schedules/a/nightly/explain",
    "fires?pipeline=a",
    "secrets",
    "secrets/API_KEY",
    "requests/per_1",
  ]) {
    expect(apiPath(`/api/v1/${path}`, "lab")).toBe(`/api/v1/projects/lab/${path}`);
    expect(apiPath(`/api/v1/${path}`, "default")).toBe(`/api/v1/${path}`);
  }
  for (const path of [
    "/api/v1/system",
    "/api/v1/projects",
    "/api/v1/projects/lab/runs",
    "/api/v1/environments/runs/log",
    "/api/v1/runsheet",
    "/docs",
  ]) {
    expect(apiPath(path, "lab"), path).toBe(path);
  }
  // Names cannot lead out of their place, wherever they come from.
  expect(apiPath("/api/v1/runs", "../x?y")).toBe("/api/v1/projects/..%2Fx%3Fy/runs");
  expect(apiPath("/api/v1/runs", "$&")).toBe("/api/v1/projects/%24%26/runs");
});

test("another project shows the same kind of page, and the list of what only this one may have", () => {
  expect(counterpart("/runs", "lab")).toBe("/projects/lab/runs");
  expect(counterpart("/projects/lab/runs/run_1", "default")).toBe("/runs");
  expect(counterpart("/projects/lab/pipelines/a/start", "field")).toBe("/projects/field/pipelines");
  expect(counterpart("/projects/lab/settings", "field")).toBe("/projects/field/settings");
  expect(counterpart("/", "lab")).toBe("/projects/lab/");
  expect(counterpart("/projects/lab", "default")).toBe("/");
  expect(counterpart("/nowhere", "lab")).toBe("/projects/lab/");
});

test("commands name the project where it is not the default", () => {
  expect(runCommand({ pipeline: "a", parameters: { b: 1 }, project: "lab" })).toBe("rigi run a -p b=1 --project lab");
  expect(runCommand({ pipeline: "a", parameters: {}, project: "default" })).toBe("rigi run a");
  expect(rerunCommand({ run: "7Q2A", parameters: {}, code: "same", project: "lab" })).toBe("rigi runs rerun 7Q2A --project lab");
});

test("a page knows its project by its id, whatever it is called, and whoever else takes its name", () => {
  expect(findOwn([{ id: "lab", name: "lab" }])).toBeNull();
  expect(findOwn([{ id: "default", name: "default" }])).toMatchObject({ id: "default" });
  const later = [
    { id: "other", name: "default" },
    { id: "default", name: "first" },
  ];
  expect(findOwn(later)).toMatchObject({ name: "first" });
  expect(findOwn(later.slice(0, 1))).toBeNull();
});

test("an address goes on where its project is called otherwise", () => {
  expect(renamedPath("/projects/lab/runs/run_1", "air")).toBe("/projects/air/runs/run_1");
  expect(renamedPath("/projects/lab", "air")).toBe("/projects/air/");
  expect(renamedPath("/projects/lab/runs", "default")).toBe("/runs");
});
