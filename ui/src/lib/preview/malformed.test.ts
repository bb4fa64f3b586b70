/** Damaged and hostile files: each is told in a sentence or shown as far as it goes; none throws, takes long, or reads more than a preview may. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";

import { beforeAll, expect, test } from "vitest";

import { MOST_READ, MOST_WORK } from "./limits";
import { look } from "./look";
import { sourceOf } from "./source";

interface Case {
  path: string;
  content: Uint8Array;
  /** What it is said to have; what lies behind its content is zeros. */
  size?: number;
  /** What has to be told. */
  told?: RegExp;
}

const fixture = (name: string) => new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));
const text = (content: string) => new TextEncoder().encode(content);
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function set(content: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const changed = content.slice();
  changed.set(bytes, at < 0 ? content.length + at : at);
  return changed;
}

/** A Parquet file whose footer is these bytes. */
function footed(footer: Uint8Array): Uint8Array {
  const length = new Uint8Array(new Uint32Array([footer.length]).buffer);
  return joined(text("PAR1"), footer, length, text("PAR1"));
}

const snappy = fixture("snappy.parquet");
const zstd = fixture("zstd.parquet");
const feather = fixture("lz4.feather");
const plain = fixture("uncompressed.feather");
/** A list of ten million structs without fields. */
const many = joined(new Uint8Array([0x15, 2, 0x19, 0xfc, 0x80, 0xad, 0xe2, 4]), new Uint8Array(7_000_000));

const CASES: Record<string, Case> = {
  "Parquet of 0 bytes": { path: "a.parquet", content: text(""), told: /empty/ },
  "Parquet of 4 bytes": { path: "a.parquet", content: text("PAR1"), told: /too short/ },
  "Parquet without its end": { path: "a.parquet", content: snappy.slice(0, -30), told: /cut off/ },
  "Parquet, first half": { path: "a.parquet", content: snappy.slice(0, snappy.length / 2), told: /cut off/ },
  "Parquet, second half": { path: "a.parquet", content: snappy.slice(snappy.length / 2), told: /damaged/ },
  "Parquet with a footer of 4 GB": { path: "a.parquet", content: set(snappy, -8, 255, 255, 255, 255), told: /footer would have/ },
  "Parquet with a footer of 500 MB": {
    path: "a.parquet",
    content: joined(new Uint8Array(1), set(snappy, -8, 0, 0, 0, 30).slice(-8)),
    size: 9,
    told: /too short/,
  },
  "Parquet with a footer of 0 bytes": { path: "a.parquet", content: set(snappy, -8, 0, 0, 0, 0) },
  "Parquet, encrypted": { path: "a.parquet", content: set(snappy, -1, 0x45), told: /encrypted/ },
  "Parquet, a footer of zeros": { path: "a.parquet", content: footed(new Uint8Array(5000)) },
  "Parquet, a footer of ones": { path: "a.parquet", content: footed(new Uint8Array(5000).fill(255)), told: /damaged/ },
  "Parquet, a footer of structs in structs": { path: "a.parquet", content: footed(new Uint8Array(1_000_000).fill(0x1c)), told: /damaged/ },
  "Parquet, a footer of lists in lists": { path: "a.parquet", content: footed(new Uint8Array(1_000_000).fill(0x19)), told: /damaged/ },
  "Parquet, ten million columns": { path: "a.parquet", content: footed(many), told: /more columns/ },
  "Parquet whose pages are zeros": { path: "a.parquet", content: wiped(snappy, 0) },
  "Parquet whose pages are ones": { path: "a.parquet", content: wiped(snappy, 255), told: /Not shown are values/ },
  "Parquet whose packed pages are noise": { path: "a.parquet", content: noise(zstd), told: /Not shown are values/ },
  "Parquet that is text": { path: "a.parquet", content: text("id,level\n1,2\n"), told: /cannot be shown as that/ },
  "Parquet that says 1 TB": { path: "a.parquet", content: snappy, size: 2 ** 40, told: /cut off/ },
  "Feather of 8 bytes": { path: "a.feather", content: feather.slice(0, 8), told: /does not begin with a schema/ },
  "Feather, first half": { path: "a.feather", content: feather.slice(0, feather.length / 2) },
  "Feather with a message of 4 GB": { path: "a.feather", content: set(feather, 12, 255, 255, 255, 255), told: /leads outside/ },
  "Feather with a message of 3 MB": { path: "a.feather", content: set(feather, 12, 0, 0, 48, 0), told: /leads outside/ },
  "Feather whose schema is zeros": { path: "a.feather", content: joined(feather.slice(0, 16), new Uint8Array(900), feather.slice(916)) },
  "Feather whose schema is ones": {
    path: "a.feather",
    content: joined(feather.slice(0, 16), new Uint8Array(900).fill(255), feather.slice(916)),
  },
  "Feather whose values are ones": {
    path: "a.feather",
    content: joined(plain.slice(0, 2600), new Uint8Array(plain.length - 2600).fill(255)),
  },
  "Feather, version 1": { path: "a.feather", content: text("FEA1 and what follows"), told: /version 1/ },
  "CSV of one line of 1 GB": {
    path: "a.csv",
    content: text("a,b,c\n".slice(0, 5).repeat(60_000)),
    size: 2 ** 30,
    told: /first line is longer/,
  },
  "CSV of quotes": { path: "a.csv", content: text('"'.repeat(1_000_000)) },
  "CSV of commas": { path: "a.csv", content: text(",".repeat(1_000_000)) },
  "CSV of line ends": { path: "a.csv", content: text("\n".repeat(1_000_000)) },
  "CSV of one open quote": { path: "a.csv", content: text(`a,b\n"${"x\n,".repeat(300_000)}`) },
  "CSV of zeros": { path: "a.csv", content: new Uint8Array(100_000), told: /no text/ },
  "JSON, a million deep": { path: "a.json", content: text("[".repeat(1_000_000)), told: /deeper/ },
  "JSON, objects a million deep": { path: "a.json", content: text('{"a":'.repeat(200_000)), told: /deeper/ },
  "JSON of one text of 1 GB": { path: "a.json", content: text(`"${"x".repeat(2_000_000)}`), size: 2 ** 30 },
  "JSON of one number of 1 GB": { path: "a.json", content: text("1".repeat(2_000_000)), size: 2 ** 30 },
  "JSON with NaN and commas": { path: "a.json", content: text('{"a": NaN, "b": [1,,2]}'), told: /line 1, column 20/ },
  "JSON that closes what is not open": { path: "a.json", content: text("]]]"), told: /not expected/ },
  "JSON, half an escape": { path: "a.json", content: text('"\\u12'), told: /not closed/ },
  "JSON of zeros": { path: "a.json", content: new Uint8Array(1000), told: /no text/ },
  "Notebook, cut": { path: "a.ipynb", content: text('{"cells": [{"cell_type": "code"'), told: /not whole JSON/ },
  "Notebook, a million deep": { path: "a.ipynb", content: text("[".repeat(1_000_000)), told: /not whole JSON/ },
  "Notebook whose cells are no cells": {
    path: "a.ipynb",
    content: text(
      '{"cells": [1, null, {"source": 7, "outputs": {"a": 1}}, {"cell_type": "code", "outputs": [null, {"data": {"image/png": "<script>"}}]}]}',
    ),
  },
  "Notebook of numbers": { path: "a.ipynb", content: text("7"), told: /no cells/ },
  "mzML without spectra": { path: "a.mzML", content: text("<mzML><run>"), told: /no index/ },
  "mzML that is none": { path: "a.mzML", content: text("<html>"), told: /no `mzML`/ },
  "mzML of open tags": { path: "a.mzML", content: text(`<mzML>${"<a ".repeat(500_000)}`) },
  "mzML of open spectra": { path: "a.mzML", content: text(`<mzML><spectrumList count="NaN">${"<spectrum>".repeat(100_000)}`) },
  "mzML of entities": {
    path: "a.mzML",
    content: text(`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><mzML version="&b;"><spectrum id="&#99999999;"/></mzML>`),
  },
  "mzML whose index leads outside": {
    path: "a.mzML",
    content: text(
      '<mzML><spectrumList count="1"/></mzML><indexList><index name="spectrum"><offset idRef="a">99999999999</offset></index></indexList>',
    ),
    told: /no index/,
  },
  "PNG of 4 billion points": {
    path: "a.png",
    content: joined(new Uint8Array([0x89]), text("PNG"), new Uint8Array(40).fill(127)),
    told: /points/,
  },
  "JPEG without a frame": { path: "a.jpg", content: new Uint8Array([255, 216, 255, 224, 0, 0, 255, 224, 0, 0]) },
  "SVG of 1 GB": { path: "a.svg", content: text("<svg>"), size: 2 ** 30, told: /drawn/ },
  "MP4 of boxes without end": { path: "a.mp4", content: joined(new Uint8Array([0, 0, 0, 8]), text("ftyp"), new Uint8Array(10_000)) },
  "WAV with a rate of 0": { path: "a.wav", content: text("RIFF\0\0\0\0WAVEdata\xff") },
  "Bytes of a zip bomb": { path: "a.bin", content: joined(text("PK\x03\x04"), new Uint8Array(deflateRawSync(new Uint8Array(1 << 24)))) },
  "A gzip bomb": { path: "a.gz", content: new Uint8Array(gzipSync(new Uint8Array(1 << 24))) },
};

/** Pages of the same bytes; the footer stays. */
function wiped(content: Uint8Array, byte: number): Uint8Array {
  const footer = new DataView(content.buffer, content.byteOffset).getUint32(content.length - 8, true);
  return content.slice().fill(byte, 4, content.length - 8 - footer);
}

/** Every seventh byte of the pages is another. */
function noise(content: Uint8Array): Uint8Array {
  const footer = new DataView(content.buffer, content.byteOffset).getUint32(content.length - 8, true);
  return content.map((byte, at) => (at > 4 && at < content.length - 8 - footer && at % 7 === 0 ? byte ^ 0x5a : byte));
}

// What is loaded when it is needed is not what is measured.
beforeAll(() =>
  Promise.all([import("./parquet"), import("./arrow"), import("./mzml"), import("./tree"), import("./csv"), import("./notebook")]),
);

test.each(Object.entries(CASES))("%s", async (_, { path, content, size = content.length, told }) => {
  const source = sourceOf(size, (from, length) => {
    const part = new Uint8Array(length);
    part.set(content.subarray(Math.min(from, content.length), Math.min(from + length, content.length)));
    return Promise.resolve(part);
  });
  const since = performance.now();
  const found = await look(source, { path, media_type: "", size, rows: 1000, end: false });
  expect(performance.now() - since).toBeLessThan(MOST_WORK);
  expect(found.read).toBeLessThanOrEqual(MOST_READ);
  expect(JSON.stringify(found).length).toBeLessThan(16 * 1024 * 1024);
  for (const note of found.notes) expect(note).toMatch(/^[A-Z].*\.$/s);
  if (told) expect(found.notes.join(" ")).toMatch(told);
});

test.each(["snappy.parquet", "gzip.parquet", "second.parquet", "lz4.feather", "stream.arrows"])(
  "any one byte of %s may be another",
  async (name) => {
    const content = fixture(name);
    for (let at = 0; at < content.length; at += 29) {
      const changed = set(content, at, (content[at] ?? 0) ^ 0xff);
      const source = sourceOf(changed.length, (from, length) => Promise.resolve(changed.subarray(from, from + length)));
      const since = performance.now();
      const found = await look(source, { path: name, media_type: "", size: changed.length, rows: 50, end: false });
      expect(performance.now() - since, `byte ${at}`).toBeLessThan(MOST_WORK);
      expect(found.shown.kind).toBeDefined();
    }
  },
  // Some hundred looks, each with a limit of its own, perhaps on a machine that does other things.
  60_000,
);
