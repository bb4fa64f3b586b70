import { describe, expect, test } from "vitest";

import { readJson } from "./json";
import { specText } from "./specText";

describe("a spec is shown as people write it", () => {
  test("with units, and only what is set", () => {
    const spec = {
      entry: { kind: "script", file: "main.py" },
      enabled: true,
      target: null,
      timeout: { secs: 3600, nanos: 0 },
      tags: [],
      limits: { cpu: 1.5, memory: 536_870_912, gpus: null },
      retry: { attempts: 2, strategy: { type: "fixed_delay", delay: { secs: 90, nanos: 0 } } },
      soft_limits: { cpu: null },
    };
    expect(specText(spec)).toBe(
      "entry:\n  kind: script\n  file: main.py\nenabled: true\ntimeout: 1h\nlimits:\n  cpu: 1.5\n  memory: 512MiB\nretry:\n  attempts: 2\n  strategy:\n    type: fixed_delay\n    delay: 90s",
    );
  });
  test.each([
    [{ secs: 0, nanos: 250_000_000 }, "250ms"],
    [{ secs: 1, nanos: 500_000_000 }, "1.5s"],
    [{ secs: 86_400, nanos: 0 }, "1d"],
    [{ secs: 0, nanos: 0 }, "0s"],
    [{ secs: 61, nanos: 0 }, "61s"],
  ])("%j is %s", (length, text) => expect(specText({ timeout: length })).toBe(`timeout: ${text}`));
  test("what the writer named stays, numbers too", () => {
    const parameters = readJson(
      '{"parameters":{"properties":{"seed":{"type":"integer","default":9007199254740993,"examples":[null,1.0]},"memory":{"default":1024}}}}',
    );
    expect(specText(parameters)).toBe(
      "parameters:\n  properties:\n    seed:\n      type: integer\n      default: 9007199254740993\n      examples:\n        - null\n        - 1.0\n    memory:\n      default: 1024",
    );
  });
  test("texts that YAML would take for something else are quoted, long ones stand below", () => {
    expect(specText({ description: "a\nb\n", tags: ["yes", "12", "a: b", "plain text"], labels: { x: "" } })).toBe(
      'description: |\n  a\n  b\ntags:\n  - "yes"\n  - "12"\n  - "a: b"\n  - plain text\nlabels:\n  x: ""',
    );
    expect(specText({ cells: [{ name: "a", retries: 1 }] })).toBe("cells:\n  - name: a\n    retries: 1");
  });
  test("nothing set is said", () => expect(specText({ target: null })).toBe("# Nothing but defaults."));
});
