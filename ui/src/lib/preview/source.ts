/** A file that is read in parts, a bounded number of bytes in all. */
import { bytes } from "../format";
import { MOST_READ } from "./limits";

/** Why something cannot be shown, as a sentence for people. */
export class Unreadable extends Error {}

export interface Source {
  readonly size: number;
  /** Bytes of the file that were read so far. */
  readonly taken: () => number;
  /** A part of it, cut at its end. Throws `Unreadable` for a place that cannot be, and when too much was read. */
  readonly read: (from: number, length: number) => Promise<Uint8Array>;
}

export type Fetch = (from: number, length: number) => Promise<Uint8Array>;

interface Part {
  from: number;
  content: Uint8Array;
}

/** What was read once is not read again. */
export function sourceOf(size: number, fetch: Fetch, most: number = MOST_READ): Source {
  const parts: Part[] = [];
  let taken = 0;
  const read = async (from: number, length: number) => {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(length) || from < 0 || length < 0 || from > size) {
      throw new Unreadable("It names a place that lies outside of it: it is damaged, or cut off.");
    }
    const end = Math.min(size, from + length);
    const known = parts.find((part) => part.from <= from && end <= part.from + part.content.length);
    if (known) return known.content.subarray(from - known.from, end - known.from);
    if (taken + end - from > most) throw new Unreadable(`${bytes(most)} of it are read at most.`);
    taken += end - from;
    const content = await fetch(from, end - from);
    if (content.length < end - from) throw new Unreadable("The server sent less than the file has.");
    parts.push({ from, content });
    return content;
  };
  return { size, taken: () => taken, read };
}

/** A file that is in memory. */
export function memory(content: Uint8Array, size: number = content.length): Source {
  return sourceOf(size, (from, length) => Promise.resolve(content.subarray(from, from + length)));
}
