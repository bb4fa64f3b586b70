/** Where people have accounts: in place of any page, until one has signed in. Then it is that page. */
import { useState } from "react";

import { takeLeftNote } from "../../api/account";
import { visit } from "../../api/session";
import type { WaysIn } from "../../api/types";
import { pagePath, project } from "../../lib/project";
import { Command } from "../CopyButton";
import { Door } from "./Door";
import classes from "./Door.module.css";
import { Forgotten } from "./Forgotten";
import { Providers } from "./Providers";
import { SignInForm } from "./SignInForm";

interface SignInProps {
  ways: WaysIn;
  /** A session has ended. */
  ended: boolean;
  /** What was looked at without signing in is not public any more. */
  closed: boolean;
}

export default function SignIn({ ways, ended, closed }: SignInProps) {
  const [forgotten, setForgotten] = useState<string | null>(null);
  const [left] = useState(takeLeftNote);
  if (ways.first_administrator) return <NobodyYet />;
  if (forgotten !== null) return <Forgotten mail={forgotten} onBack={() => setForgotten(null)} />;
  return (
    <Door title="Sign in">
      {ended && (
        <p className={classes.note} role="status">
          Your session has ended. Sign in to go on where you were.
        </p>
      )}
      {closed && (
        <p className={classes.note} role="status">
          {project} is not public any more. Whoever has a role in it signs in to see it.
        </p>
      )}
      {left && (
        <p className={classes.note} role="status">
          {left}
        </p>
      )}
      {/* Loaded anew, so that nothing of whoever was here before is left. */}
      {ways.passwords && <SignInForm onDone={() => location.reload()} onForgotten={ways.mail ? setForgotten : undefined} />}
      {ways.passwords && ways.providers.length > 0 && <p className={classes.or}>or</p>}
      <Providers providers={ways.providers} returnTo={location.pathname + location.search} />
      {!ways.passwords && ways.providers.length === 0 && (
        <p>Nobody can sign in: the configuration of this server allows neither passwords nor a provider.</p>
      )}
      {ways.passwords && (
        <p className="dim">
          {ways.mail
            ? "No account? An invitation comes from an owner of a project, or from an administrator."
            : "No account, or no password any more? A link comes from whoever invited you, or from an administrator."}
        </p>
      )}
      <Public names={closed ? [] : (ways.public ?? [])} />
    </Door>
  );
}

/** What whoever comes may look at. */
function Public({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <section className={classes.open} aria-labelledby="public">
      <h2 id="public">Open to everybody</h2>
      <p className="dim">Pipelines, runs, logs and files can be read without signing in.</p>
      <ul>
        {names.map((name) => (
          <li key={name}>
            {name === project ? (
              <button type="button" className={classes.plain} onClick={visit}>
                {name}
              </button>
            ) : (
              <a className="link" href={pagePath("/", name)}>
                {name}
              </a>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function NobodyYet() {
  return (
    <Door title="Nobody has an account yet">
      <div className={classes.words}>
        <p>
          The first one is made by a link that <code>rigi up</code> printed when it started. It holds for an hour. To get a new one, on the
          machine where Rigi runs:
        </p>
        <Command text="rigi status --link" />
      </div>
    </Door>
  );
}
