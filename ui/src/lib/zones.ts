/** Time zones: which there are, and what the clock of one says. */

/** Every zone that the browser knows, by name; UTC first. */
export function allZones(known: readonly string[] = []): string[] {
  const names = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set(["UTC", ...known, ...names])];
}

/** Where the browser is. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Whether the browser knows it. */
export function isZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A moment by the clock of a zone, as a field takes it: "2026-11-29T12:04"; "" for none. */
export function wallTime(utc: string | undefined, zone: string): string {
  const at = utc === undefined ? Number.NaN : Date.parse(utc);
  if (Number.isNaN(at)) return "";
  const format = formats.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  formats.set(zone, format);
  const text = format.format(at).replace(" ", "T");
  return text.endsWith(":00") ? text.slice(0, -3) : text;
}

/** The moment at which the clock of a zone says so, in UTC; of one that it never says, the moment that follows; "" for none. */
export function momentOf(wall: string, zone: string): string {
  const wanted = Date.parse(`${wall}${wall.length === 16 ? ":00" : ""}Z`);
  if (Number.isNaN(wanted)) return "";
  let at = wanted;
  // The clock is off by what it says otherwise; another step where that crossed a change.
  for (let step = 0; step < 2; step += 1) {
    const said = wallTime(new Date(at).toISOString(), zone);
    at += wanted - Date.parse(`${said}${said.length === 16 ? ":00" : ""}Z`);
  }
  return new Date(at).toISOString().replace(".000Z", "Z");
}
