/** The frame of a page: where one is, what one can do, and what is there. */
import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";

import { DEFAULT_PROJECT, project } from "../lib/project";
import { Offline } from "./Offline";
import classes from "./Page.module.css";

export interface Crumb {
  text: string;
  link?: Pick<LinkProps, "to" | "params" | "search">;
}

interface PageProps {
  /** From the outermost to this page. */
  crumbs: Crumb[];
  actions?: ReactNode;
  /** Stays while the content scrolls. */
  head?: ReactNode;
  /** The content fills the page and scrolls by itself. */
  fill?: boolean;
  children: ReactNode;
}

export function Page({ crumbs, actions, head, fill = false, children }: PageProps) {
  const names = [...crumbs].reverse().map((crumb) => crumb.text);
  const title = [...names, ...(project === DEFAULT_PROJECT ? [] : [project])].join(" · ");
  useEffect(() => {
    document.title = `${title} · Rigi`;
  }, [title]);
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <nav aria-label="Where you are" className={classes.crumbs}>
          {crumbs.map((crumb, index) => (
            <span key={index} className={classes.crumb}>
              {crumb.link ? <Link {...crumb.link}>{crumb.text}</Link> : <h1>{crumb.text}</h1>}
            </span>
          ))}
        </nav>
        <Offline />
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {head}
      {/* Another element for each kind: one that begins or ceases to scroll counts as moved. */}
      <div
        key={fill ? "fill" : "scroll"}
        className={fill ? classes.fill : classes.scroll}
        {...(fill ? {} : { "data-scroll-restoration-id": "page", tabIndex: 0 })}
      >
        {children}
      </div>
    </div>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <div className={classes.sectionHead}>
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
