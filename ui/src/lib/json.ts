/** JSON whose numbers stay as they are written: a number that JavaScript would change is kept as its text. */
import { isLosslessNumber, LosslessNumber, parse, stringify } from "lossless-json";

/** A number as JSON writes it: minus, digits, fraction, exponent. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Fields of answers that hold what people wrote; in all others a number is a number. */
const WRITTEN = new Set(["parameters", "spec", "presets"]);

/** A number of JSON: one of JavaScript where that is the same, else its text. */
export type Numeric = number | LosslessNumber;

export function isNumeric(value: unknown): value is Numeric {
  return typeof value === "number" || isLosslessNumber(value);
}

/** The number that a text of JSON writes; null where it writes none. */
export function numberOf(text: string): Numeric | null {
  return NUMBER.test(text) ? exact(text) : null;
}

function exact(text: string): Numeric {
  const value = Number(text);
  return String(value) === text ? value : new LosslessNumber(text);
}

/** Reads JSON. Throws where the text is none. */
export function readJson(text: string): unknown {
  return parse(text, null, { parseNumber: exact });
}

/** Writes JSON, with every number as it was read. */
export function writeJson(value: unknown, indent?: number): string {
  return stringify(value, null, indent) ?? "null";
}

/** Reads an answer of the API: exact where it holds what people wrote, plain elsewhere. */
export function readAnswer(text: string): unknown {
  // The reader of the browser is far faster, and most answers hold nothing of the kind.
  return /"(?:parameters|spec|presets)":/.test(text) ? plain(readJson(text)) : (JSON.parse(text) as unknown);
}

function plain(value: unknown): unknown {
  if (isLosslessNumber(value)) return Number(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, WRITTEN.has(name) ? inner : plain(inner)]));
}

/** How two numbers compare, exactly: below zero where `a` is less. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  const [left, right] = [decimal(a), decimal(b)];
  const scale = Math.min(left.exponent, right.exponent);
  // Of very different sizes, or very small: the signs and the rounded values say it.
  if (Math.max(left.exponent, right.exponent) - scale > 400) return Number(String(a)) - Number(String(b));
  const difference = left.digits * 10n ** BigInt(left.exponent - scale) - right.digits * 10n ** BigInt(right.exponent - scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The whole number that is meant, `1e3` and `1000.0` included; null where there is a fraction. */
export function wholeOf(value: Numeric): bigint | null {
  const { digits, exponent } = decimal(value);
  if (exponent > 400) return null;
  return exponent >= 0 ? digits * 10n ** BigInt(exponent) : null;
}

/** Digits without zeros at their end, times a power of ten. */
function decimal(value: Numeric): { digits: bigint; exponent: number } {
  const [, sign = "", whole = "0", fraction = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(String(value)) ?? [];
  const text = `${whole}${fraction}`;
  const kept = text.replace(/0+$/, "");
  if (/^0*$/.test(kept)) return { digits: 0n, exponent: 0 };
  return { digits: BigInt(`${sign}${kept}`), exponent: Number(power) - fraction.length + text.length - kept.length };
}
