/** What starts what, drawn from left to right: schedules, webhooks and files, the pipelines that they start, and those that follow. */
import { Link } from "@tanstack/react-router";
import { useMemo, useState, type CSSProperties, type ReactNode } from "react";

import { NODE } from "../../lib/flow/layout";
import { drawStarts, type Start, type Starter, type Starts } from "../../lib/starts";
import { Icon, type IconName } from "../Icon";
import classes from "./Starts.module.css";

const ICONS: Record<Starter["kind"], IconName> = { schedule: "clock", webhook: "hook", key: "key", files: "file", pipeline: "pipelines" };

export function StartsDrawing({ starts }: { starts: Starts }) {
  const drawn = useMemo(() => drawStarts(starts), [starts]);
  const [looked, setLooked] = useState<string | null>(null);
  const lit = ({ from, to }: Start) => looked !== null && (from === looked || to === looked);
  return (
    <div className={classes.drawing} tabIndex={0} role="group" aria-label="What starts what, drawn" data-scroll-restoration-id="starts">
      <div className={classes.canvas} style={{ width: drawn.width, height: drawn.height }}>
        <svg width={drawn.width} height={drawn.height} className={classes.lines} aria-hidden>
          {drawn.lines.map(({ start, path, end: [x, y] }) => (
            <path
              key={`${start.from} ${start.to}`}
              d={`${path}M${x - 6} ${y - 3.5}l5 3.5 -5 3.5`}
              className={classes.line}
              data-bad={start.bad || undefined}
              data-lit={lit(start) || undefined}
            />
          ))}
        </svg>
        {drawn.lines.map(
          ({ start, at: [x, y] }) =>
            start.words && (
              <span
                key={`${start.from} ${start.to}`}
                className={classes.words}
                style={{ left: x, top: y }}
                data-bad={start.bad || undefined}
                title={start.words}
                aria-hidden
              >
                {start.words}
              </span>
            ),
        )}
        {drawn.places.map(({ node, x, y }) => (
          <Node
            key={node.id}
            node={node}
            said={saidOf(node, starts)}
            style={{ left: x, top: y, width: NODE.width, height: NODE.height }}
            onLook={(here) => setLooked(here ? node.id : null)}
          />
        ))}
      </div>
    </div>
  );
}

/** The same for who does not see lines. */
function saidOf(node: Starter, { nodes, edges }: Starts): string {
  const nameOf = (id: string) => nodes.find((one) => one.id === id)?.name ?? id;
  const by = edges.filter(({ to }) => to === node.id).map(({ from, words }) => `${nameOf(from)}${words && ` on ${words}`}`);
  const then = edges.filter(({ from }) => from === node.id).map(({ to, words }) => `${nameOf(to)}${words && ` on ${words}`}`);
  const parts = [
    node.kind === "key" ? node.name : `${node.kind} ${node.name}`,
    node.words,
    node.still,
    by.length > 0 && `started by ${by.join(", ")}`,
    then.length > 0 && `starts ${then.join(", ")}`,
  ];
  return parts.filter(Boolean).join("; ");
}

interface NodeProps {
  node: Starter;
  said: string;
  style: CSSProperties;
  onLook: (here: boolean) => void;
}

function Node({ node, said, style, onLook }: NodeProps) {
  const words = [node.still, node.words].filter(Boolean).join(" · ");
  return (
    <NodeLink node={node} said={said} style={style} onLook={onLook}>
      <span className={classes.name} aria-hidden>
        <Icon name={ICONS[node.kind]} size={14} />
        <span className="ellipsis">{node.name}</span>
      </span>
      {words && (
        <span className={classes.nodeWords} title={words} aria-hidden>
          {words}
        </span>
      )}
    </NodeLink>
  );
}

function NodeLink({ node, said, style, onLook, children }: NodeProps & { children: ReactNode }) {
  const shared = {
    className: classes.node ?? "",
    style,
    "aria-label": said,
    "data-kind": node.kind,
    "data-still": node.still === undefined ? undefined : true,
    onMouseEnter: () => onLook(true),
    onMouseLeave: () => onLook(false),
    onFocus: () => onLook(true),
    onBlur: () => onLook(false),
  };
  if (node.kind === "webhook") {
    return (
      <Link to="/webhooks/$name" params={{ name: node.name }} {...shared}>
        {children}
      </Link>
    );
  }
  if (node.kind === "files") {
    return (
      <Link to="/triggers/$pipeline/$id" params={{ pipeline: node.of ?? "", id: node.name }} {...shared}>
        {children}
      </Link>
    );
  }
  if (node.kind === "schedule") {
    return (
      <Link to="/schedules/$pipeline/$id" params={{ pipeline: node.of ?? "", id: node.name }} {...shared}>
        {children}
      </Link>
    );
  }
  return (
    <Link to="/pipelines/$name" params={{ name: node.kind === "key" ? (node.of ?? "") : node.name }} {...shared}>
      {children}
    </Link>
  );
}
