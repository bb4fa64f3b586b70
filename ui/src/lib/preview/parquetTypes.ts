/** Types of Parquet as people name them, and values as they read them. */
import type { SchemaElement, SchemaTree } from "hyparquet";

import { count } from "../format";
import { timeOf } from "./values";

/** A type as people name it. */
export function typeOf({ element, children }: SchemaTree, depth = 0): string {
  const logical = element.logical_type;
  const [only] = children;
  if (only && (element.converted_type === "LIST" || logical?.type === "LIST")) {
    return `list of ${depth > 4 ? "…" : typeOf(only.children.length === 1 && only.children[0] ? only.children[0] : only, depth + 1)}`;
  }
  if (element.converted_type === "MAP" || logical?.type === "MAP") return "map";
  if (children.length > 0) return `struct of ${count(children.length)}`;
  const name = plainType(element);
  return element.repetition_type === "REPEATED" ? `list of ${name}` : name;
}

function plainType({ type, type_length, converted_type: converted, logical_type: logical, precision, scale }: SchemaElement): string {
  if (logical?.type === "TIMESTAMP") return `timestamp (${logical.unit.toLowerCase()}${logical.isAdjustedToUTC ? ", UTC" : ""})`;
  if (logical?.type === "INTEGER") return `${logical.isSigned ? "int" : "uint"}${logical.bitWidth}`;
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return `decimal(${precision ?? "?"}, ${scale ?? 0})`;
  if (converted?.startsWith("TIMESTAMP")) return `timestamp (${converted.slice(10).toLowerCase()})`;
  if (logical?.type === "STRING" || converted === "UTF8") return "text";
  if (logical?.type === "FLOAT16") return "half";
  if (logical) return logical.type.toLowerCase();
  if (converted) return converted.toLowerCase().replace("_", "");
  if (type === "FIXED_LEN_BYTE_ARRAY") return `bytes(${type_length ?? "?"})`;
  return { BOOLEAN: "boolean", INT32: "int32", INT64: "int64", INT96: "timestamp", FLOAT: "float", DOUBLE: "double", BYTE_ARRAY: "bytes" }[
    type ?? "BYTE_ARRAY"
  ];
}

/** What makes of a value what people read; values of other types stay as they are. */
export function adapted({ type, converted_type: converted, logical_type: logical }: SchemaElement): (value: unknown) => unknown {
  if (converted === "UINT_64" || (logical?.type === "INTEGER" && logical.bitWidth === 64 && !logical.isSigned)) {
    return (value) => (typeof value === "bigint" ? BigInt.asUintN(64, value) : value);
  }
  // With as many digits as it has.
  if (type === "FLOAT") return (value) => (typeof value === "number" ? Number(value.toPrecision(7)) : value);
  if (logical?.type === "TIME" || converted?.startsWith("TIME_")) {
    const unit = logical?.type === "TIME" ? logical.unit : converted === "TIME_MILLIS" ? "MILLIS" : "MICROS";
    const scale = { MILLIS: 1, MICROS: 1000, NANOS: 1e6 }[unit];
    return (value) => (value === undefined || value === null ? value : timeOf(Number(value) / scale).slice(11) || "00:00:00");
  }
  if (type === "BYTE_ARRAY") return (value) => (value instanceof Uint8Array ? written(value) : value);
  return (value) => value;
}

/** Bytes that are text, as old writers leave them without saying so; else themselves. */
function written(value: Uint8Array): unknown {
  const text = new TextDecoder().decode(value.subarray(0, 1200));
  return /[\p{Cc}\ufffd]/u.test(text.replace(/[\t\r\n]/g, "")) ? value.slice() : text;
}
