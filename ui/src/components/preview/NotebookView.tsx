/** A notebook to read: cells, and what came of them as text and pictures. */
import { highlight, languageOf } from "../../lib/highlight";
import type { NotebookCell, NotebookOutput } from "../../lib/preview/shown";
import { CodeLine } from "../CodeLine";
import type { Markdown as MarkdownView } from "../Markdown";
import classes from "./Preview.module.css";

interface NotebookProps {
  cells: readonly NotebookCell[];
  language: string;
  Markdown: typeof MarkdownView | null;
}

const ENDINGS: Record<string, string> = {
  python: "py",
  r: "r",
  R: "r",
  julia: "jl",
  bash: "sh",
  sql: "sql",
  javascript: "js",
  typescript: "ts",
};

export function NotebookView({ cells, language, Markdown }: NotebookProps) {
  const coloured = languageOf(`a.${ENDINGS[language] ?? ""}`);
  if (cells.length === 0) return <p className={classes.note}>It has no cells.</p>;
  return (
    <ol className={classes.cells}>
      {cells.map((cell, at) => (
        <li key={at} className={classes.cell}>
          {cell.kind === "markdown" && Markdown ? (
            <Markdown text={cell.source} as="report" />
          ) : (
            <>
              <span className={classes.number} aria-label={cell.count ? `Run as number ${cell.count}` : "Not run"}>
                {cell.kind === "code" ? `[${cell.count || " "}]` : ""}
              </span>
              <pre className={classes.source}>
                {highlight(cell.source, cell.kind === "code" ? coloured : "plain").map((spans, line) => (
                  <div key={line}>
                    <CodeLine spans={spans} />
                  </div>
                ))}
              </pre>
            </>
          )}
          {cell.outputs.map((output, index) => (
            <Output key={index} output={output} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function Output({ output }: { output: NotebookOutput }) {
  switch (output.kind) {
    case "picture":
      // A picture runs nothing, whatever it holds.
      return <img className={classes.plot} src={output.text} alt="Output of the cell" />;
    case "note":
      return <p className={classes.note}>{output.text}</p>;
    default:
      return (
        <pre className={classes.output} data-kind={output.kind}>
          {output.text}
        </pre>
      );
  }
}
