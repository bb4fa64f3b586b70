/** The first part of a file, shown as what it is. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { fetchText } from "../../api/client";
import { asProblem } from "../../api/problem";
import { artifactUrl } from "../../api/queries";
import type { ArtifactView } from "../../api/types";
import { bytes } from "../../lib/format";
import { highlight } from "../../lib/highlight";
import { parseTable, prettyJson, type PreviewKind } from "../../lib/preview";
import code from "../CodeView.module.css";
import { Markdown } from "../Markdown";
import classes from "./Outputs.module.css";

/** Bytes that are read of a text. */
const FIRST = 256 * 1024;
const ROWS = 200;

interface PreviewProps {
  run: string;
  item: ArtifactView;
  kind: PreviewKind;
}

export function Preview({ run, item, kind }: PreviewProps) {
  const url = artifactUrl(run, item.path);
  if (kind === "image") {
    return (
      <a href={url} target="_blank" rel="noreferrer" className={classes.picture} aria-label={`Open ${item.path}`}>
        <img src={url} alt={item.path} />
      </a>
    );
  }
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
  return <TextPreview run={run} item={item} kind={kind} url={url} />;
}

function TextPreview({ run, item, kind, url }: PreviewProps & { url: string }) {
  const { data, error } = useQuery({ queryKey: ["artifact", run, item.sha256], queryFn: () => fetchText(url, FIRST) });
  if (error && !data) return <p className={classes.note}>{asProblem(error).message}</p>;
  if (!data) return <div className={classes.reserve} />;
  return (
    <div className={classes.text} tabIndex={0} role="region" aria-label={`Preview of ${item.path}`}>
      {kind === "csv" ? <Table text={data.text} /> : kind === "markdown" ? <Markdown text={data.text} /> : kind === "json" ? <Json text={data.text} /> : <pre>{data.text}</pre>}
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
        <div key={index}>{spans.length === 0 ? "\n" : spans.map((span, at) => (span.kind ? <span key={at} className={code[span.kind]}>{span.text}</span> : span.text))}</div>
      ))}
    </pre>
  );
}
