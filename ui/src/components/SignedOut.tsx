import { Brand } from "./Brand";
import { Command } from "./CopyButton";
import classes from "./SignedOut.module.css";

/** The server does not know this browser: how to get a link. */
export function SignedOut() {
  return (
    <main className={classes.page}>
      <div className={classes.brand}>
        <Brand />
      </div>
      <h1>Open this page by its link</h1>
      <p>
        This browser has not been let in yet, or its session ended. Open the link that <code>rigi up</code> printed. To get a new one, on
        the machine where Rigi runs:
      </p>
      <Command text="rigi status --link" />
    </main>
  );
}
