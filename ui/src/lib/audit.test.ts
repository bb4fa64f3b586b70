import { describe, expect, it } from "vitest";

import { actorOf, changesOf, deedOf, roleWord } from "./audit";

const names = new Map([
  ["per_ada", "Ada"],
  ["per_bob", "Bob"],
  ["grp_lab", "Lab"],
]);
const line = (action: string, more: Partial<Parameters<typeof deedOf>[0]> = {}) => ({
  actor: "Ada",
  actor_id: "per_ada",
  action,
  subject: "person",
  subject_id: "per_bob",
  result: "done",
  ...more,
});
const said = (...given: Parameters<typeof line>) => deedOf(line(...given), names);

describe("a line of the audit log", () => {
  it("says what became of a role", () => {
    expect(said("members.set", { after: { role: "runner", source: "hand" } })).toBe("made Bob a runner");
    expect(said("members.set", { before: { role: "viewer" }, after: { role: "editor" } })).toBe("changed Bob from viewer to editor");
    expect(said("members.set", { subject_id: "grp_lab", after: { role: "owner" } })).toBe("made Lab an owner");
    expect(said("members.remove", { before: { role: "editor" } })).toBe("took from Bob the role editor");
  });

  it("names nobody whom nobody knows any more", () => {
    expect(said("people.block", { subject_id: "per_01M8MTGONE" })).toBe("blocked the account …GONE");
    expect(said("members.remove", { subject_id: "grp_01M8MTGONE", before: { role: "viewer" } })).toBe(
      "took from the group …GONE the role viewer",
    );
  });

  it("tells invitations by whom they are for", () => {
    expect(said("links.add", { after: { kind: "invitation", mail: "eve@x.org", role: "viewer", uses: 1 } })).toBe(
      "invited eve@x.org as viewer",
    );
    expect(said("links.add", { after: { kind: "invitation", mail: null, role: "runner", uses: 5 } })).toBe(
      "made an invitation for 5 people as runner, for whoever has its link",
    );
    expect(said("links.add", { after: { kind: "reset", person: "per_bob" } })).toBe("made a link with which Bob sets a new password");
  });

  it("tells a sign-in from one that was refused", () => {
    expect(said("session.begin", { after: { way: "password" } })).toBe("signed in with a password");
    expect(said("session.begin", { result: "refused" })).toBe("tried to sign in as Bob and was refused");
    expect(said("session.begin", { result: "refused", subject_id: "unknown" })).toBe("tried to sign in and was refused");
  });

  it("tells groups and tokens by name", () => {
    expect(said("groups.join", { after: { group: "Lab", person: "per_bob" } })).toBe("put Bob into the group Lab");
    expect(said("tokens.add", { after: { of: "per_ada", name: "ci" } })).toBe("made the token “ci”");
    expect(said("tokens.add", { after: { of: "per_bob", name: "ci" } })).toBe("made the token “ci” for Bob");
  });

  it("tells terminals and providers by name", () => {
    expect(said("device.answer", { after: { terminal: "laptop", answer: "allow" } })).toBe("let the terminal laptop in");
    expect(said("device.answer", { after: { terminal: "laptop", answer: "deny" } })).toBe("refused the terminal laptop");
    expect(said("provider.claims", { result: "refused", after: { provider: "keycloak" } })).toBe(
      "was vouched for by keycloak, and has no account here",
    );
  });

  it("tells projects by the name that they had then", () => {
    const project = { subject: "project", subject_id: "lab" };
    expect(said("projects.create", { ...project, after: { name: "lab" } })).toBe("made the project lab");
    expect(said("projects.rename", { ...project, before: { name: "lab" }, after: { name: "air" } })).toBe("renamed the project lab to air");
    expect(said("projects.quota", { ...project, before: { name: "air" }, after: { name: "air" } })).toBe(
      "set the quotas of the project air",
    );
    const settings = { public: true };
    expect(said("projects.public", { ...project, after: { name: "air", settings } })).toBe("showed the project air to everybody");
    expect(said("projects.public", { ...project, after: { name: "air", settings: {} } })).toBe("closed the project air to visitors");
    expect(said("projects.export", project)).toBe("exported the project lab");
    expect(said("projects.forget", { ...project, before: { name: "air" } })).toBe("removed all of the project air");
  });

  it("tells schedules by pipeline and id", () => {
    const schedule = { subject: "schedule", subject_id: "co2/nightly" };
    expect(said("schedules.set", { ...schedule, after: { schedule: {} } })).toBe("set the schedule co2/nightly");
    expect(said("schedules.remove", schedule)).toBe("removed the schedule co2/nightly");
    expect(said("schedules.pause", schedule)).toBe("paused the schedule co2/nightly");
    expect(said("schedules.pause", { ...schedule, after: { why: "the last run failed" } })).toBe(
      "paused the schedule co2/nightly: the last run failed",
    );
    expect(said("schedules.resume", schedule)).toBe("let the schedule co2/nightly go on");
  });

  it("has words for what it does not know", () => {
    expect(said("secrets.rotate", { subject: "secret", subject_id: "sec_1234" })).toBe("secrets.rotate secret 1234");
  });

  it("lists what changed", () => {
    expect(changesOf({ before: { role: "viewer", source: "hand" }, after: { role: "runner", source: "hand", extra: null } })).toEqual([
      { name: "role", before: "viewer", after: "runner", differs: true },
      { name: "source", before: "hand", after: "hand", differs: false },
    ]);
  });

  it("tells an account from what is none", () => {
    expect(["nobody", "server", "link"].map((actor) => actorOf({ actor }))).toEqual(["Somebody", "The server", "link"]);
    expect(["server", "constructor"].map((actor) => actorOf({ actor, actor_id: "per_1" }))).toEqual(["server", "constructor"]);
  });

  it("gives a role its article", () => {
    expect([roleWord("viewer"), roleWord("editor"), roleWord("administrator")]).toEqual(["a viewer", "an editor", "an administrator"]);
  });
});
