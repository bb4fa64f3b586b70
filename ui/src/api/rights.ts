/** What whoever is signed in may do in this page's project. */
import { useQuery } from "@tanstack/react-query";

import { rightsOf, type Rights } from "../lib/rights";
import { accountQuery } from "./account";

export function useRights(): Rights {
  const { data } = useQuery(accountQuery);
  return rightsOf(data);
}
