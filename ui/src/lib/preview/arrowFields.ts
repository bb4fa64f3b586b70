/** Columns of Arrow as its schema tells of them. */
import { count } from "../format";
import { Flat } from "./flatbuffer";
import { Unreadable } from "./source";

export interface Field {
  name: string;
  /** The number of the type in Arrow's schema. */
  type: number;
  facts: Flat | null;
  children: Field[];
  dictionary: { id: number; width: number; signed: boolean } | null;
}

export const TYPE = {
  Null: 1,
  Int: 2,
  Float: 3,
  Binary: 4,
  Utf8: 5,
  Bool: 6,
  Decimal: 7,
  Date: 8,
  Time: 9,
  Timestamp: 10,
  Interval: 11,
  List: 12,
  Struct: 13,
  Union: 14,
  FixedBinary: 15,
  FixedList: 16,
  Map: 17,
  Duration: 18,
  LargeBinary: 19,
  LargeUtf8: 20,
  LargeList: 21,
  RunEnds: 22,
  BinaryView: 23,
  Utf8View: 24,
  ListView: 25,
  LargeListView: 26,
} as const;

const DEEPEST = 24;
const MOST_FIELDS = 20_000;

export function fieldsOf(schema: Flat): Field[] {
  const left = { fields: MOST_FIELDS };
  return schema.tables(1, MOST_FIELDS).map((field) => fieldOf(field, 0, left));
}

function fieldOf(field: Flat, depth: number, left: { fields: number }): Field {
  if (depth > DEEPEST || --left.fields < 0) throw new Unreadable("Its columns are more, or nested deeper, than a preview follows.");
  const encoding = field.table(4);
  const index = encoding?.table(1);
  return {
    name: field.text(0),
    type: field.byte(2),
    facts: field.table(3),
    children: field.tables(5, MOST_FIELDS).map((child) => fieldOf(child, depth + 1, left)),
    dictionary: encoding && { id: encoding.long(0), width: index?.int(0, 32) ?? 32, signed: (index?.byte(1) ?? 1) !== 0 },
  };
}

const UNITS = ["s", "ms", "us", "ns"];

/** A type as people name it. */
export function typeOf(field: Field): string {
  const plain = plainType(field);
  return field.dictionary ? `${plain}, as a dictionary` : plain;
}

function plainType({ type, facts, children }: Field): string {
  const inner = () => (children[0] ? typeOf(children[0]) : "nothing");
  switch (type) {
    case TYPE.Null:
      return "nothing";
    case TYPE.Int:
      return `${facts?.byte(1) ? "int" : "uint"}${facts?.int(0) ?? ""}`;
    case TYPE.Float:
      return ["half", "float", "double"][facts?.short(0) ?? 0] ?? "number";
    case TYPE.Bool:
      return "boolean";
    case TYPE.Decimal:
      return `decimal(${facts?.int(0) ?? 0}, ${facts?.int(1) ?? 0})`;
    case TYPE.Date:
      return "date";
    case TYPE.Time:
      return "time of day";
    case TYPE.Timestamp:
      return `timestamp (${UNITS[facts?.short(0) ?? 0] ?? "?"}${facts?.text(1) ? `, ${facts.text(1).slice(0, 40)}` : ""})`;
    case TYPE.Duration:
      return `duration (${UNITS[facts?.short(0, 1) ?? 1] ?? "?"})`;
    case TYPE.Interval:
      return "interval";
    case TYPE.Struct:
      return `struct of ${count(children.length)}`;
    case TYPE.Union:
      return "union";
    case TYPE.Map:
      return "map";
    case TYPE.FixedBinary:
      return `bytes(${facts?.int(0) ?? 0})`;
    case TYPE.FixedList:
      return `list of ${facts?.int(0) ?? 0} ${inner()}`;
    case TYPE.List:
    case TYPE.LargeList:
    case TYPE.ListView:
    case TYPE.LargeListView:
      return `list of ${inner()}`;
    case TYPE.Binary:
    case TYPE.LargeBinary:
    case TYPE.BinaryView:
      return "bytes";
    case TYPE.Utf8:
    case TYPE.LargeUtf8:
    case TYPE.Utf8View:
      return "text";
    case TYPE.RunEnds:
      return children[1] ? typeOf(children[1]) : "runs";
    default:
      return "unknown";
  }
}
