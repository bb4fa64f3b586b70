/** Webhooks: addresses to which programs send what starts runs, with what came last. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { useRights } from "../api/rights";
import { webhooksQuery } from "../api/webhooks";
import type { WebhookView } from "../api/types";
import { Page } from "../components/Page";
import { useWalk } from "../components/people/useWalk";
import { Empty, Failure } from "../components/States";
import { HookTable, MakeHookButton } from "../components/webhooks/HookTable";
import { useHookRefusal } from "../components/webhooks/useHookRefusal";
import classes from "../components/webhooks/Webhooks.module.css";
import { inProject } from "../lib/command";
import { useKeys } from "../lib/keys";

export function Webhooks() {
  const navigate = useNavigate();
  const { edit, archived } = useRights();
  const { data, error, refetch } = useQuery({ ...webhooksQuery, enabled: edit });
  const refusal = useHookRefusal("see");
  useKeys(
    "Webhooks",
    edit && !archived ? [{ keys: "n", label: "Make a webhook", run: () => void navigate({ to: "/webhooks/-/new" }) }] : [],
  );
  const crumbs = [{ text: "Webhooks" }];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (!data || data.length === 0) {
    return (
      <Page crumbs={crumbs}>
        {error && !data && <Failure error={error} retry={() => void refetch()} />}
        {data && <None may={!archived} />}
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs} actions={!archived && <MakeHookButton />}>
      <List hooks={data} />
    </Page>
  );
}

function List({ hooks }: { hooks: readonly WebhookView[] }) {
  const navigate = useNavigate();
  const current = useWalk(
    "List",
    hooks.map(({ name }) => name),
    (name) => void navigate({ to: "/webhooks/$name", params: { name } }),
  );
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="List" data-scroll-restoration-id="webhooks">
      <HookTable hooks={hooks} current={current} />
    </div>
  );
}

function None({ may }: { may: boolean }) {
  return (
    <Empty icon="hook" title="Nobody sends anything here">
      <p className="dim">
        A webhook is an address to which a program sends what starts runs: a forge that was pushed to, a shop with a new order, another
        server. What comes is signed, and becomes the parameters of a run.
      </p>
      {may && (
        <>
          <p className="dim">Make one here, or in a terminal:</p>
          <pre className={classes.spec}>
            {inProject("rigi webhooks set pushes --pipeline build --kind github \\\n  --when \"event == 'push'\" -p 'branch=${body.ref}'")}
          </pre>
          <MakeHookButton />
        </>
      )}
    </Empty>
  );
}
