/** Markdown, drawn as elements: HTML in it stays text, links lead only where they may, pictures of other servers are not fetched. */
import type { ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";

import classes from "./Markdown.module.css";

interface MarkdownProps {
  text: string;
  /** A report has room of its own; a note stands among other words. */
  as?: "report" | "note";
}

export function Markdown({ text, as = "note" }: MarkdownProps) {
  return (
    <div className={classes.markdown} data-as={as}>
      <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS}>
        {text}
      </ReactMarkdown>
    </div>
  );
}

const PLUGINS = [remarkGfm];

// The page has headings of its own above.
function heading(level: number) {
  return function Heading({ children }: { children?: ReactNode }) {
    return (
      <p role="heading" aria-level={Math.min(6, level + 1)} className={classes.heading} data-level={level}>
        {children}
      </p>
    );
  };
}

const COMPONENTS: Components = {
  h1: heading(1),
  h2: heading(2),
  h3: heading(3),
  h4: heading(4),
  h5: heading(5),
  h6: heading(6),
  // An address without a server is one of where the text was written, not of this page.
  a: ({ href = "", children }) =>
    /^(https?|mailto):/i.test(href) ? (
      <a className="link" href={href} target="_blank" rel="noreferrer">
        {children}
      </a>
    ) : (
      <>{children}</>
    ),
  img: ({ src, alt }) =>
    typeof src === "string" && /^https?:/i.test(src) ? (
      <a className="link" href={src} target="_blank" rel="noreferrer">
        {alt || src}
      </a>
    ) : (
      <>{alt}</>
    ),
};
