/** The page behind a link: `/join#KEY`. Its key comes out of the address at once, and is kept nowhere but here. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";

import { accountQuery, lookAtLink, takeLink } from "../../api/account";
import { asProblem } from "../../api/problem";
import type { AccountView, LinkLook } from "../../api/types";
import { keyIn } from "../../lib/people";
import { pagePath } from "../../lib/project";
import { sentence } from "../../lib/sentence";
import { FormProblem, useSending } from "../form/Fields";
import { Ticked } from "../Ticked";
import { Ago } from "../Time";
import { Door } from "./Door";
import classes from "./Door.module.css";
import { Invitation } from "./Invitation";
import { NewAccount, NewPassword } from "./JoinForms";

/** Takes the key out of the address. */
function takeKey(): string | null {
  const key = keyIn(location.hash);
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  return key;
}

// Once: what is drawn twice would find the address empty.
let first: string | null | undefined;

export default function Join() {
  const [key, setKey] = useState(() => (first ??= takeKey()));
  useEffect(() => {
    // Another link, opened in the same tab.
    const onHash = () => location.hash && setKey(takeKey());
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  if (key === null) return <NoKey />;
  return <Link key={key} linkKey={key} />;
}

function NoKey() {
  return (
    <Door title="Open the link again">
      <p>The key of a link is taken out of the address as soon as it is opened. Open the link once more from where you got it, whole.</p>
      <Home />
    </Door>
  );
}

export function Home({ children = "To the page" }: { children?: ReactNode }) {
  return (
    <p>
      <a className="link" href="/">
        {children}
      </a>
    </p>
  );
}

function Link({ linkKey }: { linkKey: string }) {
  const look = useQuery({ queryKey: ["link", linkKey], queryFn: () => lookAtLink(linkKey), gcTime: 0 });
  const account = useQuery({ ...accountQuery, retry: false });
  if (look.error) {
    const { message, cure } = asProblem(look.error);
    return (
      <Door title="This link does not hold">
        <div className={classes.words} role="alert">
          <p>
            <Ticked text={sentence(message)} />
          </p>
          {cure && (
            <p className="dim">
              <Ticked text={cure} />
            </p>
          )}
        </div>
        <Home>To the page</Home>
      </Door>
    );
  }
  if (!look.data || account.isPending) return null;
  return <Opened linkKey={linkKey} look={look.data} account={account.data ?? null} />;
}

interface OpenedProps {
  linkKey: string;
  look: LinkLook;
  account: AccountView | null;
}

function Opened({ linkKey, look, account }: OpenedProps) {
  switch (look.kind) {
    case "first-administrator":
      return (
        <Door title="Make the first account">
          <div className={classes.words}>
            <p>It administers this server: it lets others in, and may do everything. Nobody else can take this link after you.</p>
            <Holds until={look.until} />
          </div>
          <NewAccount linkKey={linkKey} mail={null} onDone={() => go("/")} />
        </Door>
      );
    case "invitation":
      return <Invitation linkKey={linkKey} look={look} account={account} />;
    case "reset":
      return <NewPassword linkKey={linkKey} look={look} />;
    case "confirm":
      return <ConfirmMail linkKey={linkKey} look={look} />;
    case "sign-in":
      return <SignInByLink linkKey={linkKey} look={look} />;
    default:
      return (
        <Door title="This link is of a newer version">
          <p>This page does not know what it is for. Load it again, or ask whoever sent it.</p>
        </Door>
      );
  }
}

export function Holds({ until }: { until: string }) {
  return (
    <p className="dim">
      The link ends <Ago at={until} />.
    </p>
  );
}

function SignInByLink({ linkKey, look }: { linkKey: string; look: LinkLook }) {
  const form = useSending(
    () => takeLink({ key: linkKey }),
    () => go("/"),
  );
  return (
    <Door title={`Sign in as ${look.name ?? "yourself"}`}>
      <div className={classes.words}>
        <p>This link from {look.made_by} signs you in once, in this browser.</p>
        <Holds until={look.until} />
      </div>
      <form className={classes.form} onSubmit={form.send}>
        <FormProblem error={form.error} />
        <Button type="submit" autoFocus loading={form.sending}>
          Sign in
        </Button>
      </form>
    </Door>
  );
}

function ConfirmMail({ linkKey, look }: { linkKey: string; look: LinkLook }) {
  const form = useSending(() => takeLink({ key: linkKey }));
  const whose = look.name ? `the account of ${look.name}` : "your account";
  if (form.result !== undefined) {
    return (
      <Door title="It is confirmed">
        <p role="status">
          Mail to {look.mail ?? "the address"} reaches {whose}.
        </p>
        <Home />
      </Door>
    );
  }
  return (
    <Door title="Confirm your mail address">
      <div className={classes.words}>
        <p>
          {look.mail ?? "This address"} is that of {whose}, if you say so.
        </p>
        <Holds until={look.until} />
      </div>
      <form className={classes.form} onSubmit={form.send}>
        <FormProblem error={form.error} />
        <Button type="submit" autoFocus loading={form.sending}>
          Confirm it
        </Button>
      </form>
    </Door>
  );
}

/** Into the page, loaded anew. */
export function go(path: string, project?: string): void {
  location.replace(project === undefined ? path : pagePath(path, project));
}
