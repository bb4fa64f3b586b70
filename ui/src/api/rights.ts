/** What whoever is signed in may do in this page's project. */
import { useQuery } from "@tanstack/react-query";

import { rightsOf, type Rights } from "../lib/rights";
import { accountQuery } from "./account";
import { useOwnStanding } from "./projects";

/** Whether the page speaks of projects: whoever has one, and makes none, does not meet the word. */
export function useSpeaksOfProjects(): boolean {
  const own = useOwnStanding();
  const { people, administer } = useRights();
  return (own?.several ?? false) || (people && administer);
}

export function useRights(): Rights {
  const { data } = useQuery(accountQuery);
  const own = useOwnStanding();
  return rightsOf(data, own?.name, own?.archived);
}
