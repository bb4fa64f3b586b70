import type { ReactNode } from "react";

import classes from "./People.module.css";

/** A fact with its name; or a form in its place. */
export function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.field}>
      <span className="dim">{label}</span>
      <div>{children}</div>
    </div>
  );
}
