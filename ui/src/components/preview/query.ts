/** What is known of a file before it is drawn: what a worker made of it, and the parts of the page that draw that. */
import { queryOptions } from "@tanstack/react-query";

import { preview } from "../../api/preview";
import type { PreviewKind } from "../../lib/preview/kind";
import { ROWS } from "../../lib/preview/limits";
import type { Preview } from "../../lib/preview/shown";
import type { Markdown } from "../Markdown";
import type { Shown } from "./Shown";

/** A file: its place, what it is said to be, its content and its size. */
export interface Item {
  path: string;
  media_type: string;
  sha256: string;
  size: number;
}

/** More than the first look gives. */
export interface More {
  rows: number;
  end: boolean;
}

export const FIRST_LOOK: More = { rows: ROWS[0], end: false };

export interface Content {
  preview: Preview;
  /** Loaded where there is something for them. */
  Shown: typeof Shown;
  Markdown: typeof Markdown | null;
}

/** HTML larger than this is shown as the text that it is. */
const MOST_HTML = 16 * 1024 * 1024;

/** Whether the browser draws it by itself, in a frame or a window of its own. */
export function isOfBrowser(kind: PreviewKind, { size }: Item): boolean {
  return kind === "pdf" || (kind === "html" && size <= MOST_HTML);
}

export function previewQuery(url: string, item: Item, kind: PreviewKind, { rows, end }: More = FIRST_LOOK) {
  return queryOptions<Content>({
    queryKey: ["preview", url, item.sha256, rows, end],
    enabled: !isOfBrowser(kind, item),
    // A content never changes.
    staleTime: Infinity,
    gcTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) => {
      const { path, media_type, size } = item;
      const [made, { Shown }] = await Promise.all([preview(url, { path, media_type, size, rows, end }, signal), import("./Shown")]);
      const { shown } = made;
      if (shown.kind === "picture" && shown.width === 0) Object.assign(shown, await natural(url));
      const written = shown.kind === "markdown" || (shown.kind === "notebook" && shown.cells.some((cell) => cell.kind === "markdown"));
      return { preview: made, Shown, Markdown: written ? (await import("../Markdown")).Markdown : null };
    },
  });
}

/** The size of a picture that its first bytes do not say. */
async function natural(url: string): Promise<{ width: number; height: number }> {
  const image = new Image();
  image.src = url;
  await image.decode().catch(() => undefined);
  return { width: image.naturalWidth, height: image.naturalHeight };
}
