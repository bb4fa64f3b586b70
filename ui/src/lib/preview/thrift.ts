/** A look over the footer of a Parquet file before it is read: how many things are in it, and how deep. */
import { Unreadable } from "./source";

const DEEPEST = 40;

/** Throws where a struct of the compact protocol is damaged, deeper than it can be, or has more than `most` parts. */
export function measure(bytes: Uint8Array, most: number): void {
  const state = { at: 0, left: most };
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[state.at++];
      if (byte === undefined) throw damaged();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw damaged();
  };
  const skip = (length: number) => {
    state.at += length;
    if (!(state.at <= bytes.length)) throw damaged();
  };
  const element = (type: number, depth: number): void => {
    if (--state.left < 0) throw new Unreadable("Its footer tells of more columns and row groups than a preview reads.");
    if (depth > DEEPEST) throw damaged();
    if (type === 3) {
      skip(1);
      return;
    }
    if (type >= 4 && type <= 6) return void number();
    if (type === 7) {
      skip(8);
      return;
    }
    if (type === 8) {
      skip(number());
      return;
    }
    if (type === 12) {
      struct(depth + 1);
      return;
    }
    if (type !== 9) throw damaged();
    const head = bytes[state.at++] ?? 0;
    const size = head >> 4 === 15 ? number() : head >> 4;
    const inner = head & 15;
    for (let i = 0; i < size; i++) element(inner === 1 || inner === 2 ? 3 : inner, depth + 1);
  };
  const struct = (depth: number): void => {
    for (;;) {
      const head = bytes[state.at++];
      if (head === undefined) throw damaged();
      if ((head & 15) === 0) return;
      if (head >> 4 === 0) number();
      if ((head & 15) > 2) element(head & 15, depth);
    }
  };
  struct(0);
}

function damaged(): Unreadable {
  return new Unreadable("Its footer is damaged.");
}
