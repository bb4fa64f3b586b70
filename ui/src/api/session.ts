/** Whether this browser may speak with the server: false after the first answer of 401. */
import { useSyncExternalStore } from "react";

let signedIn = true;
let known = false;
const listeners = new Set<() => void>();

export function setSignedIn(value: boolean): void {
  known ||= value;
  if (signedIn === value) return;
  signedIn = value;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSignedIn(): boolean {
  return useSyncExternalStore(subscribe, () => signedIn);
}

/** Whoever was here leaves: the page that is shown until it is loaded anew does not speak of an end. */
export function forget(): void {
  known = false;
}

/** Whether the server has known this browser since the page was loaded. */
export function wasSignedIn(): boolean {
  return known;
}
