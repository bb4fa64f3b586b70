/** What whoever is signed in may do in this page's project. */
import { useQuery } from "@tanstack/react-query";

import { rightsOf, VISITOR, type Rights } from "../lib/rights";
import { accountQuery } from "./account";
import { useOwnStanding } from "./projects";
import { useVisitor } from "./session";

/** Whether the page speaks of projects: whoever has one, and makes none, does not meet the word. */
export function useSpeaksOfProjects(): boolean {
  const own = useOwnStanding();
  const { people, administer } = useRights();
  return (own?.several ?? false) || (people && administer);
}

export function useRights(): Rights {
  const visitor = useVisitor();
  const { data } = useQuery({ ...accountQuery, enabled: !visitor });
  const own = useOwnStanding();
  if (visitor) return { ...VISITOR, archived: own?.archived ?? false };
  return rightsOf(data, own?.name, own?.archived, own?.role);
}
