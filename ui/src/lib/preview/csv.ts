/** Tables written as text: rows of cells, and what the columns hold. */
import { count, plural } from "../format";
import { CELL, COLUMNS, TOLD_COLUMNS } from "./limits";
import type { ColumnFacts, TableShown } from "./shown";
import { cut } from "./text";

const SEPARATORS = [",", "\t", ";", "|"];
/** Rows of which the columns are summed up. */
const SUMMED = 50_000;
/** Different values that are counted. */
const DISTINCT = 1000;

/** The sign that cuts the first lines into the same number of cells, and into most of them. */
export function separatorOf(text: string): string {
  const scores = SEPARATORS.map((sign) => {
    const [first = [], ...others] = rowsOf(text.slice(0, 16_384), sign, 10);
    const alike = others.filter((row) => row.length === first.length).length;
    return { sign, score: first.length < 2 ? 0 : (1 + alike) * Math.log(first.length + 1) };
  });
  return scores.sort((a, b) => b.score - a.score)[0]?.sign ?? ",";
}

/** Rows of separated text, with quoted cells (RFC 4180). Cells and rows are cut where they are longer than is told of. */
export function rowsOf(text: string, separator: string, limit: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  const add = (cell: string) => row.length < TOLD_COLUMNS && row.push(cut(cell, CELL));
  while (at < text.length && rows.length < limit) {
    if (text[at] === '"') {
      const [cell, end] = quoted(text, at, separator);
      add(cell);
      at = end;
    } else {
      const start = at;
      while (at < text.length && text[at] !== separator && text[at] !== "\n") at += 1;
      const end = text[at - 1] === "\r" && text[at] === "\n" ? at - 1 : at;
      add(text.slice(start, end));
    }
    if (at >= text.length || text[at] === "\n") {
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    } else if (at === text.length - 1) add("");
    at += 1;
  }
  if (row.length > 0 && rows.length < limit) rows.push(row);
  return rows;
}

/** A cell that begins with a quote, and where it ends: at a separator, at the end of its line, or of the text. */
function quoted(text: string, start: number, separator: string): [cell: string, end: number] {
  let cell = "";
  let at = start + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [cell.length > CELL ? cell : cell + text.slice(at, at + CELL + 1), text.length];
    if (cell.length <= CELL) cell += text.slice(at, end);
    at = end + 1;
    if (text[at] !== '"') break;
    cell += '"';
    at += 1;
  }
  // What stands behind the quotes belongs to the cell.
  const rest = at;
  while (at < text.length && text[at] !== separator && text[at] !== "\n") at += 1;
  return [cell + text.slice(rest, at).replace(/\r$/, ""), at];
}

/** The table of a text, of which the file may have more. */
export function tableOf(text: string, isCut: boolean, most: number): TableShown {
  const separator = separatorOf(text);
  const all = rowsOf(text, separator, SUMMED + 1);
  // The last row may go on behind what was read.
  const whole = isCut && all.length > 1 ? all.slice(0, -1) : all;
  const [first = [], ...others] = whole;
  const named = isHead(first, others);
  const rows = named ? others : whole;
  const width = Math.max(first.length, ...rows.slice(0, 1000).map((row) => row.length));
  const columns = Array.from({ length: width }, (_, at) => columnOf((named && first[at]) || `column ${at + 1}`, rows, at));
  const known = !isCut && all.length <= SUMMED;
  return {
    kind: "table",
    facts: [
      ["separated by", { ",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars" }[separator] ?? separator],
      ["columns", width >= TOLD_COLUMNS ? `${count(width)} or more` : count(width)],
      [known ? "rows" : "rows that were read", count(rows.length)],
    ],
    columns,
    rows: rows.slice(0, most).map((row) => row.slice(0, COLUMNS)),
    ...(known && { total: rows.length }),
    more: rows.length > most,
    summary: known ? "Of all rows." : `Of the ${plural(rows.length, "row")} that were read.`,
  };
}

/** Whether a first row names the columns: no number is in it, and no name twice; where it is alone, it is all words. */
function isHead(first: readonly string[], others: readonly string[][]): boolean {
  if (others.length === 0) return first.every((cell) => typeOf(cell) === "text");
  return new Set(first).size === first.length && !first.some((cell) => isNumber(typeOf(cell)));
}

type CellType = "whole number" | "number" | "yes or no" | "date" | "time" | "text" | "nothing";

const EMPTY = new Set(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-"]);

function typeOf(cell: string): CellType {
  if (EMPTY.has(cell)) return "nothing";
  if (/^[+-]?\d{1,300}$/.test(cell)) return "whole number";
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(cell)) return "number";
  if (/^(?:true|false|yes|no)$/i.test(cell)) return "yes or no";
  if (/^\d{4}-\d\d-\d\d$/.test(cell)) return "date";
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(cell)) return "time";
  return "text";
}

const isNumber = (type: CellType) => type === "whole number" || type === "number";

/** What a column holds. */
function columnOf(name: string, rows: readonly string[][], at: number): ColumnFacts {
  const types = new Set<CellType>();
  const distinct = new Set<string>();
  let [empty, sum, seen] = [0, 0, 0];
  let [least, most] = [Infinity, -Infinity];
  let [first, last]: [string | null, string | null] = [null, null];
  for (const row of rows) {
    const cell = row[at] ?? "";
    const type = typeOf(cell);
    if (type === "nothing") {
      empty += 1;
      continue;
    }
    types.add(type);
    if (distinct.size <= DISTINCT) distinct.add(cell);
    if (isNumber(type)) {
      const value = Number(cell);
      [least, most, sum, seen] = [Math.min(least, value), Math.max(most, value), sum + value, seen + 1];
    }
    if (first === null || cell < first) first = cell;
    if (last === null || cell > last) last = cell;
  }
  const list = [...types];
  const number = list.length > 0 && list.every(isNumber);
  const type = number ? (types.has("number") ? "number" : "whole number") : list.length === 1 ? (list[0] ?? "text") : "text";
  const facts = {
    name,
    type: list.length === 0 ? "nothing" : type,
    empty,
    distinct: distinct.size > DISTINCT ? "over 1,000" : count(distinct.size),
  };
  if (number) return { ...facts, number, least: short(least), most: short(most), mean: short(sum / seen) };
  return { ...facts, ...(first !== null && { least: cut(first, 60) }), ...(last !== null && { most: cut(last, 60) }) };
}

/** A number with as many digits as say something. */
export function short(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(6)));
}
