/** Labels as they are written in a field: `name=value`, one after the other. */

const KEY = /^[\p{L}\p{N}._/-]+$/u;
/** Characters of a value, at most. */
const LONGEST = 256;

export function writeLabels(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([name, value]) => `${name}=${value}`);
}

/** What is written, or what is wrong with the first that cannot be one. */
export function readLabels(written: readonly string[]): { labels: Record<string, string> } | { wrong: string } {
  const labels: Record<string, string> = {};
  for (const one of written) {
    const at = one.indexOf("=");
    if (at < 1) return { wrong: `\`${one}\` is no label: it is written as \`name=value\`` };
    const [name, value] = [one.slice(0, at).trim(), one.slice(at + 1).trim()];
    if (!KEY.test(name)) return { wrong: `the name \`${name}\` has other characters than letters, digits and \`-._/\`` };
    if (value.length > LONGEST) return { wrong: `the value of \`${name}\` has more than ${LONGEST} characters` };
    labels[name] = value;
  }
  return { labels };
}

/** "team=lab, area=air", as a line of a list. */
export function labelLine(labels: Readonly<Record<string, string>>): string {
  return writeLabels(labels).join(", ");
}
