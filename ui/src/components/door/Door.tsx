/** What stands before the page: signing in, and what links are for. */
import { useEffect, type ReactNode } from "react";

import { Brand } from "../Brand";
import classes from "./Door.module.css";

export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Rigi`;
  }, [title]);
  return (
    <main className={classes.page}>
      <div className={classes.box}>
        <div className={classes.brand}>
          <Brand />
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
