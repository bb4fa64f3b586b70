/** How a file is shown: by its media type, else by its name, else by its first bytes. */

export type PreviewKind =
  "image" | "csv" | "markdown" | "json" | "html" | "text" | "pdf" | "notebook" | "parquet" | "arrow" | "mzml" | "audio" | "video" | "bytes";

const ENDINGS: Record<string, PreviewKind> = {
  ...all("image", "png jpg jpeg gif webp avif bmp svg"),
  ...all("csv", "csv tsv"),
  ...all("markdown", "md markdown"),
  ...all("json", "json geojson jsonl ndjson topojson"),
  ...all("html", "html htm"),
  ...all(
    "text",
    "yaml yml toml log txt xml py r jl sql sh ini cfg conf rst tex js ts rs go c h cpp java fasta fa fastq vcf bed gff ini env",
  ),
  ...all("pdf", "pdf"),
  ...all("notebook", "ipynb"),
  ...all("parquet", "parquet pq"),
  ...all("arrow", "arrow feather ipc arrows"),
  ...all("mzml", "mzml"),
  ...all("audio", "wav mp3 ogg oga opus flac m4a aac"),
  ...all("video", "mp4 m4v mov webm mkv avi"),
};

function all(kind: PreviewKind, endings: string): Record<string, PreviewKind> {
  return Object.fromEntries(endings.split(" ").map((ending) => [ending, kind]));
}

const TYPES: Record<string, PreviewKind> = {
  "text/csv": "csv",
  "text/tab-separated-values": "csv",
  "text/markdown": "markdown",
  "text/html": "html",
  "application/pdf": "pdf",
  "application/json": "json",
  "application/vnd.apache.parquet": "parquet",
};

/** By its media type, else by its name. What a name says more exactly than the type comes first. */
export function previewOf({ media_type, path }: { media_type: string; path: string }): PreviewKind {
  const type = media_type.split(";")[0]?.trim() ?? "";
  const name = path.split("/").at(-1) ?? "";
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const named = Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
  if (type.startsWith("image/")) return "image";
  if (named && named !== "text") return named;
  return (Object.hasOwn(TYPES, type) ? TYPES[type] : undefined) ?? named ?? (type.startsWith("text/") ? "text" : "bytes");
}

/** Whether it is shown without being asked for: not what has to be unpacked or played, and not what is hidden by its name. */
export function opensItself(item: { media_type: string; path: string; size: number }): boolean {
  const hidden = /(^|\/)\.[^/]*$/.test(item.path);
  return !hidden && !["audio", "video", "bytes"].includes(previewOf(item)) && item.size < 5 * 1024 * 1024;
}
