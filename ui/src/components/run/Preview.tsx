/** The first part of a file, shown as what it is. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { fetchText } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { ArtifactView } from "../../api/types";
import { bytes } from "../../lib/format";
import { highlight } from "../../lib/highlight";
import { drawingSize, parseTable, prettyJson, type PreviewKind } from "../../lib/preview";
import { CodeLine } from "../CodeLine";
import type { Markdown as MarkdownView } from "../Markdown";
import classes from "./Outputs.module.css";

/** Bytes that are read of a text. */
const FIRST = 256 * 1024;
const ROWS = 200;
/** Bytes in which a drawing says its size. */
const HEAD = 8 * 1024;

/** What is shown: its place, its kind and its content. */
export type Shown = Pick<ArtifactView, "path" | "media_type" | "sha256">;

interface PreviewProps {
  /** Address of its bytes. */
  url: string;
  item: Shown;
  kind: PreviewKind;
}

/** What has to be known before a preview can be drawn; a picture is asked for its size. */
export function previewQuery(url: string, item: Shown, kind: PreviewKind) {
  return queryOptions<Content>({
    queryKey: ["artifact", url, item.sha256, kind],
    enabled: kind !== "pdf" && kind !== "html" && kind !== "none",
    queryFn: async () => {
      if (kind === "image") return { text: "", cut: false, picture: await sizeOf(url, item) };
      const [text, reader] = await Promise.all([fetchText(url, FIRST), kind === "markdown" ? import("../Markdown") : null]);
      return reader ? { ...text, Markdown: reader.Markdown } : text;
    },
  });
}

interface Content {
  text: string;
  cut: boolean;
  picture?: { width: number; height: number };
  /** Loaded where there is something for it. */
  Markdown?: typeof MarkdownView;
}

async function sizeOf(url: string, item: Shown): Promise<{ width: number; height: number }> {
  const image = new Image();
  image.src = url;
  await image.decode().catch(() => undefined);
  const natural = { width: image.naturalWidth, height: image.naturalHeight };
  const drawn = isDrawing(item) ? drawingSize((await fetchText(url, HEAD)).text) : null;
  return drawn ?? natural;
}

export function Preview({ url, item, kind }: PreviewProps) {
  if (kind === "image") return <Picture url={url} item={item} kind={kind} />;
  // Browsers show PDF only outside of a frame that is shut off.
  if (kind === "pdf") {
    return (
      <p className={classes.note}>
        <a className="link" href={url} target="_blank" rel="noreferrer">
          Open {item.path}
        </a>
      </p>
    );
  }
  // Without scripts and without this page's origin, whatever the file holds.
  if (kind === "html") return <iframe className={classes.frame} src={url} title={item.path} sandbox="" referrerPolicy="no-referrer" />;
  return <TextPreview url={url} item={item} kind={kind} />;
}

function Picture({ url, item, kind }: PreviewProps) {
  const { data } = useQuery(previewQuery(url, item, kind));
  if (!data) return <div className={classes.reserve} />;
  const { width = 0, height = 0 } = data.picture ?? {};
  if (width === 0)
    return (
      <p className={classes.note}>
        The browser cannot show this picture.{" "}
        <a className="link" href={url} target="_blank" rel="noreferrer">
          Open it
        </a>
        .
      </p>
    );
  return (
    <a href={url} target="_blank" rel="noreferrer" className={classes.picture} aria-label={`Open ${item.path}`}>
      <img src={url} alt={item.path} width={width} height={height} />
    </a>
  );
}

function isDrawing(item: Shown): boolean {
  return item.media_type.startsWith("image/svg") || item.path.toLowerCase().endsWith(".svg");
}

function TextPreview({ url, item, kind }: PreviewProps) {
  const { data, error } = useQuery(previewQuery(url, item, kind));
  if (error && !data)
    return (
      <p className={classes.note}>
        {asProblem(error).message}{" "}
        <a className="link" href={url}>
          Download it
        </a>
      </p>
    );
  if (!data) return <div className={classes.reserve} />;
  return (
    <div className={classes.text} tabIndex={0} role="region" aria-label={`Preview of ${item.path}`}>
      {kind === "csv" ? (
        <Table text={data.text} />
      ) : data.Markdown ? (
        <data.Markdown text={data.text} as="report" />
      ) : kind === "json" ? (
        <Json text={data.text} />
      ) : (
        <pre>{data.text}</pre>
      )}
      {data.cut && <p className={classes.note}>The first {bytes(FIRST)} are shown.</p>}
    </div>
  );
}

function Table({ text }: { text: string }) {
  const rows = useMemo(() => parseTable(text, ROWS + 1), [text]);
  const [head = [], ...body] = rows;
  const numeric = head.map((_, column) => body.slice(0, 20).every((row) => row[column] === "" || Number.isFinite(Number(row[column]))));
  return (
    <>
      <table className={classes.table}>
        <thead>
          <tr>
            {head.map((cell, index) => (
              <th key={index} data-number={numeric[index] || undefined}>
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} data-number={numeric[column] || undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && <p className={classes.note}>The first {ROWS} rows are shown.</p>}
    </>
  );
}

function Json({ text }: { text: string }) {
  const lines = useMemo(() => highlight(prettyJson(text), "json"), [text]);
  return (
    <pre>
      {lines.slice(0, 2000).map((spans, index) => (
        <div key={index}>
          <CodeLine spans={spans} />
        </div>
      ))}
    </pre>
  );
}
