/** The stream of events, for pages that ask it for more. */
import { createContext, useContext, useEffect } from "react";

import type { Live } from "./live";

export const LiveContext = createContext<Live | null>(null);

/** Receives the usage of a run while it goes on. */
export function useWatchRun(id: string, active: boolean): void {
  const live = useContext(LiveContext);
  useEffect(() => (active && id ? live?.watchRun(id) : undefined), [live, id, active]);
}
