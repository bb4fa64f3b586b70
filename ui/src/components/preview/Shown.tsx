/** What a preview found, drawn. */
import type { Shown as Found } from "../../lib/preview/shown";
import { highlight, languageOf } from "../../lib/highlight";
import { CodeLine } from "../CodeLine";
import type { Markdown as MarkdownView } from "../Markdown";
import { NotebookView } from "./NotebookView";
import classes from "./Preview.module.css";
import type { Item } from "./query";
import { SoundView } from "./SoundView";
import { TableView } from "./TableView";
import { TreeView } from "./TreeView";

interface ShownProps {
  shown: Found;
  url: string;
  item: Item;
  Markdown: typeof MarkdownView | null;
}

export function Shown({ shown, url, item, Markdown }: ShownProps) {
  switch (shown.kind) {
    case "picture":
      return <Picture url={url} path={item.path} width={shown.width} height={shown.height} />;
    case "facts":
      return <SoundView url={url} item={item} facts={shown.facts} />;
    case "table":
      return <TableView shown={shown} label={item.path} />;
    default:
      return (
        <div className={classes.text} tabIndex={0} role="region" aria-label={`Preview of ${item.path}`}>
          <Words shown={shown} path={item.path} Markdown={Markdown} />
        </div>
      );
  }
}

type Worded = Exclude<Found, { kind: "picture" | "facts" | "table" }>;

function Words({ shown, path, Markdown }: { shown: Worded; path: string; Markdown: typeof MarkdownView | null }) {
  switch (shown.kind) {
    case "tree":
      return <TreeView root={shown.root} />;
    case "notebook":
      return <NotebookView cells={shown.cells} language={shown.language} Markdown={Markdown} />;
    case "bytes":
      return (
        <>
          <p className={classes.note}>{shown.what}</p>
          <pre>
            {shown.lines.map(({ at, hex, text }) => (
              <div key={at}>
                <span className="dim">{at}</span> {hex.padEnd(47)} <span className="dim">{text}</span>
              </div>
            ))}
          </pre>
        </>
      );
    case "markdown":
      return Markdown && shown.tail === undefined ? (
        <Markdown text={shown.text} as="report" />
      ) : (
        <Lines text={shown.text} tail={shown.tail} path={path} />
      );
    case "text":
      return <Lines text={shown.text} tail={shown.tail} path={path} />;
  }
}

function Lines({ text, tail, path }: { text: string; tail: string | undefined; path: string }) {
  return (
    <>
      <Code text={text} path={path} />
      {tail !== undefined && (
        <>
          <p className={classes.gap}>What lies between is not shown. Its last lines:</p>
          <Code text={tail} path={path} />
        </>
      )}
    </>
  );
}

function Code({ text, path }: { text: string; path: string }) {
  const language = languageOf(path);
  if (language === "plain") return <pre>{text}</pre>;
  return (
    <pre>
      {highlight(text, language).map((spans, index) => (
        <div key={index}>
          <CodeLine spans={spans} />
        </div>
      ))}
    </pre>
  );
}

function Picture({ url, path, width, height }: { url: string; path: string; width: number; height: number }) {
  if (width === 0) {
    return (
      <p className={classes.note}>
        The browser cannot show this picture.{" "}
        <a className="link" href={url} target="_blank" rel="noreferrer">
          Open it
        </a>
        .
      </p>
    );
  }
  return (
    <a href={url} target="_blank" rel="noreferrer" className={classes.picture} aria-label={`Open ${path}`}>
      <img src={url} alt={path} width={width} height={height} />
    </a>
  );
}
