/** First rows of a row group of Parquet: of each column as many pages as they lie in, and of these the beginning. */
import type { ColumnChunk, RowGroup, SchemaTree } from "hyparquet";
import { assembleNested } from "hyparquet/src/assemble.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";

import { CELL, MOST_UNPACKED } from "./limits";
import { Chunk } from "./parquetPages";
import { Unreadable, type Source } from "./source";
import { dayOf, hexOf, shownValue, timeOf } from "./values";

/** Leaves of one column that are read. */
const LEAVES = 12;
/** Columns that are asked for at a time. */
const AT_ONCE = 6;
/** A row group up to this size is read at once. */
const SMALL_GROUP = 1024 * 1024;

const decoder = new TextDecoder();
const text = (value: Uint8Array | undefined) => value && decoder.decode(value.subarray(0, CELL * 4));

/** Values as texts; none of them throws. */
export const PARSERS = {
  ...DEFAULT_PARSERS,
  timestampFromMilliseconds: (value: bigint) => timeOf(Number(value)),
  timestampFromMicroseconds: (value: bigint) => timeOf(Number(value) / 1000),
  timestampFromNanoseconds: (value: bigint) => timeOf(Number(value) / 1e6),
  dateFromDays: dayOf,
  stringFromBytes: text,
  jsonFromBytes: text,
  geometryFromBytes: (value: Uint8Array | undefined) => value && hexOf(value),
  geographyFromBytes: (value: Uint8Array | undefined) => value && hexOf(value),
} as unknown as typeof DEFAULT_PARSERS;

export interface Rows {
  rows: (string | null | undefined)[][];
  notes: string[];
}

export async function rowsOfGroup(source: Source, group: RowGroup, columns: readonly SchemaTree[], most: number): Promise<Rows> {
  const wanted = Math.min(most, Number(group.num_rows));
  if (!(wanted >= 0)) throw new Unreadable("Its footer says counts that cannot be.");
  const chunks = new Map(group.columns.map((chunk) => [(chunk.meta_data?.path_in_schema ?? []).join("\u0000"), chunk]));
  await readSmall(source, group);
  const room = { unpacked: MOST_UNPACKED };
  const notes: string[] = [];
  const values: (readonly unknown[])[] = [];
  for (let at = 0; at < columns.length; at += AT_ONCE) {
    const some = columns.slice(at, at + AT_ONCE).map((column) =>
      valuesOf(source, chunks, column, wanted, room).catch((error: unknown) => {
        const why =
          error instanceof Unreadable ? error.message : "What is stored in them is damaged, or written in a way that is not known here.";
        const note = `Not shown are values of ${quoted(column.element.name)}: ${why}`;
        notes.push(note);
        return [];
      }),
    );
    values.push(...(await Promise.all(some)));
  }
  const rows = Array.from({ length: wanted }, (_, row) =>
    values.map((column) => (row < column.length ? shownValue(column[row]) : undefined)),
  );
  return { rows, notes: merged(notes) };
}

function quoted(name: string): string {
  return `\`${name.slice(0, 60)}\``;
}

/** The same reason is told once. */
function merged(notes: readonly string[]): string[] {
  const byWhy = new Map<string, string[]>();
  for (const note of notes) {
    const [, names = "", why = ""] = /^Not shown are values of (`[^`]*`): (.*)$/s.exec(note) ?? [];
    byWhy.set(why, [...(byWhy.get(why) ?? []), names]);
  }
  return [...byWhy].map(
    ([why, names]) =>
      `Not shown are values of ${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}: ${why}`,
  );
}

/** A small row group in one piece, so that its columns are not asked for one by one. */
async function readSmall(source: Source, group: RowGroup): Promise<void> {
  const places = group.columns.flatMap(({ meta_data: data }) => (data ? [placeOf(data)] : []));
  const from = Math.min(...places.map(([start]) => start));
  const to = Math.max(...places.map(([, end]) => end));
  if (places.length > 1 && to - from <= SMALL_GROUP && from >= 0 && to <= source.size) await source.read(from, to - from);
}

type ColumnData = NonNullable<ColumnChunk["meta_data"]>;

function placeOf(data: ColumnData): [from: number, to: number] {
  const from = Number(
    data.dictionary_page_offset && data.dictionary_page_offset < data.data_page_offset
      ? data.dictionary_page_offset
      : data.data_page_offset,
  );
  return [from, from + Number(data.total_compressed_size)];
}

async function valuesOf(
  source: Source,
  chunks: ReadonlyMap<string, ColumnChunk>,
  column: SchemaTree,
  wanted: number,
  room: { unpacked: number },
): Promise<readonly unknown[]> {
  const leaves = leavesOf([column]);
  if (leaves.length > LEAVES) throw new Unreadable(`It has ${leaves.length} parts, and a preview reads ${LEAVES}.`);
  const read = new Map<string, unknown[]>();
  for (const path of leaves) {
    const data = chunks.get(path.map(({ element }) => element.name).join("\u0000"))?.meta_data;
    if (!data) throw new Unreadable("The footer does not say where they are.");
    const [from, to] = placeOf(data);
    if (!Number.isSafeInteger(from) || !(to >= from) || to > source.size)
      throw new Unreadable("The footer names a place outside of the file.");
    const root = { element: { name: "" }, children: [], count: 0, path: [] } as unknown as SchemaTree;
    const chunk = new Chunk(source, from, to, data.codec, [root, ...path], PARSERS, room);
    read.set(path.at(-1)?.path.join(".") ?? "", await chunk.values(wanted));
  }
  if (column.children.length === 0) return read.values().next().value ?? [];
  // Parts of a struct may have been read to different rows.
  const least = Math.min(...[...read.values()].map((values) => values.length));
  for (const values of read.values()) values.length = least;
  assembleNested(read as never, column, PARSERS);
  return read.get(column.path.join(".")) ?? [];
}

function leavesOf(path: SchemaTree[]): SchemaTree[][] {
  const children = path.at(-1)?.children ?? [];
  return children.length === 0 ? [path] : children.flatMap((child) => leavesOf([...path, child]));
}
