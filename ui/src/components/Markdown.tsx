/** Markdown as far as reports use it, drawn as elements: no HTML of the file is ever taken in. */
import type { ReactNode } from "react";

import classes from "./Markdown.module.css";

export function Markdown({ text }: { text: string }) {
  return <div className={classes.markdown}>{blocksOf(text.replace(/\r\n/g, "\n").split("\n"))}</div>;
}

function blocksOf(lines: string[]): ReactNode[] {
  const blocks: ReactNode[] = [];
  let i = 0;
  const take = (test: (line: string) => boolean): string[] => {
    const start = i;
    while (i < lines.length && test(lines[i] ?? "")) i++;
    return lines.slice(start, i);
  };
  while (i < lines.length) {
    const line = lines[i] ?? "";
    const key = blocks.length;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === "") i++;
    else if (heading) {
      i++;
      blocks.push(<Heading key={key} level={heading[1]?.length ?? 1}>{inline(heading[2] ?? "")}</Heading>);
    } else if (/^(```|~~~)/.test(line)) {
      i++;
      const code = take((one) => !/^(```|~~~)/.test(one));
      i++;
      blocks.push(<pre key={key}>{code.join("\n")}</pre>);
    } else if (/^\s*\|.*\|\s*$/.test(line)) blocks.push(<Table key={key} rows={take((one) => /^\s*\|.*\|\s*$/.test(one))} />);
    else if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) blocks.push(<Items key={key} lines={take((one) => one.trim() !== "")} />);
    else if (line.startsWith(">")) blocks.push(<blockquote key={key}>{blocksOf(take((one) => one.startsWith(">")).map((one) => one.replace(/^>\s?/, "")))}</blockquote>);
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      i++;
      blocks.push(<hr key={key} />);
    } else blocks.push(<p key={key}>{inline(take((one) => one.trim() !== "" && !/^(#{1,6}\s|```|>|\s*([-*+]|\d+[.)])\s)/.test(one)).join(" "))}</p>);
  }
  return blocks;
}

function Heading({ level, children }: { level: number; children: ReactNode }) {
  // The page has headings of its own above.
  return <p role="heading" aria-level={Math.min(6, level + 1)} className={classes.heading} data-level={level}>{children}</p>;
}

function Items({ lines }: { lines: string[] }) {
  const ordered = /^\s*\d/.test(lines[0] ?? "");
  const items: string[] = [];
  for (const line of lines) {
    const item = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/.exec(line);
    if (item) items.push(item[1] ?? "");
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  const drawn = items.map((item, index) => <li key={index}>{inline(item)}</li>);
  return ordered ? <ol>{drawn}</ol> : <ul>{drawn}</ul>;
}

function Table({ rows }: { rows: string[] }) {
  const cells = rows.map((row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  const [head = [], ...rest] = cells;
  const body = rest.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
  return (
    <table>
      <thead>
        <tr>{head.map((cell, index) => <th key={index}>{inline(cell)}</th>)}</tr>
      </thead>
      <tbody>
        {body.map((row, index) => (
          <tr key={index}>{row.map((cell, column) => <td key={column}>{inline(cell)}</td>)}</tr>
        ))}
      </tbody>
    </table>
  );
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)/g;

function inline(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(at, match.index));
    const [whole, code, bold, bold2, italic, label, href] = match;
    const key = match.index;
    if (code !== undefined) parts.push(<code key={key}>{code}</code>);
    else if (bold !== undefined || bold2 !== undefined) parts.push(<strong key={key}>{bold ?? bold2}</strong>);
    else if (italic !== undefined) parts.push(<em key={key}>{italic}</em>);
    else if (/^https?:\/\//.test(href ?? "")) parts.push(<a key={key} className="link" href={href} target="_blank" rel="noreferrer">{label}</a>);
    else parts.push(label ?? "");
    at = match.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}
