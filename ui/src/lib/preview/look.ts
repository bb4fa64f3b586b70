/** A preview of a file: what it is, read as that; where that fails, its first bytes and why. */
import { bytes } from "../format";
import { previewOf, type PreviewKind } from "./kind";
import { HEAD, SMALL, TAIL } from "./limits";
import { bytesOf, magicOf } from "./magic";
import { drawingSize, MOST_DRAWING, MOST_PICTURE, MOST_PIXELS, sizeOf } from "./picture";
import type { Preview, Shown, Wish } from "./shown";
import { Unreadable, type Source } from "./source";
import { decode, decodeEnd, drawable, drawableEnd } from "./text";

/** JSON up to this size is read whole. */
const MOST_JSON = 1024 * 1024;

type Found = Omit<Preview, "read">;

const NAMES: Partial<Record<PreviewKind, string>> = {
  parquet: "Parquet",
  arrow: "Arrow",
  mzml: "mzML",
  notebook: "a notebook",
  image: "a picture",
  json: "JSON",
};

export async function look(source: Source, wish: Wish): Promise<Preview> {
  const named = previewOf(wish);
  try {
    const found =
      wish.size === 0 ? { shown: { kind: "text", text: "" } as const, notes: ["The file is empty."] } : await read(source, wish, named);
    return { ...found, read: source.taken() };
  } catch (error) {
    const why = error instanceof Unreadable ? error.message : "What is in it is damaged, or written in a way that is not known here.";
    const note = NAMES[named] ? `By its name it is ${NAMES[named]}, and it cannot be shown as that. ${why}` : why;
    const rest = await plain(source, wish).catch(() => ({ shown: bytesOf(new Uint8Array()), notes: [] }));
    return { ...rest, notes: [note, ...rest.notes], read: source.taken() };
  }
}

async function read(source: Source, wish: Wish, named: PreviewKind): Promise<Found> {
  switch (named === "bytes" ? await guess(source) : named) {
    case "parquet": {
      const { table, notes } = await (await import("./parquet")).parquetOf(source, wish.rows);
      return { shown: table, notes };
    }
    case "arrow": {
      const { table, notes } = await (await import("./arrow")).arrowOf(source, wish.rows);
      return { shown: table, notes };
    }
    case "mzml": {
      const { table, notes } = await (await import("./mzml")).mzmlOf(source, wish.rows, wish.end);
      return { shown: table, notes, end: source.size > SMALL };
    }
    case "csv":
      return csv(source, wish);
    case "json":
      return json(source);
    case "notebook":
      return notebook(source);
    case "image":
      return image(source, wish);
    case "audio":
    case "video":
      return { shown: { kind: "facts", facts: await (await import("./media")).mediaOf(source) }, notes: [] };
    case "pdf":
    case "bytes":
      return plain(source, wish);
    case "markdown":
    case "html":
    case "text":
      return text(source, wish, named === "markdown" ? "markdown" : "text");
  }
}

async function guess(source: Source): Promise<PreviewKind> {
  const head = await source.read(0, Math.min(source.size, HEAD));
  const kind = magicOf(head)?.kind;
  // What the server does not send as a picture is none to a browser.
  return kind && kind !== "image" ? kind : decode(head) && !magicOf(head) ? "text" : "bytes";
}

async function plain(source: Source, wish: Wish): Promise<Found> {
  const head = await source.read(0, Math.min(source.size, HEAD));
  const isText = !magicOf(head) && decode(head);
  return isText ? text(source, wish, "text") : { shown: bytesOf(head), notes: source.size > 512 ? ["The first 512 bytes are shown."] : [] };
}

/** Text of the beginning, which the file may go on. */
async function beginning(source: Source, most: number): Promise<{ text: string; isCut: boolean; notes: string[] }> {
  const head = await source.read(0, Math.min(source.size, most));
  const decoded = decode(head);
  if (!decoded) throw new Unreadable("It holds bytes that are no text.");
  const notes = decoded.encoding ? [`It is no UTF-8 and was read as ${decoded.encoding}.`] : [];
  const isCut = source.size > most;
  if (isCut) notes.push(`The first ${bytes(most)} of ${bytes(source.size)} were read.`);
  return { text: decoded.text, isCut, notes };
}

async function text(source: Source, wish: Wish, kind: "text" | "markdown"): Promise<Found> {
  const { text, isCut, notes } = await beginning(source, HEAD);
  const first = drawable(text);
  const shown: Shown = { kind, text: first.text };
  if (isCut && (wish.end || source.size <= SMALL)) {
    const from = Math.max(HEAD, source.size - TAIL);
    shown.tail = drawableEnd(decodeEnd(await source.read(from, source.size - from)));
  }
  return { shown, notes: [...notes, ...first.notes], end: isCut && shown.tail === undefined };
}

async function csv(source: Source, wish: Wish): Promise<Found> {
  const { tableOf } = await import("./csv");
  const { text, isCut, notes } = await beginning(source, HEAD);
  const shown = tableOf(text, isCut, wish.rows);
  if (isCut && shown.rows.length <= 1 && !text.includes("\n"))
    notes.push(`Its first line is longer than the ${bytes(HEAD)} that were read.`);
  return { shown, notes };
}

async function json(source: Source): Promise<Found> {
  const { treeOf } = await import("./tree");
  const { text, isCut, notes } = await beginning(source, source.size <= MOST_JSON ? MOST_JSON : HEAD);
  const { root, notes: more } = treeOf(text, isCut);
  return { shown: { kind: "tree", root }, notes: [...notes, ...more] };
}

async function notebook(source: Source): Promise<Found> {
  const { MOST_NOTEBOOK, notebookOf } = await import("./notebook");
  if (source.size > MOST_NOTEBOOK) {
    const found = await json(source);
    return { ...found, notes: [`Notebooks larger than ${bytes(MOST_NOTEBOOK)} are shown as JSON.`, ...found.notes] };
  }
  const { text } = await beginning(source, MOST_NOTEBOOK);
  const book = notebookOf(parsed(text));
  if (!book) throw new Unreadable("There are no cells in it.");
  return { shown: { kind: "notebook", language: book.language, cells: book.cells }, notes: book.notes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Unreadable("It is not whole JSON.");
  }
}

async function image(source: Source, wish: Wish): Promise<Found> {
  const isDrawing = wish.media_type.startsWith("image/svg") || wish.path.toLowerCase().endsWith(".svg");
  const most = isDrawing ? MOST_DRAWING : MOST_PICTURE;
  if (source.size > most) throw new Unreadable(`It has ${bytes(source.size)}, and pictures of up to ${bytes(most)} are drawn.`);
  const head = await source.read(0, Math.min(source.size, HEAD));
  const size = isDrawing ? drawingSize(decode(head)?.text ?? "") : sizeOf(head);
  const { width, height } = size ?? { width: 0, height: 0 };
  if (width * height > MOST_PIXELS) throw new Unreadable(`It has ${width} × ${height} points, more than a page should hold in memory.`);
  return { shown: { kind: "picture", width, height }, notes: [] };
}
