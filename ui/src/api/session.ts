/** As whom this browser speaks with the server: as somebody whom it knows, as a visitor of a public project, or as nobody. */
import { useSyncExternalStore } from "react";

export type Session = "in" | "visitor" | "out";

export interface Standing {
  session: Session;
  /** The visitor wants to sign in. */
  asked: boolean;
  /** What was looked at is not open to visitors any more. */
  closed: boolean;
}

let standing: Standing = { session: "in", asked: false, closed: false };
let known = false;
const listeners = new Set<() => void>();

function set(next: Standing): void {
  if (next.session === standing.session && next.asked === standing.asked && next.closed === standing.closed) return;
  standing = next;
  for (const listener of listeners) listener();
}

/** What an answer is of: one's account, what visitors may see too where it is public, or something else. */
export type Of = "account" | "open" | "else";

/**
 * What an answer of the server says of this browser. Whether it is known says its account alone: what is public is answered to everybody.
 */
export function noteAnswer(status: number, of: Of): void {
  if (of === "account" && status !== 401) {
    known = true;
    set({ session: "in", asked: false, closed: false });
  } else if (status === 401) {
    if (standing.session === "in") set({ session: "out", asked: false, closed: false });
    // A visitor is refused whatever is not public; that which was is refused when it is so no more.
    else if (standing.session === "visitor" && of === "open") set({ session: "out", asked: false, closed: true });
  }
}

/** Looks at what is public, without having signed in. */
export function visit(): void {
  set({ session: "visitor", asked: false, closed: false });
}

/** A visitor wants to be somebody. */
export function askToSignIn(): void {
  set({ session: "out", asked: true, closed: false });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useStanding(): Standing {
  return useSyncExternalStore(subscribe, () => standing);
}

/** Whether whoever is here has not signed in, and looks at what is public. */
export function useVisitor(): boolean {
  return useSyncExternalStore(subscribe, () => standing.session === "visitor");
}

export function isVisitor(): boolean {
  return standing.session === "visitor";
}

/** Whoever was here leaves: the page that is shown until it is loaded anew does not speak of an end. */
export function forget(): void {
  known = false;
}

/** Whether the server has known this browser since the page was loaded. */
export function wasSignedIn(): boolean {
  return known;
}
