/** What the server says for people, in parts. */

/** Ids of runs within a text, taken apart from it, so that they can be links. */
export function withRuns(text: string): { text: string; run?: string }[] {
  return text
    .split(/(?:the run )?(run_\w{26})/)
    .map((part, index) => (index % 2 === 1 ? { text: `run ${part.slice(-4)}`, run: part } : { text: part }))
    .filter((part) => part.text !== "");
}

/** What the server says for people, where neither code nor links can stand: in a line that is a link. */
export function plainWords(text: string): string {
  return withRuns(text)
    .map((part) => part.text)
    .join("")
    .replaceAll("`", "");
}
