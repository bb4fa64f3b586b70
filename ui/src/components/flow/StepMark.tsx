/** The shape of a step's state, and where a step leads. */
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { asks, shapeOf, type Step } from "../../lib/flow/steps";
import { Icon } from "../Icon";
import { StateIcon } from "../StateIcon";
import classes from "./Flow.module.css";

export function StepMark({ step, size = 16 }: { step: Pick<Step, "kind" | "state">; size?: number }) {
  if (!asks(step)) return <StateIcon state={shapeOf(step.state)} size={size} label={false} />;
  return (
    <span className={`${classes.asks ?? ""} tone-warn`}>
      <Icon name="person" size={size} />
    </span>
  );
}

interface StepLinkProps {
  /** The flow's run. */
  flow: string;
  step: Step;
  className?: string | undefined;
  style?: React.CSSProperties;
  label: string;
  title?: string | undefined;
  children: ReactNode;
}

/** Leads to the step's run, or to its items; plain text where it has not begun. */
export function StepLink({ flow, step, className, style, label, title, children }: StepLinkProps) {
  const to = placeOf(flow, step);
  const shared = { className, style, title };
  if (!to)
    return (
      <div {...shared}>
        <span className="sr">{label}</span>
        {children}
      </div>
    );
  return (
    <Link {...to} {...shared} aria-label={label}>
      {children}
    </Link>
  );
}

function placeOf(flow: string, step: Step): Pick<LinkProps, "to" | "params" | "search"> | null {
  if (step.fans_out) return step.counts.items === 0 ? null : { to: "/runs/$id", params: { id: flow }, search: { step: step.name } };
  return step.run ? { to: "/runs/$id", params: { id: step.run } } : null;
}
