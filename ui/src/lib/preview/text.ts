/** Bytes as text: in which encoding, and so much of it as can be drawn. */
import { count } from "../format";
import { LINE, LINES } from "./limits";

export interface Decoded {
  text: string;
  /** How it was read, where it is not UTF-8. */
  encoding: string | null;
}

/** Text of a part of a file, whose last sign may be cut. Null where it is no text. */
export function decode(content: Uint8Array): Decoded | null {
  const [a, b] = content;
  if (a === 0xff && b === 0xfe) return { text: new TextDecoder("utf-16le").decode(content, { stream: true }), encoding: "UTF-16" };
  if (a === 0xfe && b === 0xff) return { text: new TextDecoder("utf-16be").decode(content, { stream: true }), encoding: "UTF-16" };
  if (content.subarray(0, 8192).includes(0)) return null;
  try {
    // As a stream, so that a sign that is cut at the end is no mistake.
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(content, { stream: true }), encoding: null };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(content), encoding: "Windows-1252" };
  }
}

/** Text of the end of a file, from the first whole line on. */
export function decodeEnd(content: Uint8Array): string {
  let from = 0;
  // Bytes that go on a sign that began before.
  while (from < 4 && ((content[from] ?? 0) & 0xc0) === 0x80) from += 1;
  const text = new TextDecoder().decode(content.subarray(from));
  const line = text.indexOf("\n");
  return line >= 0 && line < text.length - 1 ? text.slice(line + 1) : text;
}

/** Lines that can be drawn, and what was cut of them. */
export function drawable(text: string, most = LINES): { text: string; notes: string[] } {
  const notes: string[] = [];
  const lines: string[] = [];
  let at = 0;
  let long = 0;
  while (at < text.length && lines.length < most) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    if (end - at > LINE) {
      long += 1;
      lines.push(`${text.slice(at, at + LINE)}…`);
    } else lines.push(text.slice(at, end));
    at = end + 1;
  }
  if (at < text.length) notes.push(`The first ${count(most)} lines are shown.`);
  if (long > 0) notes.push(`Lines are shown up to ${count(LINE)} signs.`);
  return { text: lines.join("\n"), notes };
}

/** The last lines that can be drawn. */
export function drawableEnd(text: string, most = 200): string {
  const lines = text.replace(/\n$/, "").split("\n").slice(-most);
  return lines.map((line) => (line.length > LINE ? `…${line.slice(-LINE)}` : line)).join("\n");
}

/** A text that fits into a cell. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
