/** One line of a log. */
import { Link } from "@tanstack/react-router";
import { Fragment, memo, type CSSProperties, type ReactNode } from "react";

import type { LogLine } from "../../api/types";
import { timeOfDay } from "../../lib/format";
import { lastWritten, pieces, plainText, type Style } from "../../lib/log/ansi";
import { codePlaces, placeLabel } from "../../lib/log/places";
import classes from "./Log.module.css";

interface LogLineRowProps {
  run: string;
  n: number;
  line: LogLine | undefined;
  /** IANA name; "" is the browser's own; null shows no times. */
  zone: string | null;
  find: string;
  mark: "none" | "link" | "error" | "match";
  onLink: (n: number) => void;
}

const STREAM_SIGNS: Record<string, string> = { stderr: "!", system: "·" };

export const LogLineRow = memo(function LogLineRow({ run, n, line, zone, find, mark, onLink }: LogLineRowProps) {
  return (
    <div className={classes.row} data-n={n} data-stream={line?.stream} data-mark={mark === "none" ? undefined : mark}>
      <a
        className={classes.number}
        href={`#L${n}`}
        aria-label={`Line ${n}`}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault();
          onLink(n);
        }}
      >
        {n}
      </a>
      {zone !== null && (
        <span className={classes.time} title={line?.at}>
          {line ? timeOfDay(Date.parse(line.at), zone || undefined) : ""}
        </span>
      )}
      <span className={classes.sign} title={line && line.stream !== "stdout" ? line.stream : undefined}>
        {line ? (STREAM_SIGNS[line.stream] ?? "") : ""}
      </span>
      <span className={classes.text}>{line ? drawText(line.text, find, run) : ""}</span>
    </div>
  );
});

/** A line that has not ended: it changes in place, and has no number yet. */
export function UnfinishedRow({ run, stream, text, zone }: { run: string; stream: string; text: string; zone: string | null }) {
  return (
    <div className={classes.row} data-unfinished data-stream={stream}>
      <span className={classes.number}>…</span>
      {zone !== null && (
        <span className={`${classes.time ?? ""} ${classes.blank ?? ""}`} aria-hidden>
          {timeOfDay(0, zone || undefined)}
        </span>
      )}
      <span className={classes.sign} title={stream !== "stdout" ? stream : undefined}>
        {STREAM_SIGNS[stream] ?? ""}
      </span>
      <span className={classes.text}>{drawText(text, "", run)}</span>
    </div>
  );
}

function drawText(text: string, find: string, run: string): ReactNode {
  const shown = lastWritten(text);
  const parts = pieces(shown);
  const draw = (part: string) => drawPlaces(part, find, run, shown);
  if (parts.length === 1 && parts[0] && !parts[0].style) return draw(parts[0].text);
  return parts.map((piece, index) =>
    piece.style ? (
      <span key={index} style={toCss(piece.style)}>
        {draw(piece.text)}
      </span>
    ) : (
      <span key={index}>{draw(piece.text)}</span>
    ),
  );
}

/** Where the log names a place in the run's code, a short name of it that leads there. */
function drawPlaces(text: string, find: string, run: string, whole: string): ReactNode {
  const places = codePlaces(text);
  if (places.length === 0) return markFound(text, find);
  const parts: ReactNode[] = [];
  let at = 0;
  for (const { from, to, file, line: told } of places) {
    // In a coloured traceback the line's number has a colour of its own.
    const line = told ?? codePlaces(plainText(whole)).find((place) => place.file === file)?.line ?? null;
    parts.push(
      markFound(text.slice(at, from), find),
      <Link
        key={from}
        to="/runs/$id"
        params={{ id: run }}
        search={{ tab: "code", file, ...(line === null ? {} : { line: String(line) }) }}
        className={classes.place}
        title={text.slice(from, to)}
      >
        {markFound(placeLabel({ file, line: told }), find)}
      </Link>,
    );
    at = to;
  }
  return [...parts, markFound(text.slice(at), find)].map((part, index) => <Fragment key={index}>{part}</Fragment>);
}

function toCss(style: Style): CSSProperties {
  return {
    ...(style.fg ? { color: style.fg } : {}),
    ...(style.bg ? { backgroundColor: style.bg } : {}),
    ...(style.bold ? { fontWeight: 700 } : {}),
    ...(style.dim ? { opacity: 0.7 } : {}),
    ...(style.italic ? { fontStyle: "italic" } : {}),
    ...(style.underline ? { textDecoration: "underline" } : {}),
  };
}

function markFound(text: string, find: string): ReactNode {
  if (find === "") return text;
  const lower = text.toLowerCase();
  const q = find.toLowerCase();
  const parts: ReactNode[] = [];
  let at = 0;
  for (let found = lower.indexOf(q); found >= 0; found = lower.indexOf(q, at)) {
    parts.push(text.slice(at, found), <mark key={found}>{text.slice(found, found + q.length)}</mark>);
    at = found + q.length;
  }
  return at === 0 ? text : [...parts, text.slice(at)];
}
