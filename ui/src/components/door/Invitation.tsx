/** An invitation: with an account it gives a role, without one it makes the account first. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { signOut, takeLink, waysInQuery } from "../../api/account";
import { keys } from "../../api/keys";
import type { AccountView, LinkLook } from "../../api/types";
import { roleWord } from "../../lib/audit";
import { DEFAULT_PROJECT, pagePath } from "../../lib/project";
import { rank, ROLE_HELP, roleIn, type Role } from "../../lib/rights";
import { FormProblem, useSending } from "../form/Fields";
import { Door } from "./Door";
import classes from "./Door.module.css";
import { go, Holds } from "./Join";
import { NewAccount } from "./JoinForms";
import { Providers } from "./Providers";
import { SignInForm } from "./SignInForm";

interface InvitationProps {
  linkKey: string;
  look: LinkLook;
  account: AccountView | null;
}

/** "lab as a runner"; whoever gets into the one project that there is does not meet its name. */
function where({ project, role }: LinkLook): string {
  const as = role ? ` as ${roleWord(role)}` : "";
  return project && project !== DEFAULT_PROJECT ? ` ${project}${as}` : as;
}

const enter = (look: LinkLook) => go("/", look.project ?? DEFAULT_PROJECT);

export function Invitation({ linkKey, look, account }: InvitationProps) {
  const [signingIn, setSigningIn] = useState(false);
  const cache = useQueryClient();
  const { data: ways } = useQuery(waysInQuery);
  const title = `Join${where(look)}`.trim();
  if (account?.id) return <WithAccount linkKey={linkKey} look={look} account={account} title={title} />;
  if (signingIn) {
    return (
      <Door title="Sign in">
        <p>Then this invitation goes on.</p>
        <SignInForm mail={look.mail ?? ""} onDone={() => void cache.invalidateQueries({ queryKey: keys.account })} />
        <button type="button" className={`${classes.plain ?? ""} ${classes.other ?? ""}`} onClick={() => setSigningIn(false)}>
          I have no account yet
        </button>
      </Door>
    );
  }
  return (
    <Door title={title}>
      <Words look={look} />
      {ways?.passwords !== false && <NewAccount linkKey={linkKey} mail={look.mail ?? null} onDone={() => enter(look)} />}
      {ways?.passwords && ways.providers.length > 0 && <p className={classes.or}>or</p>}
      {ways && (
        <Providers
          providers={ways.providers}
          returnTo={pagePath("/", look.project ?? DEFAULT_PROJECT)}
          linkKey={linkKey}
          verb="Join with"
        />
      )}
      <p className={classes.other}>
        <button type="button" className={classes.plain} onClick={() => setSigningIn(true)}>
          I have an account: sign in
        </button>
      </p>
    </Door>
  );
}

function Words({ look }: { look: LinkLook }) {
  const role = look.role as Role | null | undefined;
  const help = role ? ROLE_HELP[role] : undefined;
  return (
    <div className={classes.words}>
      <p>
        {look.made_by} invites you.{help && ` ${role === "owner" ? "An" : "A"} ${role ?? ""} ${help}.`}
      </p>
      <Holds until={look.until} />
    </div>
  );
}

function WithAccount({ linkKey, look, account, title }: { linkKey: string; look: LinkLook; account: AccountView; title: string }) {
  const form = useSending(
    () => takeLink({ key: linkKey }),
    () => enter(look),
  );
  const has = look.project ? roleIn(account, look.project) : null;
  if (has !== null && rank(has) >= rank(look.role)) {
    return (
      <Door title="You are in already">
        <p>You are {roleWord(has)}, which is as much as this invitation gives. Others can still take it.</p>
        <Button component="a" href={pagePath("/", look.project ?? DEFAULT_PROJECT)}>
          To the page
        </Button>
      </Door>
    );
  }
  return (
    <Door title={title}>
      <Words look={look} />
      <form className={classes.form} onSubmit={form.send}>
        <FormProblem error={form.error} />
        <Button type="submit" autoFocus loading={form.sending}>
          {title}
        </Button>
      </form>
      <div className={classes.other}>
        <span className="dim">You are signed in as {account.name}.</span>
        <button type="button" className={classes.plain} onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </Door>
  );
}
