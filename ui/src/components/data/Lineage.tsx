/** What a version was made of, and what was made of it: right before and right after as lists, and all that is known drawn. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { CSSProperties, ReactNode } from "react";

import { lineageQuery } from "../../api/datasets";
import type { LineageView } from "../../api/types";
import { around, partsOf } from "../../lib/dataset";
import { layoutSteps, NODE, pathOf } from "../../lib/flow/layout";
import { shortId } from "../../lib/runText";
import { Icon } from "../Icon";
import { Section } from "../Page";
import { Failure } from "../States";
import starts from "../starts/Starts.module.css";
import classes from "./Data.module.css";

type Node = LineageView["nodes"][number];
/** Nodes that are drawn at most; more would be no drawing. */
const DRAWN = 60;

export function Lineage({ name, version }: { name: string; version: number }) {
  const { data, error, refetch } = useQuery(lineageQuery(name, version));
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (data.edges.length === 0) return <p className={classes.none}>No run is known to have left it, and none was given it.</p>;
  const { before, after } = around(data, `${name}@${version}`);
  return (
    <>
      {data.nodes.length <= DRAWN && <Drawing view={data} self={`${name}@${version}`} />}
      <div className={classes.sides}>
        <Side title="Made by" nodes={before} none="It was uploaded." />
        <Side title="Given to" nodes={after} none="No run was given it." />
      </div>
      {data.more && <p className={classes.none}>There is more than that.</p>}
    </>
  );
}

function Side({ title, nodes, none }: { title: string; nodes: { node: Node; by: string }[]; none: string }) {
  return (
    <Section title={title}>
      {nodes.length === 0 && <p className={classes.none}>{none}</p>}
      <ul className={classes.links}>
        {nodes.map(({ node, by }) => (
          <li key={`${node.id} ${by}`}>
            <NodeLink node={node} className="link">
              {nameOf(node)}
            </NodeLink>{" "}
            <span className="dim">as {by}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function nameOf(node: Node): string {
  return node.kind === "run" ? `run ${shortId(node.id)}${node.pipeline ? ` of ${node.pipeline}` : ""}` : node.id;
}

function Drawing({ view, self }: { view: LineageView; self: string }) {
  // A layout knows its nodes by words without spaces.
  const ids = new Map(view.nodes.map(({ id }, index) => [id, String(index)]));
  const number = (id: string) => ids.get(id) ?? "";
  const layout = layoutSteps(
    view.nodes.map(({ id }) => ({
      name: number(id),
      needs: [...new Set(view.edges.filter(({ to }) => to === id).map(({ from }) => number(from)))].filter(Boolean),
    })),
  );
  return (
    <div className={classes.drawing} tabIndex={0} role="group" aria-label="Lineage, drawn">
      <div className={starts.canvas} style={{ width: layout.width, height: layout.height }}>
        <svg width={layout.width} height={layout.height} className={starts.lines} aria-hidden>
          {layout.edges.map((edge) => {
            const [x, y] = edge.points.at(-1) ?? [0, 0];
            return <path key={`${edge.from} ${edge.to}`} d={`${pathOf(edge)}M${x - 6} ${y - 3.5}l5 3.5 -5 3.5`} className={starts.line} />;
          })}
        </svg>
        {layout.places.map(({ name, x, y }) => {
          const node = view.nodes[Number(name)];
          if (!node) return null;
          return (
            <NodeLink
              key={node.id}
              node={node}
              className={starts.node ?? ""}
              style={{
                left: x,
                top: y,
                width: NODE.width,
                height: NODE.height,
                ...(node.id === self ? { borderColor: "var(--accent)" } : {}),
              }}
            >
              <span className={starts.name}>
                <Icon name={node.kind === "run" ? "runs" : "data"} size={14} />
                <span className="ellipsis">{node.kind === "run" ? (node.pipeline ?? "a run") : node.id}</span>
              </span>
              {node.kind === "run" && <span className={starts.nodeWords}>run {shortId(node.id)}</span>}
            </NodeLink>
          );
        })}
      </div>
    </div>
  );
}

function NodeLink({
  node,
  className,
  style = {},
  children,
}: {
  node: Node;
  className: string;
  style?: CSSProperties;
  children: ReactNode;
}) {
  if (node.kind === "run") {
    return (
      <Link to="/runs/$id" params={{ id: node.id }} className={className} style={style}>
        {children}
      </Link>
    );
  }
  const { name, version } = partsOf(node.id);
  return (
    <Link to="/data/$" params={{ _splat: name }} search={{ version }} className={className} style={style}>
      {children}
    </Link>
  );
}
