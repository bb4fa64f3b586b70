/** Amounts as people write them, in the words of the command line: `16 cores`, `64 GiB`, `1 h`; and written so that they are read back exactly. */

/** What was read: an amount, none (`none`, or nothing at all), or what is wrong. */
export type Read<T> = { amount: T | null } | { wrong: string };

type Reader = (text: string) => Read<number>;

const NUMBER = /^(\d+(?:\.\d+)?|\.\d+)\s*/;
const NONE = /^(?:none)?$/i;
const SIZES: Readonly<Record<string, number>> = { "": 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };
const TIMES: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Reads `none`, else what `read` makes of it. */
function orNone(read: Reader): Reader {
  return (text) => (NONE.test(text.trim()) ? { amount: null } : read(text.trim()));
}

/** A whole number, from `least` on. */
export function readCount(least = 0): Reader {
  return orNone((text) => {
    const amount = /^\d{1,15}$/.test(text.replace(/[ ,]/g, "")) ? Number(text.replace(/[ ,]/g, "")) : null;
    if (amount === null) return { wrong: `\`${text}\` is no whole number` };
    return amount < least ? { wrong: `it is at least ${least}` } : { amount };
  });
}

/** Cores: `2`, `1.5 cores`, `500m`. */
export const readCores: Reader = orNone((text) => {
  const [number, unit] = split(text);
  if (number === null) return { wrong: `\`${text}\` is no number of cores, such as \`16\`` };
  if (!["", "core", "cores", "m"].includes(unit)) return { wrong: `\`${unit}\` is no unit of cores: \`m\` is a thousandth of one` };
  const amount = unit === "m" ? number / 1000 : number;
  return amount > 0 && amount <= 100_000 ? { amount } : { wrong: "cores are more than 0, and at most 100,000" };
});

/** Bytes: `64 GiB`, `64g`, `512MB`. */
export const readBytes: Reader = orNone((text) => {
  const [number, unit] = split(text);
  if (number === null) return { wrong: `\`${text}\` is no size, such as \`64 GiB\`` };
  const power = SIZES[unit.replace(/(?<=[kmgtp])(?:ib?|b)$/, "")];
  if (power === undefined) return { wrong: `\`${unit}\` is no unit of sizes: these are KiB, MiB, GiB and TiB` };
  const amount = Math.floor(number * 1024 ** power);
  return amount <= Number.MAX_SAFE_INTEGER ? { amount } : { wrong: "it is at most 8 PiB" };
});

/** Milliseconds: `1 h`, `1h30m`, `2 days`; a bare number is seconds. */
export const readTime: Reader = orNone((text) => {
  let [rest, sum] = [text, 0];
  while (rest !== "") {
    const number = NUMBER.exec(rest);
    if (!number) return { wrong: `\`${text}\` is no time, such as \`1 h\`` };
    const unit = /^[^\d.\s]*/.exec(rest.slice(number[0].length))?.[0] ?? "";
    const factor = timeOf(unit.toLowerCase(), rest === text && unit === "");
    if (factor === undefined) return { wrong: unit ? `\`${unit}\` is no unit of time: these are s, min, h and d` : "it has no unit" };
    sum += Number(number[1]) * factor;
    rest = rest.slice(number[0].length + unit.length).trimStart();
  }
  return sum <= 36_500 * 86_400_000 ? { amount: Math.round(sum) } : { wrong: "it is at most a hundred years" };
});

function timeOf(unit: string, bare: boolean): number | undefined {
  if (unit === "") return bare ? 1000 : undefined;
  return TIMES[unit] ?? TIMES[{ second: "s", minute: "m", hour: "h", day: "d", week: "w" }[unit.replace(/s$/, "")] ?? "none"];
}

function split(text: string): [number | null, string] {
  const number = NUMBER.exec(text);
  return number ? [Number(number[1]), text.slice(number[0].length).toLowerCase()] : [null, ""];
}

/** Cores for people: "16 cores", "1 core", "0.5 cores". */
export function cores(amount: number): string {
  const text = String(Number(amount.toFixed(3)));
  return `${text} ${text === "1" ? "core" : "cores"}`;
}

/** Bytes exactly, in the largest unit of which they are a whole number: `64 GiB`, `1500 B`. */
export function writeBytes(amount: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [amount, 0];
  while (value > 0 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value} ${units[unit] ?? ""}`;
}

/** A time exactly: `1 h 30 min`, `2 d`, `250 ms`. */
export function writeTime(amount: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1000],
    ["ms", 1],
  ] as const;
  let rest = amount;
  const parts = units.flatMap(([unit, size]) => {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    return whole > 0 ? [`${whole} ${unit}`] : [];
  });
  return parts.join(" ") || "0 s";
}
