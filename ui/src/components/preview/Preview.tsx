/** A file, or its beginning, shown as what it is; and what of it is not shown, and why. */
import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asProblem } from "../../api/problem";
import { bytes } from "../../lib/format";
import type { PreviewKind } from "../../lib/preview/kind";
import { ROWS } from "../../lib/preview/limits";
import classes from "./Preview.module.css";
import { FIRST_LOOK, isOfBrowser, previewQuery, type Item } from "./query";

interface PreviewProps {
  /** Address of its bytes. */
  url: string;
  item: Item;
  kind: PreviewKind;
}

export function Preview({ url, item, kind }: PreviewProps) {
  if (!isOfBrowser(kind, item)) return <Made url={url} item={item} kind={kind} />;
  // Without scripts and without this page's origin, whatever the file holds.
  if (kind === "html") return <iframe className={classes.frame} src={url} title={item.path} sandbox="" referrerPolicy="no-referrer" />;
  // Browsers show PDF only outside of a frame that is shut off.
  return (
    <p className={classes.note}>
      <a className="link" href={url} target="_blank" rel="noreferrer">
        Open {item.path}
      </a>
    </p>
  );
}

function Made({ url, item, kind }: PreviewProps) {
  const [more, setMore] = useState(FIRST_LOOK);
  const { data, error, isFetching } = useQuery({ ...previewQuery(url, item, kind, more), placeholderData: keepPreviousData });
  if (error && !data) {
    return (
      <p className={classes.note} role="status">
        {asProblem(error).message}{" "}
        <a className="link" href={url} download>
          Download it
        </a>
      </p>
    );
  }
  if (!data) return <Waiting size={item.size} />;
  const { preview, Shown, Markdown } = data;
  const { shown, notes } = preview;
  const next = shown.kind === "table" && shown.more ? ROWS.find((rows) => rows > shown.rows.length) : undefined;
  return (
    <div className={classes.preview} data-read={preview.read}>
      <Shown shown={shown} url={url} item={item} Markdown={Markdown} />
      {(notes.length > 0 || next || preview.end) && (
        <div className={classes.foot}>
          {notes.map((note) => (
            <p key={note} className={classes.note}>
              {note}
            </p>
          ))}
          {next && (
            <Button size="compact-sm" variant="default" loading={isFetching} onClick={() => setMore({ ...more, rows: next })}>
              Show {next} rows
            </Button>
          )}
          {preview.end && !more.end && (
            <Button
              size="compact-sm"
              variant="default"
              loading={isFetching}
              title="The server reads all of the file for that"
              onClick={() => setMore({ ...more, end: true })}
            >
              Read its end, too
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

/** Its room is kept; what takes long says so, by a style that comes late. */
function Waiting({ size }: { size: number }) {
  return (
    <div className={classes.reserve} role="status">
      <p className={classes.late}>Reading a part of {bytes(size)}. Downloading does not wait for it.</p>
    </div>
  );
}
