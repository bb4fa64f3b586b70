/** The stream of events, for pages that ask it for more. */
import { createContext, useContext, useEffect, useSyncExternalStore } from "react";

import type { LineState, Live } from "./live";

export const LiveContext = createContext<Live | null>(null);

/** Receives the usage of a run while it goes on. */
export function useWatchRun(id: string, active: boolean): void {
  const live = useContext(LiveContext);
  useEffect(() => (active && id ? live?.watchRun(id) : undefined), [live, id, active]);
}

const ONLINE: LineState = { online: true };

/** Whether the server is heard. */
export function useLine(): LineState {
  const live = useContext(LiveContext);
  return useSyncExternalStore(live?.subscribe ?? never, live?.state ?? (() => ONLINE));
}

function never(): () => void {
  return () => undefined;
}
