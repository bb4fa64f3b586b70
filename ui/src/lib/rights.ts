/** Who may do what, as the server's rules have it: each role may what those before it may. What is hidden here is refused there. */
import { project as ownProject } from "./project";

export const ROLES = ["viewer", "runner", "editor", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** What each role is for, in one line. */
export const ROLE_HELP: Record<Role, string> = {
  viewer: "sees pipelines, runs, logs and files",
  runner: "starts runs, and stops them",
  editor: "sets secrets, and changes pipelines",
  owner: "decides who is what",
};

/** The part of an account that its rights follow from. */
export interface Standing {
  id?: string | null | undefined;
  administrator: boolean;
  everywhere?: string | null | undefined;
  roles: readonly { project: string; role: string }[];
}

export function rank(role: string | null | undefined): number {
  return ROLES.indexOf(role as Role);
}

/** The strongest role in a project; null: none. */
export function roleIn(standing: Standing, project: string): Role | null {
  const own = standing.roles.find((one) => one.project === project)?.role;
  return ROLES[Math.max(rank(own), rank(standing.everywhere))] ?? null;
}

export interface Rights {
  /** Signed in with an account: this server is for a team. */
  people: boolean;
  role: Role | null;
  /** May start, rerun, retry and cancel runs. */
  run: boolean;
  /** May start runs, and the project takes them. */
  start: boolean;
  /** It can be read, and takes no more. */
  archived: boolean;
  /** May see which secrets there are, and set them. */
  edit: boolean;
  /** May say who is what in this project. */
  manage: boolean;
  administer: boolean;
  /** Has not signed in, and looks at what is public. */
  visitor: boolean;
}

/** Before it is known, and where the server does not say, everything is shown: what may not be done is refused anyway. */
const EVERYTHING: Rights = {
  people: false,
  role: "owner",
  run: true,
  start: true,
  archived: false,
  edit: true,
  manage: true,
  administer: true,
  visitor: false,
};

/** Of whoever has not signed in: to read, and nothing else. */
export const VISITOR: Rights = {
  people: false,
  role: null,
  run: false,
  start: false,
  archived: false,
  edit: false,
  manage: false,
  administer: false,
  visitor: true,
};

/** `said` is the role that the project itself tells: by its name alone, one that is being renamed would have none for a moment. */
export function rightsOf(standing: Standing | undefined, project = ownProject, archived = false, said?: string | null): Rights {
  if (!standing) return { ...EVERYTHING, start: !archived, archived };
  const role = ROLES[rank(said)] ?? roleIn(standing, project);
  return {
    people: typeof standing.id === "string",
    role,
    run: rank(role) >= rank("runner"),
    start: rank(role) >= rank("runner") && !archived,
    archived,
    edit: rank(role) >= rank("editor"),
    manage: role === "owner",
    administer: standing.administrator,
    visitor: false,
  };
}
