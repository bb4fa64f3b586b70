/** Runs and packed bits, as Parquet writes levels and places in dictionaries. */
import { Unreadable } from "./source";

/** The first numbers of so many bits each; fewer where the bytes end before. */
export function bitsOf(content: Uint8Array, width: number, wanted: number): Uint32Array {
  if (!(width >= 0 && width <= 32) || !(wanted >= 0)) throw new Unreadable("What is stored in it is damaged.");
  const output = new Uint32Array(wanted);
  if (width === 0) return output;
  const size = Math.ceil(width / 8);
  let at = 0;
  let filled = 0;
  while (filled < wanted && at < content.length) {
    let head = 0;
    for (let scale = 1, byte = 0x80; byte >= 0x80 && at < content.length; scale *= 128) {
      byte = content[at++] ?? 0;
      head += (byte & 0x7f) * scale;
    }
    if (head % 2 === 0) {
      if (at + size > content.length) break;
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = value * 256 + (content[at + i] ?? 0);
      at += size;
      const end = Math.min(wanted, filled + Math.floor(head / 2));
      output.fill(value, filled, end);
      filled = end;
    } else {
      const listed = Math.floor(head / 2) * 8;
      const there = Math.floor(((content.length - at) * 8) / width);
      const end = Math.min(wanted, filled + listed, filled + there);
      for (let bit = at * 8; filled < end; bit += width) output[filled++] = number(content, bit, width);
      if (there < listed) break;
      at += (listed * width) / 8;
    }
  }
  return output.subarray(0, filled);
}

function number(content: Uint8Array, bit: number, width: number): number {
  let value = 0;
  for (let taken = 0; taken < width;) {
    const inside = (bit + taken) % 8;
    const some = Math.min(8 - inside, width - taken);
    value += (((content[(bit + taken) >> 3] ?? 0) >> inside) & ((1 << some) - 1)) * 2 ** taken;
    taken += some;
  }
  return value;
}
