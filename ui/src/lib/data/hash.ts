/** SHA-256 of files, piece by piece: whatever their size, the browser holds a few pieces. */
import { sha256 } from "@noble/hashes/sha2.js";

/** Bytes that are read at a time. */
const PIECE = 4 << 20;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The hash of a file; `onBytes` is told how many more bytes were read. A file of one piece is left to the browser, where it may. */
export async function hashOf(file: Blob, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  // On a plain address of another machine there is none, whatever the type says.
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (file.size <= PIECE && subtle) {
    signal.throwIfAborted();
    const digest = await subtle.digest("SHA-256", await file.arrayBuffer());
    onBytes(file.size);
    return hex(new Uint8Array(digest));
  }
  const hash = sha256.create();
  for (let begin = 0; begin < file.size; begin += PIECE) {
    signal.throwIfAborted();
    const piece = new Uint8Array(await file.slice(begin, begin + PIECE).arrayBuffer());
    hash.update(piece);
    onBytes(piece.length);
  }
  return hex(hash.digest());
}
