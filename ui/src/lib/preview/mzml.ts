/** mzML: what was measured with what, how many spectra, and the first of them. Peaks are not read. */
import { count } from "../format";
import { SMALL } from "./limits";
import type { TableShown } from "./shown";
import { Unreadable, type Source } from "./source";
import { decode } from "./text";
import { tagsOf, type Tag } from "./xml";

/** Bytes in which the first spectra are looked for. */
const FIRST = 2 * 1024 * 1024;
/** Bytes of a spectrum that tell what it is. */
const ONE = 16 * 1024;
/** Bytes of the end in which the index says where it is. */
const END = 64 * 1024;

type Spectrum = Record<"id" | "level" | "time" | "peaks" | "tic" | "base" | "precursor", string>;

const COLUMNS: [keyof Spectrum, string, string][] = [
  ["id", "spectrum", "text"],
  ["level", "MS level", "whole number"],
  ["time", "retention time", "text"],
  ["peaks", "peaks", "whole number"],
  ["tic", "total ion current", "number"],
  ["base", "base peak m/z", "number"],
  ["precursor", "precursor m/z", "number"],
];

export async function mzmlOf(source: Source, most: number, end: boolean): Promise<{ table: TableShown; notes: string[] }> {
  const content = await source.read(0, Math.min(source.size, FIRST));
  const text = decode(content)?.text;
  const head = text === undefined ? null : headOf(text, most);
  if (!head) throw new Unreadable("There is no `mzML` in its first part.");
  const notes: string[] = [];
  const { facts, spectra, total } = head;
  const wanted = Math.min(most, total ?? most);
  if (spectra.length < wanted) notes.push(`The first ${count(spectra.length)} spectra lie in the part that was read.`);
  if (end || source.size <= SMALL) {
    const last = await lastOf(source).catch(() => null);
    if (last) facts.push(["last spectrum", [last.id, last.time && `at ${last.time}`].filter(Boolean).join(", ")]);
    else notes.push("It has no index at its end that leads to its last spectrum.");
  }
  return {
    table: {
      kind: "table",
      facts,
      columns: COLUMNS.map(([, name, type]) => ({ name, type, number: type !== "text" })),
      rows: spectra.map((spectrum) => COLUMNS.map(([key]) => spectrum[key] || null)),
      ...(total !== null && { total }),
      more: spectra.length >= most && (total === null || total > most),
    },
    notes,
  };
}

interface Head {
  facts: [string, string][];
  spectra: Spectrum[];
  total: number | null;
}

function headOf(text: string, most: number): Head | null {
  const facts: [string, string][] = [];
  const fact = (name: string, value: string | undefined) => value && !facts.some(([known]) => known === name) && facts.push([name, value]);
  const spectra: Spectrum[] = [];
  const path: string[] = [];
  let total: number | null = null;
  let found = false;
  for (const tag of tagsOf(text)) {
    if (tag.closes) path.pop();
    else if (!tag.empty && path.length < 64) path.push(tag.name);
    const { attributes } = tag;
    if (tag.closes) continue;
    if (tag.name === "mzML") found = true;
    if (tag.name === "mzML") fact("mzML", attributes.version);
    if (tag.name === "run") fact("begun", attributes.startTimeStamp);
    if (tag.name === "sourceFile") fact("made of", attributes.name);
    if (tag.name === "software") fact("software", [attributes.id, attributes.version].filter(Boolean).join(" "));
    if (tag.name === "cvParam") parameter(path, attributes, fact);
    if (tag.name === "spectrumList" || tag.name === "chromatogramList") {
      const listed = whole(attributes.count);
      if (listed !== null) fact(tag.name === "spectrumList" ? "spectra" : "chromatograms", count(listed));
      if (tag.name === "spectrumList") total = listed;
    }
    if (tag.name === "spectrum" && spectra.length < most) {
      const spectrum = spectrumOf(text, tag);
      if (spectrum) spectra.push(spectrum);
    }
  }
  return found ? { facts, spectra, total } : null;
}

function parameter(path: readonly string[], { name = "" }: Record<string, string>, fact: (name: string, value: string) => unknown): void {
  const within = (element: string) => path.includes(element);
  if (within("instrumentConfiguration") || within("referenceableParamGroup")) {
    if (within("source")) fact("ion source", name);
    else if (within("analyzer")) fact("analyzer", name);
    else if (within("detector")) fact("detector", name);
    else if (!/serial number|^sample/i.test(name)) fact("instrument", name);
  } else if (within("fileContent")) fact("content", name);
}

/** What a spectrum says of itself; null where it goes on behind the text. */
function spectrumOf(text: string, start: Tag): Spectrum | null {
  const { id = "", index = "", defaultArrayLength = "" } = start.attributes;
  const spectrum: Spectrum = { id: id || index, level: "", time: "", peaks: defaultArrayLength, tic: "", base: "", precursor: "" };
  if (start.empty) return spectrum;
  for (const tag of tagsOf(text, start.end)) {
    if (tag.name === "binaryDataArrayList" || tag.name === "spectrum") return spectrum;
    const { accession, value = "", unitName = "" } = tag.attributes;
    if (accession === "MS:1000511") spectrum.level = value;
    if (accession === "MS:1000016") spectrum.time = `${value} ${unitName}`.trim();
    if (accession === "MS:1000285") spectrum.tic = value;
    if (accession === "MS:1000504") spectrum.base = value;
    if (accession === "MS:1000744" || (accession === "MS:1000827" && !spectrum.precursor)) spectrum.precursor = value;
  }
  return null;
}

/** The last spectrum, to which the index at the end leads; null where there is none. */
async function lastOf(source: Source): Promise<Spectrum | null> {
  const from = Math.max(0, source.size - END);
  const text = new TextDecoder().decode(await source.read(from, source.size - from));
  const offsets = text.slice(0, text.indexOf('<index name="chromatogram"') < 0 ? undefined : text.indexOf('<index name="chromatogram"'));
  const at = whole(
    /<offset[^>]{0,400}>\s*(\d{1,16})\s*<\/offset>\s*(?:<\/index>\s*)?$/.exec(offsets.slice(0, offsets.lastIndexOf("</offset>") + 9))?.[1],
  );
  if (at === null) return null;
  const one = new TextDecoder().decode(await source.read(at, ONE));
  const [tag] = tagsOf(one);
  return tag?.name === "spectrum" ? spectrumOf(one, tag) : null;
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
