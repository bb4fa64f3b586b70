/** Unpacking of the beginning of what is packed: so many bytes and no more, also of what was cut off, whatever it says of its size. */
import { Decompress } from "fzstd";

import { bytes } from "../format";
import { MOST_UNPACKED } from "./limits";
import { Unreadable } from "./source";

export type Codec = "snappy" | "lz4" | "lz4-frame" | "lz4-hadoop" | "zstd" | "gzip";

/** The first `most` bytes at most; fewer where the packed bytes end before. Throws where there are none. */
export async function unpack(codec: Codec, packed: Uint8Array, most: number): Promise<Uint8Array> {
  if (!Number.isSafeInteger(most) || most < 0) throw new Unreadable("It says sizes that cannot be.");
  const limit = Math.min(most, MOST_UNPACKED);
  switch (codec) {
    case "snappy":
      return snappy(packed, limit);
    case "lz4":
      return lz4(packed, new Output(limit)).content();
    case "lz4-frame":
      return lz4Frame(packed, limit);
    case "lz4-hadoop":
      return lz4Hadoop(packed, limit);
    case "zstd":
      return zstd(packed, limit);
    case "gzip":
      return gzip(packed, limit);
  }
}

/** Bytes that grow with what comes, up to a limit. */
class Output {
  private bytes: Uint8Array;
  length = 0;

  constructor(readonly limit: number) {
    this.bytes = new Uint8Array(Math.min(limit, 65_536));
  }

  isFull(): boolean {
    return this.length >= this.limit;
  }

  private room(more: number): number {
    const wanted = Math.min(this.limit, this.length + more);
    if (wanted > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.limit, Math.max(wanted, this.bytes.length * 2)));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    return wanted - this.length;
  }

  add(content: Uint8Array): void {
    const fits = this.room(content.length);
    this.bytes.set(content.subarray(0, fits), this.length);
    this.length += fits;
  }

  /** Adds once more what was added `back` bytes ago. */
  repeat(back: number, length: number): void {
    if (this.isFull()) return;
    if (back <= 0 || back > this.length) throw new Unreadable("What is packed in it is damaged.");
    const fits = this.room(length);
    for (let i = 0; i < fits; i++, this.length++) this.bytes[this.length] = this.bytes[this.length - back] ?? 0;
  }

  content(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

function little(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

function snappy(packed: Uint8Array, limit: number): Uint8Array {
  const out = new Output(limit);
  let at = 0;
  while (((packed[at++] ?? 0) & 0x80) !== 0);
  while (at < packed.length && !out.isFull()) {
    const tag = packed[at++] ?? 0;
    if ((tag & 3) === 0) {
      let length = (tag >> 2) + 1;
      if (length > 60) {
        const width = length - 60;
        length = little(packed, at, width) + 1;
        at += width;
      }
      out.add(packed.subarray(at, at + length));
      at += length;
    } else if ((tag & 3) === 1) {
      if (at >= packed.length) break;
      out.repeat((packed[at++] ?? 0) + ((tag >> 5) << 8), ((tag >> 2) & 7) + 4);
    } else {
      const width = (tag & 3) === 2 ? 2 : 4;
      if (at + width > packed.length) break;
      out.repeat(little(packed, at, width), (tag >> 2) + 1);
      at += width;
    }
  }
  return out.content();
}

function lz4(packed: Uint8Array, out: Output): Output {
  let at = 0;
  const more = (base: number) => {
    let length = base;
    if (base === 15) {
      let byte: number;
      do {
        byte = packed[at++] ?? 0;
        length += byte;
      } while (byte === 255);
    }
    return length;
  };
  while (at < packed.length && !out.isFull()) {
    const token = packed[at++] ?? 0;
    const literal = more(token >> 4);
    out.add(packed.subarray(at, at + literal));
    at += literal;
    // The last sequence has literals alone.
    if (at + 2 > packed.length) break;
    const back = little(packed, at, 2);
    at += 2;
    out.repeat(back, more(token & 15) + 4);
  }
  return out;
}

function lz4Frame(packed: Uint8Array, limit: number): Uint8Array {
  if (little(packed, 0, 4) !== 0x184d2204) throw new Unreadable("What is packed in it is damaged.");
  const flags = packed[4] ?? 0;
  let at = 6 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0) + 1;
  const out = new Output(limit);
  while (at + 4 <= packed.length && !out.isFull()) {
    const word = little(packed, at, 4);
    const size = word & 0x7fffffff;
    if (size === 0) break;
    const block = packed.subarray(at + 4, at + 4 + size);
    if (word > 0x7fffffff) out.add(block);
    else lz4(block, out);
    at += 4 + size + (flags & 16 ? 4 : 0);
  }
  return out.content();
}

/** Blocks with their sizes before them, as Hadoop writes them; else a plain block. */
function lz4Hadoop(packed: Uint8Array, limit: number): Uint8Array {
  const big = (at: number) => new DataView(packed.buffer, packed.byteOffset + at, 4).getUint32(0);
  if (packed.length < 8 || big(4) > packed.length || big(4) === 0) return lz4(packed, new Output(limit)).content();
  const out = new Output(limit);
  for (let at = 0; at + 8 <= packed.length && !out.isFull(); at += 8 + big(at + 4)) lz4(packed.subarray(at + 8, at + 8 + big(at + 4)), out);
  return out.content();
}

/** What a zstd frame needs of memory, which it says itself. */
export function zstdWindow(packed: Uint8Array): number {
  if (packed.length < 6 || little(packed, 0, 4) !== 0xfd2fb528) throw new Unreadable("What is packed in it is damaged.");
  const [head = 0, window = 0] = packed.subarray(4);
  if ((head & 0x20) === 0) return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  const width = [1, 2, 4, 8][head >> 6] ?? 8;
  return little(packed, 5 + ([0, 1, 2, 4][head & 3] ?? 0), width);
}

class Full extends Error {}

function zstd(packed: Uint8Array, limit: number): Uint8Array {
  if (zstdWindow(packed) > MOST_UNPACKED) throw new Unreadable("It is packed such that unpacking takes more memory than a preview has.");
  const out = new Output(limit);
  const stream = new Decompress((chunk) => {
    out.add(chunk);
    if (out.isFull()) throw new Full();
  });
  try {
    // As the last piece, so that small frames are not waited for; what was cut off ends with a mistake behind what could be read.
    stream.push(packed.slice(), true);
  } catch (error) {
    if (!(error instanceof Full) && out.length === 0) throw new Unreadable("What is packed in it is damaged.");
  }
  return out.content();
}

async function gzip(packed: Uint8Array, limit: number): Promise<Uint8Array> {
  const out = new Output(limit);
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  // What was cut off ends with a mistake, which is seen at the other end.
  writer.write(packed.slice()).catch(() => undefined);
  writer.close().catch(() => undefined);
  const reader = stream.readable.getReader();
  try {
    while (!out.isFull()) {
      const { done, value } = await reader.read();
      if (done) break;
      out.add(value);
    }
    reader.cancel().catch(() => undefined);
  } catch {
    if (out.length === 0) throw new Unreadable("What is packed in it is damaged.");
  }
  return out.content();
}

/** What was unpacked counts for all columns together. */
export function take(room: { unpacked: number }, more: number): void {
  room.unpacked -= more;
  if (room.unpacked < 0) throw new Unreadable(`${bytes(MOST_UNPACKED)} are unpacked at most.`);
}
