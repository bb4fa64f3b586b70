/** Words about people: why somebody has a role, on what they are signed in, how long something holds. */
import type { GrantView } from "../api/types";

type Grant = Pick<GrantView, "source" | "by" | "group">;

/** Who is no account. */
const OF_THE_SERVER: ReadonlyMap<string, string> = new Map([
  ["terminal", "the server’s terminal"],
  ["server", "the server"],
  ["nobody", "somebody"],
]);

/** Who did something, within a sentence. */
export function byWord(name: string): string {
  return OF_THE_SERVER.get(name) ?? name;
}

/** Where a role comes from. */
export function whyOf({ source, by, group }: Grant): string {
  const way =
    source === "hand"
      ? `given by ${byWord(by)}`
      : source === "invitation"
        ? "by an invitation"
        : source === "first"
          ? "by the first administrator’s link"
          : source === "rule"
            ? "follows from groups at the provider"
            : source;
  return group ? `in the group ${group}, ${way}` : way;
}

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrome\/|\bCriOS\/|\bHeadlessChrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^rigi\//i, "Rigi in a terminal"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux|X11/, "Linux"],
];

/** What a browser says that it is, as people know it: "Firefox on Windows". */
export function deviceOf(agent: string | null | undefined): string {
  if (!agent) return "Unknown device";
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? agent.slice(0, 40);
}

/** How long a token or an invitation holds; the API's words for it. */
export const TOKEN_LIVES = [
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
  { value: "90d", label: "90 days" },
  { value: "365d", label: "1 year" },
  { value: "none", label: "until it is taken back" },
];
export const INVITATION_LIVES = [
  { value: "1h", label: "1 hour" },
  { value: "1d", label: "1 day" },
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
  { value: "365d", label: "1 year" },
];

/** The key of a link, from the part of an address that browsers send to nobody. */
export function keyIn(hash: string): string | null {
  const key = hash.replace(/^#/, "");
  return /^rigi_[a-z]_[0-9A-Za-z]+$/.test(key) ? key : null;
}

/** "in 5 s" or "in 3 min": when it may be tried again. */
export function comeBack(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.ceil(seconds))} s`;
  return `${Math.ceil(seconds / 60)} min`;
}
