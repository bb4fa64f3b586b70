/** Notices in words: what is told, by which kind of channel, and what is written in the form of a rule. */
import type { NoticeView, RuleView, SetRule } from "../api/types";
import { inProject, quote } from "./command";

export interface Told {
  value: string;
  /** Of a rule: "tells of …". */
  word: string;
  help: string;
}

/** What a rule may tell of, in the order of a form. */
export const TOLD: readonly Told[] = [
  { value: "failed", word: "failed", help: "A run failed, and is not tried again: once, until its pipeline succeeds." },
  { value: "recovered", word: "recovered", help: "A pipeline that had failed has succeeded." },
  { value: "succeeded", word: "succeeded", help: "A run succeeded." },
  { value: "slow", word: "slow", help: "A run took more than twice what it takes as a rule, and more than 5 s." },
  { value: "missed", word: "missed", help: "A due time was missed." },
  { value: "waiting", word: "waiting", help: "A run waits too long." },
  { value: "stopped", word: "stopped", help: "A schedule was paused by its `stop_after`." },
  { value: "soft-limit", word: "soft limit", help: "A run uses more than its `soft_limits`." },
  { value: "storage", word: "storage", help: "Nine tenths of what may be stored are used." },
  { value: "approval", word: "approval", help: "A step of a flow waits for an answer." },
  { value: "vulnerable", word: "vulnerable", help: "Packages have known vulnerabilities." },
  { value: "sync", word: "sync", help: "A repository cannot be synchronised." },
];

const OTHERS: Readonly<Record<string, string>> = { sent: "by a program", test: "a test" };

export function toldWord(kind: string): string {
  return TOLD.find(({ value }) => value === kind)?.word ?? OTHERS[kind] ?? kind;
}

/** Trouble of one kind, as a heading says it of a pipeline. */
const TROUBLES: Readonly<Record<string, string>> = {
  failed: "fails",
  missed: "misses due times",
  waiting: "waits",
  stopped: "was stopped",
  slow: "is slow",
  "soft-limit": "uses more than its soft limits",
  storage: "is nearly full",
  vulnerable: "has vulnerable packages",
  sync: "cannot be synchronised",
  approval: "asks for an answer",
};

export function troubleWord(kind: string): string {
  return TROUBLES[kind] ?? toldWord(kind);
}

export interface ChannelKind {
  value: string;
  name: string;
  /** What its field is called. */
  target: string;
  placeholder: string;
  help: string;
}

export const CHANNELS: readonly ChannelKind[] = [
  {
    value: "mail",
    name: "Mail",
    target: "Addresses",
    placeholder: "ada@example.org, bob@example.org",
    help: "Commas between them, 50 at most.",
  },
  {
    value: "slack",
    name: "Slack",
    target: "Address",
    placeholder: "https://hooks.slack.com/services/…",
    help: "Of an incoming webhook of Slack, Mattermost or Rocket.Chat.",
  },
  {
    value: "teams",
    name: "Microsoft Teams",
    target: "Address",
    placeholder: "https://….logic.azure.com/workflows/…",
    help: "Of a workflow: “When a Teams webhook request is received”.",
  },
  {
    value: "discord",
    name: "Discord",
    target: "Address",
    placeholder: "https://discord.com/api/webhooks/…",
    help: "Of a webhook of Discord.",
  },
  {
    value: "ntfy",
    name: "ntfy",
    target: "Address",
    placeholder: "https://ntfy.sh/a-topic-that-nobody-guesses",
    help: "It ends with the topic.",
  },
  {
    value: "webhook",
    name: "Signed webhook",
    target: "Address",
    placeholder: "https://example.org/hooks",
    help: "JSON is sent there, signed by Standard Webhooks; the secret is shown when it is set.",
  },
];

export function channelKind(value: string): ChannelKind {
  return CHANNELS.find((kind) => kind.value === value) ?? { value, name: value, target: "Address", placeholder: "", help: "" };
}

/** What a rule tells, in one line: "failed, recovered of etl-*". */
export function tellsOf({ on, pipelines = [] }: Pick<SetRule, "on" | "pipelines">): string {
  const of = pipelines.length > 0 ? ` of ${pipelines.join(", ")}` : "";
  return `${on.map(toldWord).join(", ")}${of}`;
}

/** When a rule tells it: "within 60s together, not from 22:00 to 07:00 (Europe/Zurich)". */
export function tellsWhen({ digest, quiet }: Pick<SetRule, "digest" | "quiet">): string {
  const parts = [
    digest ? `what comes within ${digest} together` : "at once",
    quiet ? `not from ${quiet.from} to ${quiet.to}, ${quiet.zone ?? "UTC"}` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

/** What a rule says, as it is sent again. */
export function againRule(rule: RuleView): SetRule {
  const { name: _name, made_at: _at, made_by: _by, ...said } = rule;
  return said;
}

/** How a word stands: its shape is that of a state of runs. */
export function noticeState({ state, error }: Pick<NoticeView, "state" | "error">): { word: string; shape: string } {
  if (state === "sent") return { word: "Sent", shape: "succeeded" };
  if (state === "dead") return { word: "Given up", shape: "failed" };
  return error ? { word: "Tried again", shape: "retrying" } : { word: "Waiting", shape: "queued" };
}

export interface WrittenRule {
  name: string;
  on: readonly string[];
  channels: readonly string[];
  pipelines: readonly string[];
  digest: string;
  quietFrom: string;
  quietTo: string;
  zone: string;
  waitingAfter: string;
  template: string;
}

export function writtenRule(rule: RuleView | null, zone: string, channels: readonly string[]): WrittenRule {
  return {
    name: rule?.name ?? "",
    on: rule?.on ?? ["failed", "recovered"],
    channels: rule?.channels ?? channels,
    pipelines: rule?.pipelines ?? [],
    digest: rule?.digest ?? "",
    quietFrom: rule?.quiet?.from ?? "",
    quietTo: rule?.quiet?.to ?? "",
    zone: rule?.quiet ? (rule.quiet.zone ?? "UTC") : zone,
    waitingAfter: rule?.waiting_after ?? "",
    template: rule?.template ?? "",
  };
}

export function wrongRule(written: WrittenRule, taken: readonly string[]): Partial<Record<keyof WrittenRule, string>> {
  const wrong: Partial<Record<keyof WrittenRule, string>> = {};
  if (written.name === "") wrong.name = "is required";
  else if (!/^[\w.-]{1,64}$/.test(written.name)) wrong.name = "has up to 64 letters, digits and `-_.`";
  else if (taken.includes(written.name)) wrong.name = "is taken: there is a rule of this name";
  if (written.on.length === 0) wrong.on = "says nothing: choose what is told";
  if (written.channels.length === 0) wrong.channels = "says nobody: choose one at least";
  if ((written.quietFrom === "") !== (written.quietTo === "")) wrong.quietFrom = "has a begin and an end, or neither";
  return wrong;
}

export function ruleBody(written: WrittenRule, paused: boolean): SetRule {
  const quiet = written.quietFrom === "" ? null : { from: written.quietFrom, to: written.quietTo, zone: written.zone };
  return {
    on: [...written.on],
    channels: [...written.channels],
    pipelines: [...written.pipelines],
    digest: written.digest.trim() || null,
    quiet,
    waiting_after: (written.on.includes("waiting") && written.waitingAfter.trim()) || null,
    template: written.template.trim() === "" ? null : written.template,
    paused,
  };
}

/** The same in a terminal. */
export function ruleCommand(written: WrittenRule): string {
  const { digest, quiet, waiting_after, template } = ruleBody(written, false);
  const words = ["rigi", "notices", "rule", quote(written.name || "NAME")];
  if (written.on.length > 0) words.push("--on", written.on.join(","));
  for (const channel of written.channels) words.push("--channel", quote(channel));
  for (const pipeline of written.pipelines) words.push("--pipeline", quote(pipeline));
  if (digest) words.push("--digest", quote(digest));
  if (quiet) words.push("--quiet-hours", `${quiet.from}-${quiet.to}`, "--zone", quote(quiet.zone ?? "UTC"));
  if (waiting_after) words.push("--waiting-after", quote(waiting_after));
  if (template) words.push("--template", quote(template));
  return inProject(words.join(" "));
}

const PLACES: Readonly<Record<string, keyof WrittenRule>> = {
  name: "name",
  on: "on",
  channels: "channels",
  pipelines: "pipelines",
  digest: "digest",
  quiet: "quietFrom",
  waiting_after: "waitingAfter",
  template: "template",
};

/** Which field the server means. */
export function rulePlace(pointer: string): keyof WrittenRule | undefined {
  return PLACES[pointer.split("/")[1] ?? ""];
}
