/** What a file is by its first bytes, and those bytes as people read them. */
import type { PreviewKind } from "./kind";
import type { BytesShown } from "./shown";

interface Magic {
  at?: number;
  /** Each sign is a byte. */
  sign: string;
  what: string;
  kind?: PreviewKind;
}

const KNOWN: Magic[] = [
  { sign: "PAR1", what: "Parquet", kind: "parquet" },
  { sign: "ARROW1", what: "Arrow (Feather version 2)", kind: "arrow" },
  { sign: "FEA1", what: "Feather version 1" },
  { sign: "\x89PNG\r\n", what: "a PNG picture", kind: "image" },
  { sign: "\xff\xd8\xff", what: "a JPEG picture", kind: "image" },
  { sign: "GIF8", what: "a GIF picture", kind: "image" },
  { sign: "WEBP", at: 8, what: "a WebP picture", kind: "image" },
  { sign: "WAVE", at: 8, what: "sound (WAV)", kind: "audio" },
  { sign: "AVI ", at: 8, what: "a film (AVI)", kind: "video" },
  { sign: "II*\0", what: "a TIFF picture" },
  { sign: "MM\0*", what: "a TIFF picture" },
  { sign: "%PDF-", what: "PDF", kind: "pdf" },
  { sign: "ID3", what: "sound (MP3)", kind: "audio" },
  { sign: "fLaC", what: "sound (FLAC)", kind: "audio" },
  { sign: "OggS", what: "sound (Ogg)", kind: "audio" },
  { sign: "ftyp", at: 4, what: "a film or sound (MP4)", kind: "video" },
  { sign: "\x1aE\xdf\xa3", what: "a film (Matroska, WebM)", kind: "video" },
  { sign: "PK\x03\x04", what: "a zip, or what is made like one (xlsx, docx, npz)" },
  { sign: "PK\x05\x06", what: "an empty zip" },
  { sign: "\x1f\x8b", what: "packed with gzip" },
  { sign: "\x28\xb5\x2f\xfd", what: "packed with Zstandard" },
  { sign: "\x04\x22\x4d\x18", what: "packed with LZ4" },
  { sign: "\xfd7zXZ\0", what: "packed with xz" },
  { sign: "BZh", what: "packed with bzip2" },
  { sign: "7z\xbc\xaf\x27\x1c", what: "a 7-Zip archive" },
  { sign: "ustar", at: 257, what: "a tar archive" },
  { sign: "\x89HDF\r\n", what: "HDF5 (also NetCDF 4, AnnData, Keras)" },
  { sign: "CDF", what: "NetCDF" },
  { sign: "\x93NUMPY", what: "a NumPy array" },
  { sign: "SQLite format 3\0", what: "a SQLite database" },
  { sign: "DUCK", at: 8, what: "a DuckDB database" },
  { sign: "Obj\x01", what: "Avro" },
  { sign: "ORC", what: "ORC" },
  { sign: "BAM\x01", what: "BAM" },
  { sign: "CRAM", what: "CRAM" },
  { sign: "\x7fELF", what: "a program (ELF)" },
  { sign: "MZ", what: "a program for Windows" },
  { sign: "\x80\x02", what: "a Python pickle" },
  { sign: "\x80\x03", what: "a Python pickle" },
  { sign: "\x80\x04", what: "a Python pickle" },
  { sign: "\x80\x05", what: "a Python pickle" },
  { sign: "\0asm", what: "WebAssembly" },
];

export function magicOf(head: Uint8Array): { what: string; kind?: PreviewKind } | null {
  const found = KNOWN.find(
    ({ at = 0, sign }) => head.length >= at + sign.length && Array.from(sign).every((c, i) => head[at + i] === c.charCodeAt(0)),
  );
  return found ? { what: found.what, ...(found.kind && { kind: found.kind }) } : null;
}

/** The first bytes, 16 a line. */
export function bytesOf(head: Uint8Array, most = 512): BytesShown {
  const lines: BytesShown["lines"] = [];
  for (let at = 0; at < Math.min(most, head.length); at += 16) {
    const part = [...head.subarray(at, Math.min(at + 16, most))];
    lines.push({
      at: at.toString(16).padStart(8, "0"),
      hex: part.map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
      text: part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join(""),
    });
  }
  const found = magicOf(head);
  return {
    kind: "bytes",
    what: found ? `By its first bytes it is ${found.what}.` : "Its first bytes are not those of a known format.",
    lines,
  };
}
