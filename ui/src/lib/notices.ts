/** Short words about what an action did; shown at the foot of the page and read out. */
import { useSyncExternalStore } from "react";

export interface Notice {
  id: number;
  text: string;
  tone: "plain" | "bad";
  detail?: string | undefined;
}

let notices: readonly Notice[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

export function notify(text: string, tone: Notice["tone"] = "plain", detail?: string): void {
  const id = nextId++;
  set([...notices.slice(-2), { id, text, tone, detail }]);
  // What went wrong stays until it is closed.
  if (tone === "plain") setTimeout(() => dismiss(id), 4000);
}

export function dismiss(id: number): void {
  set(notices.filter((notice) => notice.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(subscribe, () => notices);
}
