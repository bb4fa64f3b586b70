/** Where a failed run's log says what failed. */
import { plainText } from "./ansi";

const START =
  /^Traceback \(most recent call last\)|^\s*(?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b\s*[:(]|\b(?:fatal|panicked|segmentation fault|core dumped|out of memory|command not found|no such file)\b|\berrors?\b(?!\s*[=:]\s*0\b)|\bkilled\b|^\S+: line \d+:/i;
/** Words that count errors and find none. */
const HARMLESS = /\b(?:0|no|without) errors?\b|\berror[_ ](?:bars?|rate|handler|margin)\b/i;

interface Line {
  n: number;
  text: string;
  stream: string;
}

export function looksLikeError(text: string): boolean {
  const plain = plainText(text);
  return START.test(plain) && !HARMLESS.test(plain);
}

/** The first line that looks like the error; else the first of the last words on stderr; else none. */
export function firstError(lines: readonly Line[]): number | null {
  const found = lines.find((line) => line.stream !== "stdout" && looksLikeError(line.text));
  if (found) return found.n;
  const stderr = lines.filter((line) => line.stream === "stderr");
  let at = stderr.length - 1;
  while (at > 0 && stderr[at]?.n === (stderr[at - 1]?.n ?? 0) + 1) at--;
  return stderr[at]?.n ?? null;
}
