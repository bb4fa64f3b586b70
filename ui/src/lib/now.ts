/** The time, for clocks on the page: one timer for all of them; it stands while the page is hidden or the server away. */
import { useSyncExternalStore } from "react";

let now = Date.now();
let offset = 0;
let stale = false;
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  if (document.hidden || stale) return;
  now = Date.now() + offset;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    if (!stale) now = Date.now() + offset;
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

function never(): () => void {
  return () => undefined;
}

/** The server's time in milliseconds, new every second; still where `live` is false. */
export function useNow(live = true): number {
  return useSyncExternalStore(live ? subscribe : never, () => now);
}

/** Learns how far this machine's clock is from the server's, so that "4 s ago" holds. */
export function setServerTime(serverNow: number): void {
  const difference = serverNow - Date.now();
  // Less than two seconds is the network, not the clock.
  offset = Math.abs(difference) < 2000 ? 0 : difference;
}

/** While nothing is heard of the server, since `at`, time stands still, and with it every clock: what is shown is what was then. */
export function setStale(at: number | null): void {
  stale = at !== null;
  document.documentElement.toggleAttribute("data-stale", stale);
  now = (at ?? Date.now()) + offset;
  for (const listener of listeners) listener();
}
