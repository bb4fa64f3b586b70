import { describe, expect, it } from "vitest";

import { rightsOf, roleIn } from "./rights";

const nobody = { id: "per_1", administrator: false, roles: [] };

describe("rights", () => {
  it("take the strongest role that counts in a project", () => {
    const standing = { ...nobody, everywhere: "viewer", roles: [{ project: "lab", role: "editor" }] };
    expect(roleIn(standing, "lab")).toBe("editor");
    expect(roleIn(standing, "other")).toBe("viewer");
    expect(roleIn(nobody, "lab")).toBeNull();
  });

  it("grow with the role", () => {
    const of = (role: string) => rightsOf({ ...nobody, roles: [{ project: "lab", role }] }, "lab");
    expect(of("viewer")).toMatchObject({ run: false, manage: false, administer: false });
    expect(of("runner")).toMatchObject({ run: true, manage: false });
    expect(of("editor")).toMatchObject({ run: true, manage: false });
    expect(of("owner")).toMatchObject({ run: true, edit: true, manage: true, administer: false });
  });

  it("are those of an owner for an administrator, and all of them for one person alone", () => {
    expect(rightsOf({ ...nobody, administrator: true, everywhere: "owner" }, "lab")).toEqual({
      people: true,
      role: "owner",
      run: true,
      start: true,
      archived: false,
      edit: true,
      manage: true,
      administer: true,
      visitor: false,
    });
    expect(rightsOf({ administrator: true, everywhere: "owner", roles: [] }, "lab").people).toBe(false);
    expect(rightsOf(undefined, "lab")).toMatchObject({ people: false, run: true });
  });

  it("start nothing in what is archived, and keep the rest", () => {
    const owner = { ...nobody, roles: [{ project: "lab", role: "owner" }] };
    expect(rightsOf(owner, "lab", true)).toMatchObject({ run: true, start: false, archived: true, manage: true });
    expect(rightsOf(undefined, "lab", true)).toMatchObject({ run: true, start: false });
  });

  it("take what the project says of itself, by whatever name", () => {
    const owner = { ...nobody, roles: [{ project: "lab", role: "owner" }] };
    expect(rightsOf(owner, "air", false, "runner")).toMatchObject({ role: "runner", run: true, manage: false });
    expect(rightsOf(owner, "lab", false, null).role).toBe("owner");
  });

  it("give nothing for a role that this page does not know", () => {
    expect(rightsOf({ ...nobody, roles: [{ project: "lab", role: "guest" }] }, "lab")).toMatchObject({ role: null, run: false });
  });
});
