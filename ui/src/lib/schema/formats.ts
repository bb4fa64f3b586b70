/** Formats of files: endings without a dot, as the server compares them. */

/** Whether a file is of one of these formats, by the end of its name; packed by gzip or bzip2, it is of the same. No formats: anything. */
export function isOfFormat(name: string, formats: readonly string[]): boolean {
  if (formats.length === 0) return true;
  const lower = name.toLowerCase();
  const bare = lower.replace(/\.(gz|bz2)$/, "");
  return formats.some((format) => [lower, bare].some((one) => one.endsWith(`.${format.toLowerCase()}`)));
}

interface Takes {
  accept: readonly string[];
  formats?: readonly string[];
}

/** What a browser's own choice of files offers. */
export function offered({ accept, formats = [] }: Takes): string {
  return [...accept, ...formats.map((format) => `.${format}`)].join(",");
}

/** The same in words: "mzML, mzXML". */
export function taken({ accept, formats = [] }: Takes): string[] {
  const all = [...accept, ...formats];
  return all.length > 8 ? [...all.slice(0, 8), `${all.length - 8} more`] : all;
}
