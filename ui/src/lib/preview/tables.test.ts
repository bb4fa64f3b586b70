/** Parquet and Arrow, as pyarrow writes them (`fixtures/make.py`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { look } from "./look";
import type { TableShown } from "./shown";
import { memory, sourceOf } from "./source";

async function table(name: string, rows = 50): Promise<TableShown> {
  const content = new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));
  const found = await look(memory(content), { path: name, media_type: "", size: content.length, rows, end: false });
  expect(found.notes.filter((note) => !note.startsWith("Rows of the first batch"))).toEqual([]);
  if (found.shown.kind !== "table") throw new Error(found.shown.kind);
  return found.shown;
}

const TENTH = ["10", "9223372036854775818", "1", "name 0 ü", "2024-05-11", "2024-05-01 12:10:00"];

test.each(["snappy", "gzip", "zstd", "lz4", "second"])("Parquet, %s: values, statistics and the rows of two groups", async (name) => {
  const shown = await table(`${name}.parquet`, 200);
  expect(shown.total).toBe(60);
  expect(shown.rows).toHaveLength(60);
  expect(shown.rows[10]).toEqual([...TENTH, "0.1", "[0, 1]", '{a: 10, b: "s10"}', "false", "k1"]);
  expect(shown.rows[0]?.slice(3, 10)).toEqual([null, "2024-05-01", "2024-05-01 12:00:00", "0", null, null, "true"]);
  expect(shown.rows[59]?.[0]).toBe("59");
  expect(shown.columns.map(({ type }) => type)).toEqual([
    ...[
      "int64",
      "uint64",
      "float",
      "text",
      "date",
      "timestamp (micros, UTC)",
      "decimal(10, 2)",
      "list of int64",
      "struct of 2",
      "boolean",
      "text",
    ],
  ]);
  expect(shown.columns[3]).toMatchObject({ empty: 9, least: "name 0 ü", most: "name 4 ü" });
  expect(shown.columns[1]).toMatchObject({ least: "9223372036854775808", most: "9223372036854775867" });
});

test.each(["lz4.feather", "zstd.feather", "uncompressed.feather", "stream.arrows"])("Arrow, %s", async (name) => {
  const shown = await table(name);
  expect(shown.total).toBe(60);
  expect(shown.rows).toHaveLength(name === "stream.arrows" ? 40 : 50);
  expect(shown.rows[10]).toEqual([...TENTH, "0.10", "[0, 1]", '{a: 10, b: "s10"}', "false", "k1"]);
  expect(shown.rows[0]?.slice(7, 9)).toEqual([null, null]);
});

test("of a large Parquet file its end and the first pages are read", async () => {
  const content = new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", "snappy.parquet")));
  const size = 4 * 2 ** 30;
  const footer = new DataView(content.buffer, content.byteOffset).getUint32(content.length - 8, true) + 8;
  const places: number[] = [];
  const source = sourceOf(size, (from, length) => {
    places.push(from);
    const part = new Uint8Array(length);
    // The end lies where it does in a large file, all else where it did.
    const end = size - footer;
    for (let i = 0; i < length; i++) part[i] = content[from + i < end ? from + i : content.length - footer + from + i - end] ?? 0;
    return Promise.resolve(part);
  });
  const found = await look(source, { path: "a.parquet", media_type: "", size, rows: 20, end: false });
  expect(found.shown).toMatchObject({ kind: "table", total: 60 });
  expect(places).toHaveLength(2);
  expect(found.read).toBeLessThan(300_000);
});
