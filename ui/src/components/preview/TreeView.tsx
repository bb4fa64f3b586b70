/** JSON as a tree whose branches open; only what is open is drawn. */
import { useState } from "react";

import { plural } from "../../lib/format";
import type { TreeNode } from "../../lib/preview/shown";
import { Icon } from "../Icon";
import classes from "./Preview.module.css";

/** Values up to which a branch is open at first, and the depth. */
const FEW = 30;
const OPEN_DEPTH = 2;

export function TreeView({ root }: { root: TreeNode }) {
  return (
    <ul className={classes.tree}>
      <Branch node={root} depth={0} />
    </ul>
  );
}

function Branch({ node, depth, at }: { node: TreeNode; depth: number; at?: number }) {
  const [open, setOpen] = useState(depth === 0 || (depth < OPEN_DEPTH && node.count <= FEW));
  const name = node.key ?? (at === undefined ? null : String(at));
  const label = name !== null && <span className={node.key === undefined ? "dim" : classes.key}>{name}:</span>;
  if (node.kind !== "object" && node.kind !== "array") {
    return (
      <li className={classes.leaf}>
        {label} <span data-kind={node.kind}>{node.kind === "string" ? JSON.stringify(node.text) : node.text}</span>
      </li>
    );
  }
  const amount = node.kind === "object" ? `{ ${plural(node.count, "name")} }` : `[ ${plural(node.count, "value")} ]`;
  return (
    <li>
      <button type="button" className={classes.branch} aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={classes.chevron} data-open={open || undefined}>
          <Icon name="chevron" size={12} />
        </span>
        {label} <span className="dim">{amount}</span>
      </button>
      {open && node.count > 0 && (
        <ul>
          {node.children.map((child, index) => (
            <Branch key={index} node={child} depth={depth + 1} {...(node.kind === "array" && { at: index })} />
          ))}
          {node.children.length < node.count && (
            <li className={classes.leaf}>
              <span className="dim">{plural(node.count - node.children.length, "more value")} not shown</span>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}
