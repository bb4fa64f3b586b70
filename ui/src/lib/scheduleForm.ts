/** What is written in the form of a schedule, what of it cannot be, and how it is sent. */
import type { ScheduleView, SetSchedule } from "../api/types";
import { saidBy, type Said } from "./schedule";
import { isZone, momentOf, ownZone, wallTime } from "./zones";

export type Kind = "cron" | "interval" | "once";

export interface Written {
  pipeline: string;
  id: string;
  kind: Kind;
  cron: string;
  interval: string;
  /** By the clock of its zone. */
  once: string;
  timezone: string;
  /** `queue`, `skip`, `replace`, `allow`. */
  overlap: string;
  /** `skip`, `latest`, `all`. */
  catchUp: string;
  /** How many are made up for. */
  catchUpMost: string;
  startWithin: string;
  jitter: string;
  stopAfter: string;
}

/** Where the server's fields stand in the form. */
const PLACES: Readonly<Record<string, keyof Written>> = {
  id: "id",
  cron: "cron",
  interval: "interval",
  once_at: "once",
  timezone: "timezone",
  overlap: "overlap",
  catch_up: "catchUp",
  start_within: "startWithin",
  jitter: "jitter",
  stop_after: "stopAfter",
};

/** What the server goes by where nothing is told. */
const UNTOLD = { overlap: "queue", catchUp: "latest" };

/** A form that is new, or filled with what a schedule says. */
export function writtenOf(view: ScheduleView | null, pipeline: string): Written {
  const said: Said = view ? saidBy(view) : {};
  const timezone = said.timezone ?? (view ? "UTC" : ownZone());
  const most = /^all\((\d+)\)$/.exec(said.catch_up ?? "")?.[1];
  return {
    pipeline,
    id: view?.id ?? "",
    kind: said.interval !== undefined ? "interval" : said.once_at !== undefined ? "once" : "cron",
    cron: said.cron ?? "",
    interval: said.interval ?? "",
    once: isZone(timezone) ? wallTime(said.once_at, timezone) : "",
    timezone,
    overlap: said.overlap ?? UNTOLD.overlap,
    catchUp: most === undefined ? (said.catch_up ?? UNTOLD.catchUp) : "all",
    catchUpMost: most ?? "100",
    startWithin: said.start_within ?? "",
    jitter: said.jitter ?? "",
    stopAfter: said.stop_after === undefined ? "" : String(said.stop_after),
  };
}

const told = (text: string): string | null => text.trim() || null;

/** As it is sent. What the form does not show stays as it was. */
export function bodyOf(written: Written, parameters: Record<string, unknown>, before: Said = {}): SetSchedule {
  const { kind } = written;
  return {
    cron: kind === "cron" ? written.cron.trim() : null,
    interval: kind === "interval" ? written.interval.trim() : null,
    once_at: kind === "once" ? momentOf(written.once, written.timezone) : null,
    timezone: kind === "interval" ? null : told(written.timezone),
    overlap: written.overlap === UNTOLD.overlap && before.overlap === undefined ? null : written.overlap,
    catch_up: catchUpOf(written, before),
    start_within: told(written.startWithin),
    jitter: told(written.jitter),
    stop_after: written.stopAfter.trim() === "" ? null : Number(written.stopAfter),
    parameters,
    labels: before.labels ?? {},
    target: before.target ?? null,
    start: before.start ?? null,
    end: before.end ?? null,
  };
}

function catchUpOf({ catchUp, catchUpMost }: Written, before: Said): string | null {
  if (catchUp === "all") return `all(${catchUpMost.trim()})`;
  return catchUp === UNTOLD.catchUp && before.catch_up === undefined ? null : catchUp;
}

export type Wrong = Partial<Record<keyof Written, string>>;

/** What cannot be, in words that follow the field's name; `taken` are the ids that the pipeline has. */
export function wrongIn(written: Written, taken: readonly string[], now: number): Wrong {
  const wrong: Wrong = {};
  if (written.pipeline === "") wrong.pipeline = "is required";
  if (written.id === "") wrong.id = "is required";
  else if (!/^[\w.-]{1,64}$/.test(written.id)) wrong.id = "has up to 64 letters, digits and `-_.`";
  else if (taken.includes(written.id)) wrong.id = `is taken: ${written.pipeline} has a schedule \`${written.id}\``;
  if (written.kind === "cron" && written.cron.trim() === "") wrong.cron = "is required";
  if (written.kind === "interval" && written.interval.trim() === "") wrong.interval = "is required";
  if (written.kind === "once") {
    const at = isZone(written.timezone) ? Date.parse(momentOf(written.once, written.timezone)) : Number.NaN;
    if (written.once === "") wrong.once = "is required";
    else if (at <= now) wrong.once = "has passed";
  }
  if (written.kind !== "interval" && written.timezone === "") wrong.timezone = "is required";
  if (written.stopAfter.trim() !== "" && !/^\s*[1-9]\d{0,3}\s*$/.test(written.stopAfter))
    wrong.stopAfter = "is a whole number from 1 to 1,000";
  if (written.catchUp === "all" && !/^\s*[1-9]\d{0,3}\s*$/.test(written.catchUpMost)) wrong.catchUp = "is a whole number from 1 to 1,000";
  return wrong;
}

/** Which field the server means, and its words without the field's name; null: none of them. */
export function placeOf(message: string, pointer = ""): { field: keyof Written; text: string } | null {
  const named = /^`(\w+)`:? ([\s\S]*)$/.exec(message);
  const field = PLACES[named?.[1] ?? ""] ?? PLACES[pointer.replace(/^\//, "")];
  if (field) return { field, text: named ? (named[2] ?? message) : message };
  // It says so of the schedule, and means its days.
  return /never comes/.test(message) ? { field: "cron", text: message.replace(/^the schedule `[^`]*` /, "") } : null;
}
