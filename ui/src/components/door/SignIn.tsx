/** Where people have accounts: in place of any page, until one has signed in. Then it is that page. */
import { useState } from "react";

import { takeLeftNote } from "../../api/account";
import type { WaysIn } from "../../api/types";
import { Command } from "../CopyButton";
import { Door } from "./Door";
import classes from "./Door.module.css";
import { Forgotten } from "./Forgotten";
import { Providers } from "./Providers";
import { SignInForm } from "./SignInForm";

export default function SignIn({ ways, ended }: { ways: WaysIn; ended: boolean }) {
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
    </Door>
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
