/** What is shown once: a key or a link, to be copied before it is closed. */
import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import { Command } from "../CopyButton";
import classes from "./People.module.css";

export function Once({ text, what, children, onDone }: { text: string; what: string; children: ReactNode; onDone: () => void }) {
  return (
    <div className={classes.dialog} role="status">
      <div className={classes.words}>{children}</div>
      <Command text={text} label={`Copy the ${what}`} />
      <p className="dim">It is shown this once.</p>
      <div className={classes.ways}>
        <Button onClick={onDone} autoFocus>
          Done
        </Button>
      </div>
    </div>
  );
}

/** The whole address of a link that the server made. */
export function linkAddress(path: string): string {
  return location.origin + path;
}
