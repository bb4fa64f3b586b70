/** Times between an address, which has them in UTC, and a field of the browser, which has them as the clock on the wall. */

/** "2026-11-29T12:04", as fields take it; "" for none. */
export function localTime(utc: string | undefined): string {
  const at = utc === undefined ? NaN : Date.parse(utc);
  if (Number.isNaN(at)) return "";
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** The same moment in UTC; "" for none. */
export function utcTime(local: string): string {
  const at = Date.parse(local);
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
