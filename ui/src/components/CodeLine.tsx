/** One line of code, in the colours of its words. */
import type { Span } from "../lib/highlight";
import classes from "./CodeView.module.css";

export function CodeLine({ spans }: { spans: Span[] }) {
  // An empty line has a height too.
  if (spans.length === 0) return "\n";
  return spans.map((span, at) =>
    span.kind ? (
      <span key={at} className={classes[span.kind]}>
        {span.text}
      </span>
    ) : (
      span.text
    ),
  );
}
