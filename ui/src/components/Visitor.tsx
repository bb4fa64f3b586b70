/** What whoever has not signed in is told on the pages of a public project. */
import { Button } from "@mantine/core";

import { askToSignIn } from "../api/session";
import { Icon } from "./Icon";
import { Page } from "./Page";
import classes from "./Shell.module.css";
import { Empty } from "./States";

export function VisitorLine() {
  return (
    <p className={classes.archived} role="status">
      <Icon name="info" size={14} />
      Public: whoever comes may read this.
      <button type="button" className={classes.signIn} onClick={askToSignIn}>
        Sign in
      </button>
    </p>
  );
}

/** Pages on which something is done, or people are shown. */
const CLOSED =
  /\/(?:members|project|administration|account|device|joining|triggers|webhooks|notices|repositories)(?:\/|$)|\/schedules\/new$|\/(?:change|start|backfill)$/;

export function isClosed(pathname: string): boolean {
  return CLOSED.test(pathname.replace(/^\/projects\/[^/]+/, ""));
}

export function SignInFirst() {
  return (
    <Page crumbs={[{ text: "Sign in" }]}>
      <Empty icon="person" title="This is for those who have signed in">
        <p className="dim">What is public is to be read: pipelines, runs, logs and files.</p>
        <Button onClick={askToSignIn}>Sign in</Button>
      </Empty>
    </Page>
  );
}
