/** Sound and films: how long, how large and written how, by their headers. */
import { clock, count } from "../format";
import { magicOf } from "./magic";
import type { Source } from "./source";

type Facts = [name: string, value: string][];

export async function mediaOf(source: Source): Promise<Facts> {
  const head = await source.read(0, Math.min(source.size, 64 * 1024));
  const what = magicOf(head)?.what;
  const facts: Facts = what ? [["format", /\(([^)]*)\)/.exec(what)?.[1] ?? what]] : [];
  const more = await particulars(source, head).catch(() => []);
  return [...facts, ...more];
}

async function particulars(source: Source, head: Uint8Array): Promise<Facts> {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const sign = (at: number) => new TextDecoder("latin1").decode(head.subarray(at, at + 4));
  if (sign(8) === "WAVE") return wave(view, sign, source.size);
  if (sign(0) === "fLaC") return flac(view);
  if (sign(4) === "ftyp") return movie(source);
  return [];
}

function lasting(seconds: number): Facts {
  return Number.isFinite(seconds) && seconds > 0 && seconds < 1e7 ? [["lasts", clock(Math.max(1, seconds) * 1000)]] : [];
}

function wave(view: DataView, sign: (at: number) => string, size: number): Facts {
  const facts: Facts = [];
  let rate = 0;
  for (let at = 12; at + 8 <= view.byteLength; at += 8 + view.getUint32(at + 4, true)) {
    if (sign(at) === "fmt ") {
      rate = view.getUint32(at + 16, true);
      const [channels, bits] = [view.getUint16(at + 10, true), view.getUint16(at + 22, true)];
      facts.push(["channels", count(channels)], ["sampled at", `${count(view.getUint32(at + 12, true))} Hz`], ["bits", count(bits)]);
    }
    if (sign(at) === "data") {
      facts.push(...lasting(Math.min(view.getUint32(at + 4, true), size - at) / rate));
      break;
    }
  }
  return facts;
}

function flac(view: DataView): Facts {
  const word = view.getUint32(18);
  const rate = word >>> 12;
  const samples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return [["channels", count(((word >>> 9) & 7) + 1)], ["sampled at", `${count(rate)} Hz`], ...lasting(samples / rate)];
}

/** Boxes of one file that are passed on the way to the one that tells of it. */
const BOXES = 50;
const MOST_BOX = 4 * 1024 * 1024;

async function movie(source: Source): Promise<Facts> {
  for (let at = 0, n = 0; at + 16 <= source.size && n < BOXES; n++) {
    const head = await source.read(at, 16);
    const view = new DataView(head.buffer, head.byteOffset, 16);
    const short = view.getUint32(0);
    const size = short === 1 ? Number(view.getBigUint64(8)) : short === 0 ? source.size - at : short;
    if (!(size >= 8)) return [];
    if (view.getUint32(4) === 0x6d6f6f76) return told(await source.read(at, Math.min(size, MOST_BOX)));
    at += size;
  }
  return [];
}

function told(moov: Uint8Array): Facts {
  const view = new DataView(moov.buffer, moov.byteOffset, moov.byteLength);
  const text = new TextDecoder("latin1").decode(moov);
  const facts: Facts = [];
  const header = text.indexOf("mvhd");
  if (header >= 0) {
    const long = view.getUint8(header + 4) === 1;
    const scale = view.getUint32(header + (long ? 24 : 16));
    facts.push(...lasting((long ? Number(view.getBigUint64(header + 28)) : view.getUint32(header + 20)) / scale));
  }
  for (let at = text.indexOf("tkhd"); at >= 0 && facts.length < 6; at = text.indexOf("tkhd", at + 4)) {
    const end = at + (view.getUint8(at + 4) === 1 ? 100 : 88);
    const [width, height] = [view.getUint32(end - 8) >>> 16, view.getUint32(end - 4) >>> 16];
    if (width > 0 && height > 0) facts.push(["size", `${count(width)} × ${count(height)}`]);
  }
  const kinds = [...text.matchAll(/stsd[\s\S]{12}([\w ]{4})/g)].map(([, kind = ""]) => kind.trim());
  if (kinds.length > 0) facts.push(["written as", [...new Set(kinds)].slice(0, 6).join(", ")]);
  return facts;
}
