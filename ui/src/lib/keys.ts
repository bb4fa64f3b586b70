/** Keys: single ones and pairs such as `g r`, registered by what is on the page, listed by `?`. */
import { useEffect, useRef } from "react";

export interface KeyBinding {
  /** `t`, `?`, `Enter`, or a pair: `g r`. */
  keys: string;
  label: string;
  run: () => void;
}

interface Group {
  title: string;
  bindings: readonly KeyBinding[];
}

const groups: Group[] = [];
/** How long the second key of a pair may take. */
const PAIR_MS = 1200;
let first: { key: string; at: number } | null = null;

/** Whether keys belong to what has the focus: a field to write in, or a menu or dialog. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("[role=menu],[role=dialog],[role=listbox]")) return true;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function find(keys: string): KeyBinding | undefined {
  for (const group of [...groups].reverse()) {
    const binding = group.bindings.find((candidate) => candidate.keys === keys);
    if (binding) return binding;
  }
  return undefined;
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  // Enter and space on a link or button mean that link or button.
  const onControl = event.target instanceof HTMLElement && event.target.closest("a,button,summary") !== null;
  if (onControl && (event.key === "Enter" || event.key === " ")) return;
  const pair = first && Date.now() - first.at < PAIR_MS ? `${first.key} ${event.key}` : "";
  first = null;
  const binding = find(pair) ?? find(event.key);
  if (binding) {
    event.preventDefault();
    binding.run();
  } else if (groups.some((group) => group.bindings.some(({ keys }) => keys.startsWith(`${event.key} `)))) {
    first = { key: event.key, at: Date.now() };
  }
}

if (typeof window !== "undefined") window.addEventListener("keydown", onKey);

/** Keys that hold while the component is on the page; later ones go before earlier ones. */
export function useKeys(title: string, bindings: readonly KeyBinding[]): void {
  const group = useRef<Group>({ title, bindings });
  useEffect(() => {
    group.current.title = title;
    group.current.bindings = bindings;
  });
  useEffect(() => {
    const own = group.current;
    groups.push(own);
    return () => void groups.splice(groups.indexOf(own), 1);
  }, []);
}

export function keyGroups(): readonly Group[] {
  return groups.filter((group) => group.bindings.length > 0);
}

/** On Apple keyboards the command key leads, elsewhere the control key. */
export const commandKey = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl ";
