/** Places in a run's code that a log names: the folder in which an attempt works is gone when it is read, its code is not. */

export interface CodePlace {
  /** Where it stands in the text: from, to (not included). */
  from: number;
  to: number;
  /** Path within the code. */
  file: string;
  line: number | null;
}

/** The folder of an attempt, and what is below: quoted with a line, as Python writes it, or plain, as most others do. */
const FOLDER = String.raw`\/(?:[^\s"'<>]*\/)?runs\/run_[0-9A-Za-z]{26}\.\d+\/work\/`;
const PLACE = new RegExp(
  String.raw`"${FOLDER}(?<quoted>[^"\n]+)"(?:, line (?<after>\d+))?|${FOLDER}(?<plain>[^\s"'<>():,;]+)(?::(?<colon>\d+)|: line (?<shell>\d+))?`,
  "g",
);

export function codePlaces(text: string): CodePlace[] {
  if (!text.includes("/runs/run_")) return [];
  return Array.from(text.matchAll(PLACE), (match) => {
    const { quoted, plain, after, colon, shell } = match.groups as Record<string, string | undefined>;
    const line = after ?? colon ?? shell;
    return { from: match.index, to: match.index + match[0].length, file: quoted ?? plain ?? "", line: line ? Number(line) : null };
  });
}

export function placeLabel({ file, line }: Pick<CodePlace, "file" | "line">): string {
  return line === null ? file : `${file}:${line}`;
}
