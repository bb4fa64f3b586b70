/** Files of code, one open at a time. */
import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useMemo, useRef } from "react";

import { codeFileQuery, codeQuery, type CodeOwner } from "../api/queries";
import { bytes } from "../lib/format";
import { highlight, languageOf } from "../lib/highlight";
import { CodeLine } from "./CodeLine";
import { CopyButton } from "./CopyButton";
import classes from "./CodeView.module.css";
import { Icon } from "./Icon";
import { Empty, Failure } from "./States";

interface CodeViewProps {
  owner: CodeOwner;
  file: string | undefined;
  /** A line of that file to show. */
  line?: number | undefined;
  onFile: (path: string) => void;
}

const FIRST = [/^main\.(py|ipynb)$/, /^pipeline\.(ya?ml|toml|json)$/];

export function CodeView({ owner, file, line, onFile }: CodeViewProps) {
  const { data, error, refetch } = useQuery(codeQuery(owner));
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (data.items.length === 0) return <Empty icon="file" title="There are no files" />;
  const preferred = FIRST.map((pattern) => data.items.find((item) => pattern.test(item.path))).find(Boolean);
  const asked = data.items.find((item) => item.path === file);
  // What was asked for and is not there is said, not replaced.
  const open = file === undefined ? (preferred ?? data.items[0]) : asked;
  return (
    <div className={classes.view}>
      <ul className={classes.files} aria-label="Files">
        {data.items.map((item) => (
          <li key={item.path}>
            <button type="button" className={classes.file} aria-current={item.path === open?.path} onClick={() => onFile(item.path)}>
              <Icon name="file" size={14} />
              <span className="ellipsis grow">{item.path}</span>
              <span className={classes.size}>{bytes(item.size)}</span>
            </button>
          </li>
        ))}
      </ul>
      {open ? (
        <File key={open.path} owner={owner} path={open.path} line={open === asked ? line : undefined} />
      ) : (
        <Empty icon="file" title={`The code has no ${file ?? "such file"}`}>
          <p className="dim">It was made while the run went on, or was left out when the code was captured.</p>
        </Empty>
      )}
    </div>
  );
}

function File({ owner, path, line }: { owner: CodeOwner; path: string; line: number | undefined }) {
  const marked = useRef<HTMLDivElement>(null);
  const { data, error, refetch } = useQuery(codeFileQuery(owner, path));
  const lines = useMemo(() => (data && !data.text.includes("\0") ? highlight(data.text, languageOf(path)) : null), [data, path]);
  useLayoutEffect(() => {
    marked.current?.scrollIntoView({ block: "center" });
  }, [lines, line]);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <div className={classes.code} />;
  if (!lines) return <Empty icon="file" title="This file is not text" />;
  return (
    <div className={classes.code} data-scroll-restoration-id="code" tabIndex={0} role="region" aria-label={path}>
      <div className={classes.copy}>
        <CopyButton text={data.text} label={`Copy ${path}`} />
      </div>
      <pre>
        {lines.map((spans, index) => (
          <div
            key={index}
            ref={index + 1 === line ? marked : undefined}
            className={classes.line}
            data-marked={index + 1 === line || undefined}
          >
            <span className={classes.number}>{index + 1}</span>
            <code>
              <CodeLine spans={spans} />
            </code>
          </div>
        ))}
      </pre>
      {data.cut && <p className={classes.cut}>The first {bytes(512 * 1024)} are shown.</p>}
    </div>
  );
}
