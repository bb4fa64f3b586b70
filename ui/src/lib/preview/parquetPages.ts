/** Pages of one column of Parquet: levels and values of their beginning, whatever they say of their sizes. */
import type { CompressionCodec, DecodedArray, Encoding, PageHeader, ParquetParsers, SchemaTree } from "hyparquet";
import { assembleLists } from "hyparquet/src/assemble.js";
import { parquetHeader } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { byteStreamSplit } from "hyparquet/src/encoding.js";
import { readPlain } from "hyparquet/src/plain.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";

import { bytes } from "../format";
import { bitsOf } from "./bits";
import { Unreadable, type Source } from "./source";
import { adapted } from "./parquetTypes";
import { take, unpack, type Codec } from "./unpack";

/** Bytes of a page, and of a dictionary, that are read for up to 50 rows. */
const PIECE = 64 * 1024;
/** A dictionary whose beginning is not enough is read whole, up to this size. */
const MOST_DICTIONARY = 2 * 1024 * 1024;
const MOST_PAGE = 4 * 1024 * 1024;
/** Levels of one page that are looked at. */
const MOST_LEVELS = 2_000_000;
const PAGES = 200;

const CODECS: Partial<Record<CompressionCodec, Codec>> = {
  SNAPPY: "snappy",
  GZIP: "gzip",
  ZSTD: "zstd",
  LZ4_RAW: "lz4",
  LZ4: "lz4-hadoop",
};

export class Chunk {
  private dictionary: DecodedArray | null = null;
  /** Where all of the dictionary is, as long as its beginning alone was read. */
  private rest: { header: PageHeader; start: number } | null = null;
  private readonly levels: { repetition: number; definition: number };

  constructor(
    private readonly source: Source,
    private at: number,
    private readonly end: number,
    private readonly codec: CompressionCodec,
    private readonly path: SchemaTree[],
    private readonly parsers: ParquetParsers,
    private readonly room: { unpacked: number },
  ) {
    this.levels = { repetition: getMaxRepetitionLevel(path), definition: getMaxDefinitionLevel(path) };
  }

  /** Values of the first rows; fewer where the pages were not read so far. */
  async values(wanted: number): Promise<unknown[]> {
    const output: unknown[] = [];
    for (let page = 0; page < PAGES && this.at < this.end && output.length < wanted; page++) {
      const { header, start } = await this.header();
      const size = header.compressed_page_size;
      if (!(size >= 0) || !(header.uncompressed_page_size >= 0) || start + size > this.end) throw damaged();
      this.at = start + size;
      if (header.type === "DICTIONARY_PAGE") await this.readDictionary(header, start);
      else if (header.type === "DATA_PAGE" || header.type === "DATA_PAGE_V2") {
        if (await this.readData(header, start, wanted, output)) continue;
        break;
      }
    }
    return output.slice(0, wanted);
  }

  private async header(): Promise<{ header: PageHeader; start: number }> {
    const content = await this.source.read(this.at, Math.min(PIECE, this.end - this.at));
    const reader = { view: viewOf(content), offset: 0 };
    const header = parquetHeader(reader);
    return { header, start: this.at + reader.offset };
  }

  private async unpacked(packed: Uint8Array, most: number): Promise<Uint8Array> {
    if (this.codec === "UNCOMPRESSED") return packed.subarray(0, most);
    const codec = CODECS[this.codec];
    if (!codec) throw new Unreadable(`What is packed with ${this.codec.toLowerCase()} is not unpacked here.`);
    const content = await unpack(codec, packed, most);
    take(this.room, content.length);
    return content;
  }

  /** First rows mostly use the first entries: so many bytes of them are read. */
  private async readDictionary(header: PageHeader, start: number, most = PIECE): Promise<void> {
    const { compressed_page_size: size, uncompressed_page_size: plain } = header;
    const packed = await this.source.read(start, Math.min(size, most));
    const content = await this.unpacked(packed, Math.min(plain, MOST_DICTIONARY));
    this.rest = packed.length < size ? { header, start } : null;
    this.dictionary = this.plain(content, header.dictionary_page_header?.num_values ?? 0);
  }

  /** The entries of the dictionary up to the largest that is used. */
  private async readEntries(page: Page, present: number): Promise<void> {
    if (!this.rest || !page.encoding.endsWith("_DICTIONARY")) return;
    const used = bitsOf(page.values.subarray(1), page.values[0] ?? 0, present);
    if (used.reduce((most, index) => Math.max(most, index), 0) < (this.dictionary?.length ?? 0)) return;
    const { header, start } = this.rest;
    const size = Math.max(header.compressed_page_size, header.uncompressed_page_size);
    if (size > MOST_DICTIONARY) {
      throw new Unreadable(`Their dictionary has ${bytes(size)}, and a preview reads ${bytes(MOST_DICTIONARY)}.`);
    }
    await this.readDictionary(header, start, size);
  }

  /** Adds the values of a page; whether all of it was there. */
  private async readData(header: PageHeader, start: number, wanted: number, output: unknown[]): Promise<boolean> {
    const piece = PIECE * Math.min(8, Math.max(1, wanted / 50));
    const packed = await this.source.read(start, Math.min(piece, header.compressed_page_size));
    const page = header.type === "DATA_PAGE" ? await this.first(header, packed) : await this.second(header, packed);
    const { repetition, definition } = page;
    const rows = this.levels.repetition > 0 ? rowsIn(repetition, wanted - output.length) : Math.min(page.count, wanted - output.length);
    const levels = definition.subarray(0, rows);
    const present = this.levels.definition > 0 ? amount(levels, this.levels.definition) : rows;
    const all = this.levels.definition > 0 ? amount(definition, this.levels.definition) : page.count;
    await this.readEntries(page, present);
    const raw = this.decode(page.encoding, page.values, present, all);
    const element = this.path.at(-1)?.element;
    if (!element) throw damaged();
    const decoder = {
      pathInSchema: [],
      type: element.type ?? "BYTE_ARRAY",
      element,
      schemaPath: this.path,
      codec: this.codec,
      parsers: this.parsers,
      utf8: false,
    };
    const values = raw.length === 0 ? [] : Array.from(convert(raw, decoder as never) as ArrayLike<unknown>, adapted(element));
    // Without the values behind the last level there are only so many rows.
    const known = values.length < present ? upTo(levels, this.levels.definition, values.length, rows) : rows;
    if (this.levels.definition === 0) for (let i = 0; i < known; i++) output.push(values[i]);
    else assembleLists(output, Array.from(levels.subarray(0, known)), Array.from(repetition.subarray(0, known)), values, this.path);
    return known === rows && packed.length === header.compressed_page_size;
  }

  private async first(header: PageHeader, packed: Uint8Array): Promise<Page> {
    const said = header.data_page_header;
    if (!said) throw damaged();
    const content = await this.unpacked(packed, Math.min(header.uncompressed_page_size, MOST_PAGE));
    const view = viewOf(content);
    let at = 0;
    const levels = (most: number) => {
      if (most === 0) return new Uint32Array();
      const length = view.getUint32(at, true);
      const found = bitsOf(content.subarray(at + 4, at + 4 + length), widthOf(most), counted(said.num_values));
      at += 4 + length;
      return found;
    };
    const repetition = levels(this.levels.repetition);
    const definition = levels(this.levels.definition);
    return { repetition, definition, values: content.subarray(at), encoding: said.encoding, count: counted(said.num_values) };
  }

  private async second(header: PageHeader, packed: Uint8Array): Promise<Page> {
    const said = header.data_page_header_v2;
    if (!said) throw damaged();
    const [long, short] = [said.repetition_levels_byte_length, said.definition_levels_byte_length];
    if (!(long >= 0) || !(short >= 0)) throw damaged();
    const levels = (most: number, from: number, length: number) =>
      most === 0 ? new Uint32Array() : bitsOf(packed.subarray(from, from + length), widthOf(most), counted(said.num_values));
    const rest = packed.subarray(long + short);
    const size = Math.min(Math.max(0, header.uncompressed_page_size - long - short), MOST_PAGE);
    const values = said.is_compressed === false || size === 0 ? rest : await this.unpacked(rest, size);
    const [repetition, definition] = [levels(this.levels.repetition, 0, long), levels(this.levels.definition, long, short)];
    return { repetition, definition, values, encoding: said.encoding, count: counted(said.num_values) };
  }

  /** The first values of a page that has `all`; fewer where it was cut. */
  private decode(encoding: Encoding, content: Uint8Array, wanted: number, all: number): DecodedArray {
    const reader = { view: viewOf(content), offset: 0 };
    const element = this.path.at(-1)?.element;
    if (wanted === 0) return [];
    switch (encoding) {
      case "PLAIN":
        return this.plain(content, wanted);
      case "PLAIN_DICTIONARY":
      case "RLE_DICTIONARY": {
        const { dictionary } = this;
        if (!dictionary) throw damaged();
        return Array.from(bitsOf(content.subarray(1), content[0] ?? 0, wanted), (index) => {
          if (index >= dictionary.length) throw damaged();
          return dictionary[index] as unknown;
        });
      }
      case "RLE":
        return Array.from(bitsOf(content.subarray(4), 1, wanted), Boolean);
      case "DELTA_BINARY_PACKED": {
        const output = element?.type === "INT32" ? new Int32Array(wanted) : new BigInt64Array(wanted);
        deltaBinaryUnpack(reader, wanted, output);
        return output;
      }
      case "DELTA_LENGTH_BYTE_ARRAY":
      case "DELTA_BYTE_ARRAY": {
        const output: Uint8Array[] = [];
        (encoding === "DELTA_BYTE_ARRAY" ? deltaByteArray : deltaLengthByteArray)(reader, all, output);
        return output.slice(0, wanted);
      }
      case "BYTE_STREAM_SPLIT":
        if (all * (element?.type_length ?? 8) > MOST_PAGE) throw new Unreadable("A page is larger than a preview reads.");
        return byteStreamSplit(reader, all, element?.type ?? "DOUBLE", element?.type_length).slice(0, wanted);
      default:
        throw new Unreadable(`They are written as ${encoding}, which is not read here.`);
    }
  }

  private plain(content: Uint8Array, wanted: number): DecodedArray {
    const { type = "BYTE_ARRAY", type_length } = this.path.at(-1)?.element ?? {};
    if (!(wanted >= 0)) throw damaged();
    if (type === "BYTE_ARRAY") return texts(content, wanted);
    const width = { BOOLEAN: 0.125, INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8, INT96: 12, FIXED_LEN_BYTE_ARRAY: type_length ?? 0 }[type];
    if (!(width > 0)) throw damaged();
    return readPlain({ view: viewOf(content), offset: 0 }, type, Math.min(wanted, Math.floor(content.length / width)), type_length);
  }
}

interface Page {
  repetition: Uint32Array;
  definition: Uint32Array;
  values: Uint8Array;
  encoding: Encoding;
  count: number;
}

function damaged(): Unreadable {
  return new Unreadable("What is stored in it is damaged.");
}

function viewOf(content: Uint8Array): DataView<ArrayBuffer> {
  return new DataView(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
}

function counted(values: number): number {
  if (!(values >= 0)) throw damaged();
  if (values > MOST_LEVELS) throw new Unreadable("A page has more values than a preview looks at.");
  return values;
}

function widthOf(most: number): number {
  return 32 - Math.clz32(most);
}

/** Values with their lengths before them. */
function texts(content: Uint8Array, wanted: number): Uint8Array[] {
  const view = viewOf(content);
  const found: Uint8Array[] = [];
  for (let at = 0; found.length < wanted && at + 4 <= content.length;) {
    const length = view.getUint32(at, true);
    if (at + 4 + length > content.length) break;
    found.push(content.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** How many levels belong to the first rows; a row begins where nothing is repeated. */
function rowsIn(repetition: Uint32Array, wanted: number): number {
  let rows = 0;
  for (let at = 0; at < repetition.length; at++) {
    if (repetition[at] === 0 && ++rows > wanted) return at;
  }
  return repetition.length;
}

function amount(levels: Uint32Array, most: number): number {
  let found = 0;
  for (const level of levels) if (level === most) found += 1;
  return found;
}

/** How many levels come before the value that was not read. */
function upTo(levels: Uint32Array, most: number, values: number, rows: number): number {
  if (most === 0) return Math.min(values, rows);
  let found = 0;
  for (let at = 0; at < levels.length; at++) if (levels[at] === most && ++found > values) return at;
  return levels.length;
}
