/** What a person chose for this browser: kept in its storage, shared by its tabs. */
import { useSyncExternalStore } from "react";

export interface Prefs {
  /** IANA name, or "" for the browser's own. */
  zone: string;
  logTimes: "zone" | "utc" | "off";
  logWrap: boolean;
}

const KEY = "rigi.prefs";
const narrow = typeof matchMedia === "function" && matchMedia("(max-width: 48em)").matches;
// On a narrow screen the text of a log matters more than its times.
const DEFAULTS: Prefs = { zone: "", logTimes: narrow ? "off" : "zone", logWrap: narrow };

let current = read();
const listeners = new Set<() => void>();

function read(): Prefs {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...DEFAULTS, ...(typeof stored === "object" ? stored : {}) };
  } catch {
    return DEFAULTS;
  }
}

function tell(): void {
  for (const listener of listeners) listener();
}

export function setPrefs(change: Partial<Prefs>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // Without storage the choice holds until the page is closed.
  }
  tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(subscribe, () => current);
}

if (typeof addEventListener === "function") {
  addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    current = read();
    tell();
  });
}
