/** What stands where there is nothing to show: empty lists, mistakes, things that are gone. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { asProblem } from "../api/problem";
import { Icon, type IconName } from "./Icon";
import classes from "./States.module.css";
import { Ticked } from "./Ticked";

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <span className={classes.emptyIcon}>
        <Icon name={icon} size={20} />
      </span>
      <p className={classes.title}>{title}</p>
      {children}
    </div>
  );
}

/** What went wrong, what to do, and a way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div className={classes.empty} role="alert">
      <span className={`${classes.emptyIcon ?? ""} tone-bad`}>
        <Icon name="warning" size={20} />
      </span>
      <p className={classes.title}>{problem.title}</p>
      {problem.message !== problem.title && (
        <p>
          <Ticked text={problem.message} />
        </p>
      )}
      {problem.cure && (
        <p className="dim">
          <Ticked text={problem.cure} />
        </p>
      )}
      <div className={classes.ways}>
        {retry && (
          <Button variant="default" onClick={retry}>
            Try again
          </Button>
        )}
        <Link to="/" className="link">
          Home
        </Link>
      </div>
      {problem.requestId && <p className="dim mono">{problem.requestId}</p>}
    </div>
  );
}

/** A line across the page with something to know about what is below. */
export function Banner({ tone, children }: { tone: "bad" | "warn"; children: ReactNode }) {
  return (
    <div className={classes.banner} data-tone={tone}>
      <span className={`${classes.bannerIcon ?? ""} tone-${tone}`}>
        <Icon name="warning" />
      </span>
      <div className="grow">{children}</div>
    </div>
  );
}
