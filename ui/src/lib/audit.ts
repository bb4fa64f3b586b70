/** Lines of the audit log as sentences: who did what to whom, from what to what. */
import type { AuditView } from "../api/types";
import { OWN_ACTIONS, ownDeed } from "./auditOwn";
import { plural } from "./format";
import { byWord } from "./people";

/** Names of people and groups by their ids, as far as they are known. */
export type Names = ReadonlyMap<string, string>;
type Line = Pick<AuditView, "actor" | "action" | "subject" | "subject_id" | "result"> & Partial<Pick<AuditView, "actor_id">> & Change;
interface Change {
  before?: unknown;
  after?: unknown;
}
type Facts = Record<string, unknown>;

/** What is done, for the filter of the log. */
export const ACTIONS: readonly { value: string; label: string }[] = [
  { value: "session.begin", label: "Sign-ins" },
  { value: "session.end", label: "Sessions ended" },
  { value: "members.set", label: "Roles given" },
  { value: "members.remove", label: "Roles taken back" },
  { value: "members.ask", label: "Requests to join" },
  { value: "members.refuse", label: "Requests declined" },
  { value: "links.add", label: "Invitations and links made" },
  { value: "links.take", label: "Invitations taken" },
  { value: "links.remove", label: "Links taken back" },
  { value: "tokens.add", label: "Tokens made" },
  { value: "tokens.remove", label: "Tokens taken back" },
  { value: "people.add", label: "Accounts made" },
  { value: "people.rename", label: "Accounts renamed" },
  { value: "people.mail", label: "Mail addresses changed" },
  { value: "people.block", label: "Accounts blocked" },
  { value: "people.unblock", label: "Accounts unblocked" },
  { value: "people.delete", label: "Accounts deleted" },
  { value: "account.password", label: "Passwords set" },
  { value: "account.factor-on", label: "Second factors begun" },
  { value: "account.factor-off", label: "Second factors given up" },
  { value: "account.reset-asked", label: "New passwords asked for" },
  { value: "account.confirm-asked", label: "Confirmations asked for" },
  { value: "account.mail-confirmed", label: "Mail addresses confirmed" },
  { value: "mails.test", label: "Mails sent as tests" },
  { value: "mails.retry", label: "Mails tried again" },
  { value: "account.link", label: "Identities linked" },
  { value: "account.unlink", label: "Identities taken away" },
  { value: "provider.claims", label: "What providers said" },
  { value: "device.answer", label: "Terminals let in or not" },
  { value: "groups.add", label: "Groups made" },
  { value: "groups.rename", label: "Groups renamed" },
  { value: "groups.delete", label: "Groups deleted" },
  { value: "groups.join", label: "People put into groups" },
  { value: "groups.leave", label: "People taken out of groups" },
  { value: "projects.create", label: "Projects made" },
  { value: "projects.rename", label: "Projects renamed" },
  { value: "projects.change", label: "Projects changed" },
  { value: "projects.public", label: "Projects made public, or closed" },
  { value: "projects.export", label: "Projects exported" },
  { value: "projects.import", label: "Projects imported" },
  { value: "projects.quota", label: "Quotas set" },
  { value: "projects.archive", label: "Projects archived" },
  { value: "projects.open", label: "Projects opened again" },
  { value: "projects.delete", label: "Projects deleted" },
  { value: "projects.restore", label: "Projects brought back" },
  { value: "projects.forget", label: "Projects gone" },
  { value: "schedules.set", label: "Schedules made or changed" },
  { value: "schedules.remove", label: "Schedules removed" },
  { value: "schedules.pause", label: "Schedules paused" },
  { value: "schedules.resume", label: "Schedules that go on" },
  ...OWN_ACTIONS,
  { value: "imports.bring", label: "Installations brought here" },
];

/** A role with its article. */
export function roleWord(role: unknown): string {
  const word = String(role);
  return `${/^[aeio]/.test(word) ? "an" : "a"} ${word}`;
}

/** Who did it, as the begin of a sentence. */
export function actorOf({ actor, actor_id }: Pick<AuditView, "actor" | "actor_id">): string {
  if (actor_id != null) return actor;
  const word = byWord(actor);
  if (word === actor) return actor;
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function shortened(id: string): string {
  return id.slice(-4);
}

/** Whom an id stands for; the end of it where nobody knows. */
function nameOf(id: unknown, names: Names): string {
  if (typeof id !== "string" || id === "") return "somebody";
  const kind = id.startsWith("grp_") ? "the group" : "the account";
  return names.get(id) ?? `${kind} …${shortened(id)}`;
}

const facts = (value: unknown): Facts => (typeof value === "object" && value !== null ? (value as Facts) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What somebody did, behind their name. */
export function deedOf(line: Line, names: Names): string {
  const [before, after] = [facts(line.before), facts(line.after)];
  const own = line.actor_id != null && line.actor_id === line.subject_id;
  const whom = nameOf(line.subject_id, names);
  switch (line.action) {
    case "session.begin":
      return line.result === "done" ? `signed in${wayWord(after.way)}` : refusedSignIn(line, names);
    case "session.end":
      return "ended a session";
    case "members.set":
    case "members.remove":
      return memberDeed(before, after, whom);
    case "members.ask":
      return text(after.note) ? `asked to join: “${text(after.note)}”` : "asked to join";
    case "members.refuse":
      return `declined the request of ${whom}`;
    case "links.add":
      return linkDeed(after, names);
    case "links.take":
      return "took an invitation";
    case "links.remove":
      return "took a link back";
    case "tokens.add":
      return `made the token “${text(after.name)}”${after.of === line.actor_id ? "" : ` for ${nameOf(after.of, names)}`}`;
    case "tokens.remove":
      return `took the token “${text(before.name)}” back`;
    case "account.password":
      return own ? "set a new password" : `set a new password for ${whom}`;
    case "account.factor-on":
      return "took a second factor into use";
    case "account.factor-off":
      return "gave the second factor up";
    case "account.reset-asked":
      return line.result === "done"
        ? `asked for a new password for ${whom}`
        : "asked for a new password of an account that is not there, or has none";
    case "account.confirm-asked":
      return "asked for a mail that confirms the address";
    case "account.mail-confirmed":
      return `confirmed the mail address ${text(after.mail)}`;
    case "imports.bring":
      return `brought an installation of ${line.subject_id === "fast-flow" ? "Fast-Flow" : line.subject_id} here`;
    case "mails.test":
      return `sent a mail to ${text(after.to)} as a test`;
    case "mails.retry":
      return "had a mail tried again";
    case "account.link":
      return `linked an identity at ${text(after.issuer)}`;
    case "account.unlink":
      return `took an identity at ${text(before.issuer)} away`;
    case "provider.claims":
      return `was vouched for by ${text(after.provider)}${line.result === "done" ? "" : ", and has no account here"}`;
    case "device.answer":
      return after.answer === "deny" ? `refused the terminal ${text(after.terminal)}` : `let the terminal ${text(after.terminal)} in`;
    default:
      if (line.action.startsWith("schedules.")) return scheduleDeed(line, text(after.why));
      if (line.action.startsWith("projects.")) return projectDeed(line);
      return line.action.startsWith("groups.") ? groupDeed(line, names) : personDeed(line, whom);
  }
}

function refusedSignIn(line: Line, names: Names): string {
  return line.subject_id === "unknown"
    ? "tried to sign in and was refused"
    : `tried to sign in as ${nameOf(line.subject_id, names)} and was refused`;
}

function wayWord(way: unknown): string {
  const words: Record<string, string> = {
    password: " with a password",
    link: " by a link",
    provider: " by a provider",
    device: " in a terminal",
  };
  return words[text(way)] ?? "";
}

function memberDeed(before: Facts, after: Facts, whom: string): string {
  if (after.role === undefined) return `took from ${whom} the role ${text(before.role)}`;
  if (before.role === undefined || before.role === after.role) return `made ${whom} ${roleWord(after.role)}`;
  return `changed ${whom} from ${text(before.role)} to ${text(after.role)}`;
}

function linkDeed(after: Facts, names: Names): string {
  if (after.kind === "invitation") {
    const many = typeof after.uses === "number" && after.uses > 1 ? ` for ${plural(after.uses, "person", "people")}` : "";
    const as = after.role == null ? "" : ` as ${text(after.role)}`;
    return after.mail ? `invited ${text(after.mail)}${as}` : `made an invitation${many}${as}, for whoever has its link`;
  }
  if (after.kind === "reset") {
    return `made a link with which ${nameOf(after.person, names)} sets a new password${after.mailed === true ? ", and had it mailed" : ""}`;
  }
  if (after.kind === "confirm") return `made a link that confirms the mail address of ${nameOf(after.person, names)}`;
  if (after.kind === "sign-in") return `made a link that signs ${nameOf(after.person, names)} in`;
  return "made the link for the first administrator";
}

function groupDeed(line: Line, names: Names): string {
  const [before, after] = [facts(line.before), facts(line.after)];
  switch (line.action) {
    case "groups.add":
      return `made the group ${text(after.name)}`;
    case "groups.rename":
      return `renamed the group ${text(before.name)} to ${text(after.name)}`;
    case "groups.delete":
      return `deleted the group ${text(before.name)}`;
    case "groups.join":
      return `put ${nameOf(after.person, names)} into the group ${text(after.group)}`;
    case "groups.leave":
      return `took ${nameOf(before.person, names)} out of the group ${text(before.group)}`;
    default:
      return plainDeed(line);
  }
}

function scheduleDeed({ action, subject_id }: Line, why: string): string {
  const which = `the schedule ${subject_id}`;
  switch (action) {
    case "schedules.set":
      return `set ${which}`;
    case "schedules.remove":
      return `removed ${which}`;
    case "schedules.pause":
      return `paused ${which}${why && `: ${why}`}`;
    default:
      return `let ${which} go on`;
  }
}

function projectDeed(line: Line): string {
  const [before, after] = [facts(line.before), facts(line.after)];
  const name = `the project ${text(after.name) || text(before.name) || line.subject_id}`;
  switch (line.action) {
    case "projects.create":
      return `made ${name}`;
    case "projects.rename":
      return `renamed the project ${text(before.name)} to ${text(after.name)}`;
    case "projects.change":
      return `changed ${name}`;
    case "projects.public":
      return facts(after.settings).public === true ? `showed ${name} to everybody` : `closed ${name} to visitors`;
    case "projects.export":
      return `exported ${name}`;
    case "projects.import":
      return `imported ${name}`;
    case "projects.quota":
      return `set the quotas of ${name}`;
    case "projects.archive":
      return `archived ${name}`;
    case "projects.open":
      return `opened ${name} again`;
    case "projects.delete":
      return `deleted ${name}`;
    case "projects.restore":
      return `brought ${name} back`;
    case "projects.forget":
      return `removed all of ${name}`;
    default:
      return plainDeed(line);
  }
}

function personDeed(line: Line, whom: string): string {
  const [before, after] = [facts(line.before), facts(line.after)];
  switch (line.action) {
    case "people.add":
      if (text(after.name) === line.actor) return "made this account";
      return `made the ${after.kind === "service" ? "service account" : "account"} ${text(after.name)}`;
    case "people.rename":
      return `renamed ${text(before.name)} to ${text(after.name)}`;
    case "people.mail":
      return `changed the mail address of ${whom} from ${text(before.mail) || "none"} to ${text(after.mail) || "none"}`;
    case "people.block":
      return `blocked ${whom}`;
    case "people.unblock":
      return `unblocked ${whom}`;
    case "people.delete":
      return `deleted the account ${text(before.name)}`;
    default:
      return plainDeed(line);
  }
}

/** Of actions that this page does not know. */
function plainDeed(line: Line): string {
  return (
    ownDeed(line.action, line.subject_id, text(facts(line.after).commit)) ?? `${line.action} ${line.subject} ${shortened(line.subject_id)}`
  );
}

/** Facts of a change as lines: what is in only one of both, or differs, is marked. */
export function changesOf(line: Change): { name: string; before: string; after: string; differs: boolean }[] {
  const [before, after] = [facts(line.before), facts(line.after)];
  const shown = (value: unknown) =>
    value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((name) => ({ name, before: shown(before[name]), after: shown(after[name]), differs: shown(before[name]) !== shown(after[name]) }))
    .filter((change) => change.before !== "" || change.after !== "");
}
