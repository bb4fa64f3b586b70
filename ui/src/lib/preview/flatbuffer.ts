/** Tables of FlatBuffers, read in place; a place outside of the bytes throws `RangeError`. */

export class Flat {
  constructor(
    readonly view: DataView,
    private readonly at: number,
  ) {}

  static root(content: Uint8Array): Flat {
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    return new Flat(view, view.getUint32(0, true));
  }

  /** Where a field lies; 0 where it is not written. */
  private field(slot: number): number {
    const table = this.at - this.view.getInt32(this.at, true);
    const within = 4 + 2 * slot;
    const offset = within < this.view.getUint16(table, true) ? this.view.getUint16(table + within, true) : 0;
    return offset === 0 ? 0 : this.at + offset;
  }

  private target(at: number): number {
    return at + this.view.getUint32(at, true);
  }

  byte(slot: number, unless = 0): number {
    const at = this.field(slot);
    return at ? this.view.getUint8(at) : unless;
  }

  short(slot: number, unless = 0): number {
    const at = this.field(slot);
    return at ? this.view.getInt16(at, true) : unless;
  }

  int(slot: number, unless = 0): number {
    const at = this.field(slot);
    return at ? this.view.getInt32(at, true) : unless;
  }

  long(slot: number): number {
    const at = this.field(slot);
    return at ? Number(this.view.getBigInt64(at, true)) : 0;
  }

  text(slot: number): string {
    const at = this.field(slot);
    if (!at) return "";
    const target = this.target(at);
    const length = this.view.getUint32(target, true);
    if (target + 4 + length > this.view.byteLength) throw new RangeError("a text ends outside");
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + target + 4, Math.min(length, 1000)));
  }

  table(slot: number): Flat | null {
    const at = this.field(slot);
    return at ? new Flat(this.view, this.target(at)) : null;
  }

  tables(slot: number, most: number): Flat[] {
    return this.items(slot, 4, most).map((at) => new Flat(this.view, this.target(at)));
  }

  /** Structs of two long numbers. */
  pairs(slot: number, most: number): [number, number][] {
    const long = (at: number) => Number(this.view.getBigInt64(at, true));
    return this.items(slot, 16, most).map((at) => [long(at), long(at + 8)]);
  }

  private items(slot: number, width: number, most: number): number[] {
    const at = this.field(slot);
    if (!at) return [];
    const target = this.target(at);
    const length = Math.min(this.view.getUint32(target, true), most);
    if (target + 4 + length * width > this.view.byteLength) throw new RangeError("a list ends outside");
    return Array.from({ length }, (_, index) => target + 4 + index * width);
  }
}
