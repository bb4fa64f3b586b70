/** Where somebody wanted to go before they were sent to a provider to sign in. A path of this server, and nothing else. */
const KEY = "rigi.wanted";

/** Whether an address leads to a page of this server: browsers take `//` and `/\` for the begin of another one's. */
export function isLocal(path: string): boolean {
  return /^\/(?![/\\])[^\\\s]*$/.test(path);
}

export function keepWanted(path = location.pathname + location.search): void {
  try {
    sessionStorage.setItem(KEY, path);
  } catch {
    // Without storage they come to the first page.
  }
}

/** The kept address, once. */
export function takeWanted(): string | null {
  try {
    const path = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return path !== null && isLocal(path) ? path : null;
  } catch {
    return null;
  }
}
