/** First values of a batch of Arrow: of each buffer only what they need. */
import { bytes } from "../format";
import { TYPE, type Field } from "./arrowFields";
import type { Flat } from "./flatbuffer";
import { CELL } from "./limits";
import { Unreadable, type Source } from "./source";
import { unpack } from "./unpack";
import { dayOf, timeOf } from "./values";

/** Bytes of one buffer that are read. */
const MOST_BUFFER = 4 * 1024 * 1024;
/** Values within lists, and entries of a dictionary, that are read. */
const MOST_INNER = 50_000;
const MOST_BUFFERS = 100_000;

export type Dictionaries = Map<number, Batch>;

interface Node {
  buffers: number[];
  children: Node[];
}

export class Batch {
  readonly length: number;
  private readonly buffers: [offset: number, length: number][];
  private readonly codec: "lz4-frame" | "zstd" | null;
  private readonly nodes = new Map<Field, Node>();

  constructor(
    private readonly source: Source,
    batch: Flat,
    private readonly body: number,
    private readonly dictionaries: Dictionaries,
  ) {
    this.length = batch.long(0);
    if (!Number.isSafeInteger(this.length) || this.length < 0) throw new Unreadable("A batch says counts that cannot be.");
    this.buffers = batch.pairs(2, MOST_BUFFERS);
    const packed = batch.table(3);
    this.codec = packed && (packed.byte(0) === 1 ? "zstd" : "lz4-frame");
  }

  /** Which buffers belong to which column. */
  readFields(fields: readonly Field[]): void {
    let next = 0;
    const place = (field: Field): Node => {
      const own = field.dictionary ? 2 : buffersOf(field.type);
      const node: Node = { buffers: Array.from({ length: own }, () => next++), children: [] };
      if (!field.dictionary) node.children = field.children.map(place);
      this.nodes.set(field, node);
      return node;
    };
    fields.forEach(place);
  }

  async column(field: Field, wanted: number): Promise<unknown[]> {
    const node = this.nodes.get(field);
    if (!node) throw new Unreadable("A batch has fewer columns than its schema.");
    return this.values(field, node, Math.min(wanted, this.length));
  }

  /** The first bytes of a buffer. */
  private async buffer(index: number | undefined, from: number, wanted: number): Promise<DataView> {
    const [offset = NaN, length = NaN] = this.buffers[index ?? -1] ?? [];
    if (!(offset >= 0) || !(length >= 0)) throw new Unreadable("A batch says places that cannot be.");
    if (wanted > MOST_BUFFER || from + wanted > 64 * MOST_BUFFER)
      throw new Unreadable(`Values larger than ${bytes(MOST_BUFFER)} are not read.`);
    const start = this.body + offset;
    let content: Uint8Array;
    if (this.codec === null || length < 8) content = await this.source.read(start + from, Math.max(0, Math.min(wanted, length - from)));
    else {
      const packed = await this.source.read(start, Math.min(length, from + wanted + 256 * 1024));
      const size = new DataView(packed.buffer, packed.byteOffset, 8).getBigInt64(0, true);
      const plain = size === -1n ? packed.subarray(8) : await unpack(this.codec, packed.subarray(8), from + wanted);
      content = plain.subarray(from, from + wanted);
    }
    return new DataView(content.buffer, content.byteOffset, content.byteLength);
  }

  private async values(field: Field, node: Node, wanted: number): Promise<unknown[]> {
    if (wanted === 0) return [];
    if (field.type === TYPE.Null) return Array.from({ length: wanted }, () => null);
    const values = field.dictionary ? await this.looked(field, node, wanted) : await this.plain(field, node, wanted);
    // Without a validity buffer all are there.
    if (field.type === TYPE.Union || !(this.buffers[node.buffers[0] ?? -1]?.[1] ?? 0)) return values;
    const valid = await this.buffer(node.buffers[0], 0, Math.ceil(wanted / 8));
    return values.map((value, i) => ((valid.getUint8(i >> 3) >> (i & 7)) & 1 ? value : null));
  }

  private async looked(field: Field, node: Node, wanted: number): Promise<unknown[]> {
    const { id, width, signed } = field.dictionary ?? { id: 0, width: 32, signed: true };
    const view = await this.buffer(node.buffers[1], 0, (wanted * width) / 8);
    const places = Array.from({ length: wanted }, (_, i) => Number(whole(view, i, width, signed)));
    const dictionary = this.dictionaries.get(id);
    const most = places.reduce((most, place) => Math.max(most, place + 1), 0);
    if (!dictionary || !(most <= MOST_INNER)) throw new Unreadable(`A dictionary has more than ${MOST_INNER} entries, or is not there.`);
    const entry: Field = { ...field, dictionary: null };
    dictionary.readFields([entry]);
    const values = await dictionary.column(entry, most);
    return places.map((place) => values[place]);
  }

  private async plain(field: Field, node: Node, wanted: number): Promise<unknown[]> {
    const { type, facts, children } = field;
    const [inner] = children;
    switch (type) {
      case TYPE.Utf8:
      case TYPE.Binary:
        return this.texts(node, wanted, 4, type === TYPE.Utf8);
      case TYPE.LargeUtf8:
      case TYPE.LargeBinary:
        return this.texts(node, wanted, 8, type === TYPE.LargeUtf8);
      case TYPE.List:
      case TYPE.LargeList:
      case TYPE.Map: {
        const ends = await this.ends(node, wanted, type === TYPE.LargeList ? 8 : 4);
        const last = ends.at(-1) ?? 0;
        if (!inner || !node.children[0] || !(last <= MOST_INNER)) throw new Unreadable("Lists in it are longer than a preview reads.");
        const values = await this.values(inner, node.children[0], last);
        return Array.from({ length: wanted }, (_, i) => values.slice(ends[i], ends[i + 1]));
      }
      case TYPE.FixedList: {
        const size = facts?.int(0) ?? 0;
        if (!inner || !node.children[0] || !(size >= 0 && size * wanted <= MOST_INNER))
          throw new Unreadable("Lists in it are longer than a preview reads.");
        const values = await this.values(inner, node.children[0], size * wanted);
        return Array.from({ length: wanted }, (_, i) => values.slice(i * size, (i + 1) * size));
      }
      case TYPE.Struct: {
        const columns: unknown[][] = [];
        for (const [i, child] of children.entries())
          columns.push(await this.values(child, node.children[i] ?? { buffers: [], children: [] }, wanted));
        return Array.from({ length: wanted }, (_, row) => Object.fromEntries(children.map((child, i) => [child.name, columns[i]?.[row]])));
      }
      default: {
        const width = widthOf(field);
        if (width === null) throw new Unreadable("Columns of these types are not read here.");
        const view = await this.buffer(node.buffers[1], 0, Math.ceil(wanted * width));
        return Array.from({ length: wanted }, (_, i) => one(field, view, i));
      }
    }
  }

  /** Where the values begin, and at last where they end. */
  private async ends(node: Node, wanted: number, width: 4 | 8): Promise<number[]> {
    const view = await this.buffer(node.buffers[1], 0, (wanted + 1) * width);
    const ends = Array.from({ length: wanted + 1 }, (_, i) =>
      width === 4 ? view.getInt32(i * 4, true) : Number(view.getBigInt64(i * 8, true)),
    );
    if (ends.some((end, i) => end < (ends[i - 1] ?? 0))) throw new Unreadable("A batch says places that cannot be.");
    return ends;
  }

  private async texts(node: Node, wanted: number, width: 4 | 8, written: boolean): Promise<unknown[]> {
    const ends = await this.ends(node, wanted, width);
    const first = ends[0] ?? 0;
    const view = await this.buffer(node.buffers[2], first, (ends.at(-1) ?? 0) - first);
    return Array.from({ length: wanted }, (_, i) => {
      const [from, to] = [(ends[i] ?? 0) - first, (ends[i + 1] ?? 0) - first];
      const content = new Uint8Array(view.buffer, view.byteOffset + from, Math.min(to - from, CELL * 4));
      return written ? new TextDecoder().decode(content) : content.slice();
    });
  }
}

function buffersOf(type: number): number {
  if (type === TYPE.Null || type === TYPE.RunEnds) return 0;
  if (type === TYPE.Struct || type === TYPE.FixedList) return 1;
  if (type === TYPE.Union) throw new Unreadable("Rows with unions are not read here.");
  if (type >= TYPE.BinaryView) throw new Unreadable("Rows with views are not read here.");
  return [TYPE.Utf8, TYPE.Binary, TYPE.LargeUtf8, TYPE.LargeBinary].includes(type as 5) ? 3 : 2;
}

/** Bytes of a value; null where there is no such width. */
function widthOf({ type, facts }: Field): number | null {
  switch (type) {
    case TYPE.Int:
      return (facts?.int(0) ?? 0) / 8;
    case TYPE.Float:
      return [2, 4, 8][facts?.short(0) ?? 0] ?? null;
    case TYPE.Bool:
      return 1 / 8;
    case TYPE.Decimal:
      return (facts?.int(2, 128) ?? 128) / 8;
    case TYPE.Date:
      return (facts?.short(0, 1) ?? 1) === 0 ? 4 : 8;
    case TYPE.Time:
      return (facts?.int(1, 32) ?? 32) / 8;
    case TYPE.Timestamp:
    case TYPE.Duration:
      return 8;
    case TYPE.FixedBinary:
      return facts?.int(0) ?? null;
    default:
      return null;
  }
}

function one(field: Field, view: DataView, i: number): unknown {
  const { type, facts } = field;
  const width = widthOf(field) ?? 0;
  const unit = facts?.short(0, type === TYPE.Timestamp ? 0 : 1) ?? 1;
  switch (type) {
    case TYPE.Int:
      return whole(view, i, width * 8, facts?.byte(1) !== 0);
    case TYPE.Float:
      return width === 2
        ? half(view.getUint16(i * 2, true))
        : width === 4
          ? single(view.getFloat32(i * 4, true))
          : view.getFloat64(i * 8, true);
    case TYPE.Bool:
      return ((view.getUint8(i >> 3) >> (i & 7)) & 1) === 1;
    case TYPE.Decimal:
      return decimal(view, i * width, width, facts?.int(1) ?? 0);
    case TYPE.Date:
      return width === 4 ? dayOf(view.getInt32(i * 4, true)) : timeOf(Number(view.getBigInt64(i * 8, true))).slice(0, 10);
    case TYPE.Timestamp:
      return timeOf(Number(view.getBigInt64(i * 8, true)) / 10 ** (3 * unit - 3));
    case TYPE.Time:
      return timeOf(Number(whole(view, i, width * 8, true)) / 10 ** (3 * unit - 3)).slice(11) || "00:00:00";
    case TYPE.Duration:
      return `${view.getBigInt64(i * 8, true)} ${["s", "ms", "us", "ns"][unit] ?? ""}`;
    default:
      return new Uint8Array(view.buffer, view.byteOffset + i * width, width).slice();
  }
}

function whole(view: DataView, i: number, bits: number, signed: boolean): number | bigint {
  switch (bits) {
    case 8:
      return signed ? view.getInt8(i) : view.getUint8(i);
    case 16:
      return signed ? view.getInt16(i * 2, true) : view.getUint16(i * 2, true);
    case 32:
      return signed ? view.getInt32(i * 4, true) : view.getUint32(i * 4, true);
    case 64:
      return signed ? view.getBigInt64(i * 8, true) : view.getBigUint64(i * 8, true);
    default:
      throw new Unreadable("It has numbers of a width that cannot be.");
  }
}

/** With as many digits as it has. */
function single(value: number): number {
  return Number(value.toPrecision(7));
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? 2 ** -14 * (fraction / 1024) : 2 ** (exponent - 15) * (1 + fraction / 1024));
}

function decimal(view: DataView, at: number, width: number, scale: number): string {
  if (![4, 8, 16, 32].includes(width) || !(Math.abs(scale) <= 100)) throw new Unreadable("It has numbers of a width that cannot be.");
  let value = 0n;
  for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(at + i));
  value = BigInt.asIntN(width * 8, value);
  if (scale <= 0) return String(value * 10n ** BigInt(-scale));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
