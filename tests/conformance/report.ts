/** What every target did in every scenario: a file for programs, a table for people, and a verdict on what differs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

import { repository } from "../support/places";
import { known } from "./differences";
import type { Place, Seen, Target } from "./scenario";
import { scenarios } from "./scenarios";

const name = process.env.CONFORMANCE_THIRD === "1" ? "conformance-third" : "conformance";
export const REPORT = join(repository, `target/reports/${name}.json`);

interface Row {
  scenario: string;
  target: Target;
  storage: string;
  result: "passed" | "failed" | "skipped";
  seconds: number;
  difference: Difference[] | null;
}

interface Difference {
  what: string;
  process: unknown;
  here: unknown;
  /** Why it may be. */
  reason: string | null;
}

interface Played {
  place: Place;
  result: TestResult;
  seen: Seen | undefined;
}

/** Where two values differ: the paths of the smallest parts that do. */
export function differences(one: unknown, other: unknown, path = ""): { what: string; process: unknown; here: unknown }[] {
  if (JSON.stringify(one) === JSON.stringify(other)) return [];
  const both = typeof one === "object" && typeof other === "object" && one !== null && other !== null && Array.isArray(one) === Array.isArray(other);
  const texts = Array.isArray(one) && [one, other].flat().every((part) => typeof part === "string");
  if (!both || texts) return [{ what: path, process: one ?? null, here: other ?? null }];
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return keys.flatMap((key) => differences(left[key], right[key], path ? `${path}.${key}` : key));
}

export default class Report implements Reporter {
  private readonly played = new Map<string, Map<string, Played>>();

  onTestEnd(test: TestCase, result: TestResult): void {
    const place = test.parent.project()?.use as unknown as { place: Place } | undefined;
    if (!place) return;
    const attached = result.attachments.find((one) => one.name === "seen")?.body;
    const seen = attached ? (JSON.parse(attached.toString()) as Seen) : undefined;
    const row = this.played.get(test.title) ?? new Map<string, Played>();
    // A second try counts instead of the first.
    row.set(`${place.place.target} ${place.place.storage}`, { place: place.place, result, seen });
    this.played.set(test.title, row);
  }

  async onEnd(): Promise<{ status?: FullResult["status"] } | undefined> {
    const rows: Row[] = [];
    for (const [scenario, row] of this.played) {
      for (const { place, result, seen } of row.values()) {
        const first = row.get(`process ${place.storage}`)?.seen;
        const found = first && seen && place.target !== "process" ? differences(first, seen) : [];
        const difference = found.map((one) => ({ ...one, reason: reasonOf(scenario, place.target, one.what) }));
        const outcome = result.status === "passed" ? "passed" : result.status === "skipped" ? "skipped" : "failed";
        const unlisted = difference.some((one) => one.reason === null);
        rows.push({
          scenario,
          target: place.target,
          storage: place.storage,
          result: outcome === "passed" && unlisted ? "failed" : outcome,
          seconds: Math.round(result.duration / 100) / 10,
          difference: difference.length > 0 ? difference : null,
        });
      }
    }
    if (rows.length === 0) return undefined;
    const order = new Map(scenarios.map((scenario, index) => [scenario.name, index]));
    rows.sort((a, b) => (order.get(a.scenario) ?? 0) - (order.get(b.scenario) ?? 0));
    mkdirSync(dirname(REPORT), { recursive: true });
    writeFileSync(REPORT, `${JSON.stringify(rows, null, 1)}\n`);
    print(rows);
    return rows.some((row) => row.result === "failed") ? { status: "failed" } : undefined;
  }

  printsToStdio(): boolean {
    return true;
  }
}

function reasonOf(scenario: string, target: Target, what: string): string | null {
  const fits = known.find((one) => (one.scenario === scenario || one.scenario === "*") && one.target === target && (what === one.what || what.startsWith(`${one.what}.`)));
  return fits?.reason ?? null;
}

function print(rows: Row[]): void {
  // The yardstick first, whatever was played first.
  const far = (column: string): number => (column.startsWith("process") ? 0 : 1);
  const columns = [...new Set(rows.map((row) => `${row.target} ${row.storage}`))].sort((a, b) => far(a) - far(b));
  const names = [...new Set(rows.map((row) => row.scenario))];
  const width = Math.max(...names.map((name) => name.length));
  const cell = (row: Row | undefined): string => {
    if (!row || row.result === "skipped") return "–";
    const marked = row.result === "passed" ? (row.difference ? "ok*" : "ok") : "FAILED";
    return `${marked.padEnd(7)}${row.seconds.toFixed(1).padStart(6)} s`;
  };
  const wide = (column: string): number => Math.max(16, column.length + 2);
  console.log(`\n${"".padEnd(width)}  ${columns.map((column) => column.padEnd(wide(column))).join("")}`);
  for (const name of names) {
    const cells = columns.map((column) => cell(rows.find((row) => row.scenario === name && `${row.target} ${row.storage}` === column)).padEnd(wide(column)));
    console.log(`${name.padEnd(width)}  ${cells.join("")}`.trimEnd());
  }
  const different = rows.filter((row) => row.difference);
  if (different.length > 0) console.log("\ndifferences from `process`:");
  for (const row of different) {
    for (const one of row.difference ?? []) {
      const why = one.reason ?? `NOT LISTED: ${short(one.process)} there, ${short(one.here)} here`;
      console.log(`  ${row.scenario}, ${row.target} ${row.storage}, ${one.what}: ${why}`);
    }
  }
  const bad = rows.filter((row) => row.result === "failed").length;
  console.log(`conformance: ${rows.filter((row) => row.result === "passed").length} passed, ${bad} failed, ${rows.filter((row) => row.result === "skipped").length} not of this target\n`);
}

function short(value: unknown): string {
  const all = JSON.stringify(value);
  return all.length > 300 ? `${all.slice(0, 300)}…` : all;
}
