/** Arrow and Feather: types and first rows, from the beginning of the file, which is a stream of messages. */
import { count } from "../format";
import { fieldsOf, typeOf, type Field } from "./arrowFields";
import { Batch, type Dictionaries } from "./arrowValues";
import { Flat } from "./flatbuffer";
import { COLUMNS, SMALL, TOLD_COLUMNS } from "./limits";
import type { TableShown } from "./shown";
import { Unreadable, type Source } from "./source";
import { shownValue } from "./values";

const MOST_MESSAGE = 4 * 1024 * 1024;
/** Messages that are looked at for counting rows, and bytes that are read of each before its length is known. */
const MESSAGES = 100;
const BEGINNING = 4096;

interface Message {
  kind: number;
  header: Flat;
  body: number;
  next: number;
}

interface Found {
  fields: Field[];
  first: Batch | null;
  rows: number;
  batches: number;
  /** Whether all of it was looked at. */
  whole: boolean;
}

export async function arrowOf(source: Source, most: number): Promise<{ table: TableShown; notes: string[] }> {
  const { fields, first, rows, batches, whole } = await walk(source);
  const shown = fields.slice(0, COLUMNS);
  const wanted = Math.min(most, first?.length ?? 0);
  const notes: string[] = [];
  const missing: string[] = [];
  const values: unknown[][] = [];
  for (const field of shown) {
    const column = await first?.column(field, wanted).catch((error: unknown) => {
      if (error instanceof Unreadable && !notes.includes(error.message)) notes.push(error.message);
      return null;
    });
    if (column === null) missing.push(`\`${field.name.slice(0, 60)}\``);
    values.push(column ?? []);
  }
  if (missing.length > 0)
    notes.unshift(
      `Not shown are values of ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}.`,
    );
  if (fields.length > COLUMNS) notes.push(`Values of the first ${COLUMNS} columns are shown, of ${count(fields.length)}.`);
  if (wanted < most && rows > wanted) notes.push("Rows of the first batch are shown.");
  return {
    table: {
      kind: "table",
      facts: [
        [whole ? "rows" : "rows of the first batches", count(rows)],
        ["columns", count(fields.length)],
        [whole ? "batches" : "batches that were looked at", count(batches)],
      ],
      columns: fields.slice(0, TOLD_COLUMNS).map((field) => {
        const type = typeOf(field);
        return { name: field.name, type, number: /^(u?int\d+|float|double|half|decimal)/.test(type) };
      }),
      rows: Array.from({ length: wanted }, (_, row) => values.map((column) => (row < column.length ? shownValue(column[row]) : undefined))),
      ...(whole && { total: rows }),
      more: wanted >= most && (first?.length ?? 0) > most,
    },
    notes,
  };
}

/** The schema, the first batch with rows, and how many rows there are as far as messages can be followed cheaply. */
async function walk(source: Source): Promise<Found> {
  const dictionaries: Dictionaries = new Map();
  const sign = new TextDecoder("latin1").decode(await source.read(0, Math.min(8, source.size)));
  if (sign.startsWith("FEA1")) throw new Unreadable("Feather version 1 is not read here; version 2 is.");
  const found: Found = { fields: [], first: null, rows: 0, batches: 0, whole: false };
  let at = sign.startsWith("ARROW1") ? 8 : 0;
  let known = false;
  for (let n = 0; n < MESSAGES; n++) {
    const message = await messageAt(source, at);
    if (!message) {
      found.whole = known;
      break;
    }
    if (message.kind === 1) {
      if (message.header.short(0) !== 0)
        throw new Unreadable("Its numbers are written with their high bytes first, which is not read here.");
      found.fields = fieldsOf(message.header);
      known = true;
    } else if (!known) throw new Unreadable("It does not begin with a schema.");
    else if (message.kind === 2) {
      const inner = message.header.table(1);
      // Later ones replace or go on what the first said; rows of the first batch need the first alone.
      if (inner && !dictionaries.has(message.header.long(0)))
        dictionaries.set(message.header.long(0), new Batch(source, inner, message.body, dictionaries));
    } else if (message.kind === 3) {
      const batch = new Batch(source, message.header, message.body, dictionaries);
      batch.readFields(found.fields);
      if (batch.length > 0) found.first ??= batch;
      found.rows += batch.length;
      found.batches += 1;
      if (source.size > SMALL) break;
    }
    at = message.next;
  }
  if (!known) throw new Unreadable("It does not begin with a schema.");
  return found;
}

/** The message that begins at a place; null at the end of the stream. */
async function messageAt(source: Source, at: number): Promise<Message | null> {
  if (at + 8 > source.size) return null;
  let content = await source.read(at, BEGINNING);
  const view = () => new DataView(content.buffer, content.byteOffset, content.byteLength);
  const marked = view().getUint32(0, true) === 0xffffffff;
  const prefix = marked ? 8 : 4;
  const length = view().getUint32(marked ? 4 : 0, true);
  if (length === 0) return null;
  if (length > MOST_MESSAGE || at + prefix + length > source.size)
    throw new Unreadable("A length in it leads outside of it: it is damaged, or cut off.");
  if (prefix + length > content.length) content = await source.read(at, prefix + length);
  const message = Flat.root(content.subarray(prefix, prefix + length));
  const header = message.table(2);
  const size = message.long(3);
  if (!header || !(size >= 0)) throw new Unreadable("A message in it is damaged.");
  const body = at + prefix + length;
  return { kind: message.byte(1), header, body, next: body + size };
}
