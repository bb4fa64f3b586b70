/** Numbers, sizes and times as people read them. */

const numbers = new Intl.NumberFormat("en");

export function count(n: number): string {
  return numbers.format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** 1 → "1st". */
export function ordinal(n: number): string {
  const tens = n % 100;
  const end = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${count(n)}${end}`;
}

/** A length of time in words: "0.4 s", "41 s", "1 min 23 s", "2 h 5 min", "3 d 4 h". */
export function duration(ms: number): string {
  if (ms < 1) return "0 s";
  if (ms < 100) return `${Math.max(1, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(Math.floor(s / 60), "min", s % 60, "s");
  const min = Math.round(s / 60);
  if (min < 1440) return pair(Math.floor(min / 60), "h", min % 60, "min");
  const h = Math.round(min / 60);
  return pair(Math.floor(h / 24), "d", h % 24, "h");
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** A length of time with one unit, for estimates: "5 s", "1 min", "2 h". */
export function roughly(ms: number): string {
  const s = Math.max(1, Math.round(ms / 1000));
  if (s < 50) return `${s <= 10 ? s : Math.round(s / 5) * 5} s`;
  const min = Math.round(s / 60);
  if (min < 60) return `${Math.max(1, min)} min`;
  const h = Math.round(min / 60);
  return h < 36 ? `${h} h` : `${Math.round(h / 24)} d`;
}

/** A running clock: "0:42", "1:02:33". */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return h > 0 ? `${h}:${rest}` : rest.replace(/^0/, "");
}

/** Bytes in binary units with at most three digits: "48 KiB", "1.2 GiB". */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = n;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 9.95 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, "");
  return `${text} ${units[unit] ?? ""}`;
}

/** How long ago, or how soon: "now", "4 s ago", "3 min ago", "in 28 s". */
export function ago(at: number, now: number): string {
  const ms = now - at;
  const abs = Math.abs(ms);
  if (abs < 1000) return "now";
  const s = Math.floor(abs / 1000);
  const text =
    s < 60
      ? `${s} s`
      : s < 3600
        ? `${Math.floor(s / 60)} min`
        : s < 86_400
          ? `${Math.floor(s / 3600)} h`
          : s < 86_400 * 60
            ? `${Math.floor(s / 86_400)} d`
            : `${Math.floor(s / (86_400 * 30))} months`;
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(key: string, zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${key} ${zone ?? ""}`;
  let made = formats.get(id);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", zone ? { ...options, timeZone: zone } : options);
    formats.set(id, made);
  }
  return made;
}

/** "12:04:09" in a zone; the browser's own where none is given. */
export function timeOfDay(at: number, zone?: string): string {
  return format("time", zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

/** "12:04:09" today, else "20 Nov 12:04", with the year where it is another. */
export function moment(at: number, now: number, zone?: string): string {
  const day = format("day", zone, { year: "numeric", month: "short", day: "numeric" });
  if (day.format(at) === day.format(now)) return timeOfDay(at, zone);
  const short = format("short", zone, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  if (Math.abs(now - at) < 300 * 86_400_000) return short.format(at).replace(",", "");
  return day.format(at);
}
