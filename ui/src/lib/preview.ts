/** How a file can be shown, and its text made ready for that. */

import { readJson, writeJson } from "./json";

export type PreviewKind = "image" | "csv" | "markdown" | "json" | "html" | "text" | "pdf" | "none";

const IMAGES = ["png", "jpg", "jpeg", "gif", "webp", "svg"];

/** By its media type, else by its name. */
export function previewOf({ media_type, path }: { media_type: string; path: string }): PreviewKind {
  const type = media_type.split(";")[0]?.trim() ?? "";
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  if (type.startsWith("image/") || (type === "" && IMAGES.includes(ending))) return "image";
  if (type === "text/csv" || type === "text/tab-separated-values" || ending === "csv" || ending === "tsv") return "csv";
  if (type === "text/markdown" || ending === "md") return "markdown";
  if (type === "text/html" || (type === "" && ["html", "htm"].includes(ending))) return "html";
  if (type === "application/pdf" || (type === "" && ending === "pdf")) return "pdf";
  if (type === "application/json" || ending === "json" || ending === "ipynb" || ending === "geojson") return "json";
  const textual = ["yaml", "yml", "toml", "log", "txt", "xml", "jsonl", "ndjson", "py", "sql", "sh", "ini", "cfg"];
  return type.startsWith("text/") || textual.includes(ending) ? "text" : "none";
}

/** Rows of comma- or tab-separated text, with quoted cells (RFC 4180). */
export function parseTable(text: string, limit: number): string[][] {
  const head = text.slice(0, text.indexOf("\n") < 0 ? undefined : text.indexOf("\n"));
  const counts = [",", "\t", ";"].map((sign) => ({ sign, n: head.split(sign).length }));
  const separator = counts.sort((a, b) => b.n - a.n)[0]?.sign ?? ",";
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endCell = () => {
    row.push(cell);
    cell = "";
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length && rows.length < limit; i++) {
    const sign = text[i];
    if (quoted) {
      if (sign !== '"') cell += sign ?? "";
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === separator) endCell();
    else if (sign === "\n") endRow();
    else if (sign !== "\r") cell += sign ?? "";
  }
  if (rows.length < limit && (cell !== "" || row.length > 0)) endRow();
  return rows;
}

/** JSON with indents; text that is none (or only the beginning of it) as it is. */
export function prettyJson(text: string): string {
  try {
    return writeJson(readJson(text), 2);
  } catch {
    return text;
  }
}

/** Width of a drawing that says its proportions alone, in pixels. */
const DRAWING = 640;

/** The size to draw an SVG with, where it says none of its own; null where it does, or where nothing is known. */
export function drawingSize(text: string): { width: number; height: number } | null {
  const tag = /<svg\b[^>]*>/i.exec(text)?.[0];
  if (!tag || /\swidth\s*=\s*["']\s*[\d.]+(?!\s*%)[\d.a-z]*\s*["']/i.test(tag)) return null;
  const box = /\sviewBox\s*=\s*["']([^"']+)["']/i
    .exec(tag)?.[1]
    ?.trim()
    .split(/[\s,]+/)
    .map(Number);
  const [, , width = 0, height = 0] = box ?? [];
  return width > 0 && height > 0 ? { width: DRAWING, height: Math.round((DRAWING * height) / width) } : null;
}
