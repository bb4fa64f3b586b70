/** Walks a list by keyboard: j and k, Enter opens. */
import { useState } from "react";

import { useKeys } from "../../lib/keys";

export function useWalk(title: string, ids: readonly string[], open: (id: string) => void, onSearch?: () => void): string | null {
  const [current, setCurrent] = useState<string | null>(null);
  const step = (by: 1 | -1) => {
    const at = current === null ? -1 : ids.indexOf(current);
    setCurrent(ids[at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by))] ?? null);
  };
  useKeys(title, [
    ...(onSearch ? [{ keys: "/", label: "Search", run: onSearch }] : []),
    { keys: "j", label: "Next", run: () => step(1) },
    { keys: "k", label: "Previous", run: () => step(-1) },
    { keys: "Enter", label: "Open", run: () => current !== null && open(current) },
  ]);
  return current;
}
