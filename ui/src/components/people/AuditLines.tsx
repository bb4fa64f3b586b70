/** Who did what, as sentences; each opens to what it was and what it became. */
import { useState } from "react";

import type { AuditView } from "../../api/types";
import { actorOf, changesOf, deedOf, type Names } from "../../lib/audit";
import { Icon } from "../Icon";
import { At } from "../Time";
import classes from "./People.module.css";

interface AuditLinesProps {
  lines: readonly AuditView[];
  names: Names;
  /** Says of which project each line is. */
  withProject?: boolean;
}

export function AuditLines({ lines, names, withProject = false }: AuditLinesProps) {
  return (
    <ul>
      {lines.map((line) => (
        <li key={line.id}>
          <AuditLine line={line} names={names} withProject={withProject} />
        </li>
      ))}
    </ul>
  );
}

function AuditLine({ line, names, withProject }: { line: AuditView; names: Names; withProject: boolean }) {
  const [open, setOpen] = useState(false);
  const said = deedOf(line, names);
  const who = actorOf(line);
  return (
    <>
      <div className={classes.line}>
        <At at={line.at} />
        <span className={`${classes.said ?? ""} ${line.result === "done" ? "" : (classes.refused ?? "")}`}>
          <b>{who}</b> {said}
          {withProject && line.project && <span className="dim"> · {line.project}</span>}
        </span>
        <button
          type="button"
          className={classes.open}
          aria-expanded={open}
          aria-label={`Details: ${who} ${said}`}
          onClick={() => setOpen(!open)}
        >
          Details <Icon name="chevron" size={12} />
        </button>
      </div>
      {open && <Detail line={line} withProject={withProject} />}
    </>
  );
}

function Detail({ line, withProject }: { line: AuditView; withProject: boolean }) {
  const rows: [string, string | null | undefined][] = [
    ["Action", line.action],
    ["Result", line.result],
    ["On", `${line.subject} ${line.subject_id}`],
    ...changesOf(line).map(({ name, before, after, differs }): [string, string] => [
      name.charAt(0).toUpperCase() + name.slice(1),
      differs && before !== "" ? `${before} → ${after || "nothing"}` : after || before,
    ]),
    ["Project", withProject ? line.project : null],
    ["By", line.via],
    ["From", line.address],
    ["Request", line.request],
    ["At", line.at],
  ];
  return (
    <dl className={classes.detail}>
      {rows
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd className={/^(On|By|Request|At)$/.test(name) ? "mono" : undefined}>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
