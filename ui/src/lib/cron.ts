/** Frequent cron texts in words. What is none of them stays as it is written. */

const DAYS = ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];
const NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const NICKNAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
};

const whole = (text: string, most: number): number | null => (/^\d{1,2}$/.test(text) && Number(text) <= most ? Number(text) : null);
const two = (n: number) => String(n).padStart(2, "0");

/** "every day at 06:00", "Mondays at 06:30", "every 15 min"; null: it has no short words. */
export function cronWords(cron: string): string | null {
  const parts = (NICKNAMES[cron.trim().toLowerCase()] ?? cron).trim().split(/\s+/);
  if (parts.length === 6 && parts[0] === "0") parts.shift();
  const [minute = "", hour = "", date = "", month = "", day = ""] = parts;
  if (parts.length !== 5 || month !== "*") return null;
  const often = oftenWords(minute, hour);
  if (often) return date === "*" && day === "*" ? often : null;
  const [h, m] = [whole(hour, 23), whole(minute, 59)];
  const days = dayWords(date, day);
  return h === null || m === null || days === null ? null : `${days} at ${two(h)}:${two(m)}`;
}

function oftenWords(minute: string, hour: string): string | null {
  if (hour !== "*") return null;
  if (minute === "*" || minute === "*/1") return "every minute";
  const every = /^\*\/(\d+)$/.exec(minute)?.[1];
  // Of others the last step within an hour is shorter.
  if (every !== undefined) return 60 % Number(every) === 0 ? `every ${every} min` : null;
  const m = whole(minute, 59);
  return m === null ? null : m === 0 ? "every hour" : `every hour at ${m} past`;
}

function dayWords(date: string, day: string): string | null {
  if (date === "*" && day === "*") return "every day";
  if (date === "*") {
    const name = day.toUpperCase();
    if (name === "1-5" || name === "MON-FRI") return "Mondays to Fridays";
    const at = NAMES.includes(name) ? NAMES.indexOf(name) : whole(day, 7);
    return at === null ? null : (DAYS[at] ?? null);
  }
  if (day !== "*") return null;
  if (date.toUpperCase() === "L") return "on the last day of each month";
  const at = whole(date, 31);
  return at === null || at === 0 ? null : `on day ${at} of each month`;
}
