/** Parquet: types and statistics from the footer, first rows from the first pages of each column. */
import { parquetMetadata, parquetSchema } from "hyparquet";
import type { FileMetaData, SchemaElement, SchemaTree } from "hyparquet";

import { count } from "../format";
import { COLUMNS, TOLD_COLUMNS } from "./limits";
import { PARSERS, rowsOfGroup } from "./parquetRows";
import type { ColumnFacts, TableShown } from "./shown";
import { Unreadable, type Source } from "./source";
import { adapted, typeOf } from "./parquetTypes";
import { measure } from "./thrift";
import { shownValue } from "./values";

/** Bytes of the end that are read at once: most footers fit. */
const END = 256 * 1024;
const MOST_FOOTER = 8 * 1024 * 1024;
/** Parts of a footer. */
const MOST_PARTS = 1_500_000;
/** Row groups that are read for rows. */
const GROUPS = 8;

export async function parquetOf(source: Source, most: number): Promise<{ table: TableShown; notes: string[] }> {
  const metadata = await footerOf(source);
  const { columns: top, notes } = columnsOf(metadata);
  const total = numberOf(metadata.num_rows);
  const table: TableShown = {
    kind: "table",
    facts: [
      ["rows", count(total)],
      ["columns", count(top.length)],
      ["row groups", count(metadata.row_groups.length)],
      ["packed with", packings(metadata)],
      ["written by", (metadata.created_by ?? "").slice(0, 120)],
    ].filter((fact): fact is [string, string] => fact[1] !== ""),
    columns: summary(metadata, top.slice(0, TOLD_COLUMNS)),
    rows: [],
    total,
    summary: "From the statistics of its footer.",
  };
  if (top.length > TOLD_COLUMNS) notes.push(`The first ${TOLD_COLUMNS} of its columns are listed.`);
  const wanted = Math.min(most, total);
  for (const group of metadata.row_groups.slice(0, GROUPS)) {
    if (table.rows.length >= wanted) break;
    const { rows, notes: more } = await rowsOfGroup(source, group, top.slice(0, COLUMNS), wanted - table.rows.length);
    table.rows.push(...rows);
    notes.push(...more.filter((note) => !notes.includes(note)));
    if (more.length > 0) break;
  }
  table.more = table.rows.length >= most && total > most;
  return { table, notes };
}

async function footerOf(source: Source): Promise<FileMetaData> {
  const { size } = source;
  if (size < 12) throw new Unreadable("It is too short to be Parquet.");
  let end = await source.read(Math.max(0, size - END), Math.min(size, END));
  const sign = new TextDecoder("latin1").decode(end.subarray(-4));
  if (sign === "PARE") throw new Unreadable("It is encrypted.");
  if (sign !== "PAR1") throw new Unreadable("Its end is not that of a Parquet file: it was cut off, or never finished.");
  const length = new DataView(end.buffer, end.byteOffset + end.length - 8, 4).getUint32(0, true);
  if (length > size - 12) throw new Unreadable(`Its footer would have ${count(length)} bytes, and the file has ${count(size)}.`);
  if (length > MOST_FOOTER) throw new Unreadable(`Its footer has ${count(length)} bytes, and a preview reads ${count(MOST_FOOTER)}.`);
  if (length + 8 > end.length) end = await source.read(size - length - 8, length + 8);
  measure(end.subarray(end.length - length - 8, end.length - 8), MOST_PARTS);
  const metadata = parquetMetadata(end, { parsers: PARSERS, geoparquet: false });
  if (depthOf(metadata.schema) > 40) throw new Unreadable("Its columns are nested deeper than a preview follows.");
  return metadata;
}

/** How deep a schema is, which is a list of elements with numbers of children. */
function depthOf(schema: readonly SchemaElement[]): number {
  const open: number[] = [];
  let deepest = 0;
  for (const { num_children } of schema) {
    while (open.at(-1) === 0) open.pop();
    const last = open.length - 1;
    if (last >= 0) open[last] = (open[last] ?? 0) - 1;
    if (num_children) open.push(num_children);
    deepest = Math.max(deepest, open.length);
  }
  return deepest;
}

function columnsOf(metadata: FileMetaData): { columns: SchemaTree[]; notes: string[] } {
  const { children } = parquetSchema(metadata);
  const notes = children.length > COLUMNS ? [`Values of the first ${COLUMNS} columns are shown, of ${count(children.length)}.`] : [];
  return { columns: children, notes };
}

function packings(metadata: FileMetaData): string {
  const names = new Set(metadata.row_groups.slice(0, 4).flatMap((group) => group.columns.map((column) => column.meta_data?.codec ?? "")));
  names.delete("");
  return [...names].map((name) => (name === "UNCOMPRESSED" ? "nothing" : name.toLowerCase().replace("_raw", ""))).join(", ");
}

/** A count of a footer, which may say anything. */
function numberOf(value: bigint | number | undefined): number {
  const number = Number(value ?? 0);
  if (!Number.isSafeInteger(number) || number < 0) throw new Unreadable("Its footer says counts that cannot be.");
  return number;
}

/** Of each column its type, and what the statistics of all row groups say together. */
function summary(metadata: FileMetaData, top: readonly SchemaTree[]): ColumnFacts[] {
  const byPath = new Map<string, FileMetaData["row_groups"][number]["columns"]>();
  for (const group of metadata.row_groups) {
    for (const column of group.columns) {
      const [first = "", ...others] = column.meta_data?.path_in_schema ?? [];
      if (others.length === 0) byPath.set(first, [...(byPath.get(first) ?? []).slice(-20_000), column]);
    }
  }
  return top.map((column) => {
    const type = typeOf(column);
    const facts: ColumnFacts = { name: column.element.name, type, number: /^(u?int\d+|float|double|half|decimal)/.test(type) };
    const chunks = byPath.get(column.element.name) ?? [];
    const known = chunks.map((chunk) => chunk.meta_data?.statistics);
    if (known.length === 0 || column.children.length > 0) return facts;
    if (known.every((one) => one?.null_count !== undefined))
      facts.empty = known.reduce((sum, one) => sum + Number(one?.null_count ?? 0), 0);
    // One row group that says nothing may hold the least and the most.
    const least = known.map((one) => one?.min_value ?? one?.min);
    const most = known.map((one) => one?.max_value ?? one?.max);
    const value = adapted(column.element);
    const [first, last] = type === "bytes" ? [null, null] : [extreme(least.map(value), -1), extreme(most.map(value), 1)];
    return { ...facts, ...(first !== null && { least: first }), ...(last !== null && { most: last }) };
  });
}

function extreme(values: readonly unknown[], sign: 1 | -1): string | null {
  let best: unknown = null;
  for (const value of values) {
    if (value === undefined || value === null) return null;
    if (best === null || (sign < 0 ? (value as number) < (best as number) : (value as number) > (best as number))) best = value;
  }
  return shownValue(best)?.slice(0, 60) ?? null;
}
