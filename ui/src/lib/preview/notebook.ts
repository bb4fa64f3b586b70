/** Notebooks: what their cells say and what came of them. Nothing in them acts: no HTML, no scripts, no widgets. */
import { bytes, count } from "../format";
import type { NotebookCell, NotebookOutput } from "./shown";
import { cut } from "./text";

/** A notebook up to this size is read whole; of a larger one its JSON is shown. */
export const MOST_NOTEBOOK = 8 * 1024 * 1024;
const CELLS = 300;
const OUTPUTS = 20;
const SOURCE = 32 * 1024;
/** Signs of all pictures, as they are written. */
const PICTURES = 6 * 1024 * 1024;

const PICTURE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"];

/** The cells of a notebook; null where it is none. */
export function notebookOf(value: unknown): { language: string; cells: NotebookCell[]; notes: string[] } | null {
  const book = record(value);
  // Version 3 has its cells in worksheets.
  const listed = book?.cells ?? record(list(book?.worksheets)[0])?.cells;
  if (!Array.isArray(listed)) return null;
  const metadata = record(book?.metadata);
  const language = string(record(metadata?.language_info)?.name) || string(record(metadata?.kernelspec)?.language) || "python";
  const room = { pictures: PICTURES };
  const notes: string[] = [];
  if (listed.length > CELLS) notes.push(`The first ${CELLS} of ${count(listed.length)} cells are shown.`);
  const cells = listed.slice(0, CELLS).map((cell) => cellOf(record(cell) ?? {}, room));
  if (room.pictures < 0) notes.push(`Pictures of ${bytes(PICTURES)} in all are shown.`);
  return { language: cut(language, 40), cells, notes };
}

type Known = Record<string, unknown>;

function cellOf(cell: Known, room: { pictures: number }): NotebookCell {
  const type = string(cell.cell_type);
  const kind = type === "code" || type === "markdown" ? type : type === "heading" ? "markdown" : "raw";
  const number = cell.execution_count ?? cell.prompt_number;
  return {
    kind,
    source: cut(text(cell.source ?? cell.input), SOURCE),
    count: typeof number === "number" ? String(number) : "",
    outputs: list(cell.outputs)
      .slice(0, OUTPUTS)
      .map((output) => outputOf(record(output) ?? {}, room)),
  };
}

function outputOf(output: Known, room: { pictures: number }): NotebookOutput {
  const type = string(output.output_type);
  if (type === "error" || type === "pyerr") {
    const trace = list(output.traceback).slice(0, 200).map(string).join("\n");
    return { kind: "error", text: cut(plain(trace || `${string(output.ename)}: ${string(output.evalue)}`), SOURCE) };
  }
  if (type === "stream") return { kind: "text", text: cut(plain(text(output.text)), SOURCE) };
  const data = record(output.data) ?? {};
  for (const media of PICTURE_TYPES) {
    const address = pictureOf(media, text(data[media]));
    if (!address) continue;
    room.pictures -= address.length;
    return room.pictures < 0 ? { kind: "note", text: "A picture is not shown." } : { kind: "picture", text: address };
  }
  const written = text(data["text/plain"] ?? output.text);
  if (written) return { kind: "text", text: cut(plain(written), SOURCE) };
  const kinds = Object.keys(data).slice(0, 5).join(", ");
  return { kind: "note", text: kinds ? `An output of ${cut(kinds, 120)} is not shown.` : "An output without content." };
}

/** The address of a picture as a browser takes it, which runs no scripts in it; null where it is none. */
function pictureOf(media: string, content: string): string | null {
  if (content === "") return null;
  if (media === "image/svg+xml") return content.includes("<svg") ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(content)}` : null;
  const packed = content.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]+=*$/.test(packed) ? `data:${media};base64,${packed}` : null;
}

/** Without the colours of terminals, and with what a line wrote over itself gone. */
function plain(written: string): string {
  return written.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replace(/^.*\r(?!\n)/gm, "");
}

function record(value: unknown): Known | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Known) : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Text, or a list of its lines. */
function text(value: unknown): string {
  return Array.isArray(value) ? value.map(string).join("") : string(value);
}
