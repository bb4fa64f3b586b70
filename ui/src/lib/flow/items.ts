/** The items of a step as they become known. */
import { isEnd } from "../states";

/** Runs at the end of those that are known which are read again with those that follow. */
const MOST_AGAIN = 1000;

/**
 * The last run before those that may have changed while they were being read; all are read again where there is none. One that
 * takes long has had its time to be told.
 */
export function settledBefore(runs: readonly { id: string; state: string }[]): string | undefined {
  const from = Math.max(0, runs.length - MOST_AGAIN);
  const open = runs.findIndex(({ state }, index) => index >= from && !isEnd(state));
  return runs.at(open < 0 ? -1 : open - 1 < 0 ? runs.length : open - 1)?.id;
}
