/** One webhook: where to send to, what it does, how it stands, and what came. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "../api/keys";
import { useRights } from "../api/rights";
import { removeWebhook, replaceSecret, webhookQuery } from "../api/webhooks";
import type { WebhookView } from "../api/types";
import { Command } from "../components/CopyButton";
import { Page } from "../components/Page";
import { Confirm, FormWindow, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { Failure } from "../components/States";
import { Ticked } from "../components/Ticked";
import { Ago, At } from "../components/Time";
import { Deliveries } from "../components/webhooks/Deliveries";
import { addressOf, SecretOnce } from "../components/webhooks/SecretOnce";
import { HookStanding, PauseHook } from "../components/webhooks/Standing";
import { useHookRefusal } from "../components/webhooks/useHookRefusal";
import classes from "../components/webhooks/Webhooks.module.css";
import { count } from "../lib/format";
import { notify } from "../lib/notices";
import { byWord } from "../lib/people";
import { textOf } from "../lib/schema/fields";
import { givenBy, kindOf } from "../lib/webhook";

const route = getRouteApi("/webhooks/$name");

export function Webhook() {
  const { name } = route.useParams();
  const { delivery } = route.useSearch();
  const { edit, archived } = useRights();
  const { data: hook, error, refetch } = useQuery({ ...webhookQuery(name), enabled: edit });
  const refusal = useHookRefusal("see");
  const crumbs = [{ text: "Webhooks", link: { to: "/webhooks" } as const }, { text: name }];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (!hook) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page crumbs={crumbs} actions={!archived && <Ways hook={hook} />}>
      <Facts hook={hook} fixed={archived} />
      <Deliveries hook={hook} open={delivery} />
    </Page>
  );
}

function Ways({ hook }: { hook: WebhookView }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { name } = hook;
  const ask = () =>
    setQuestion({
      title: `Remove ${name}?`,
      text: (
        <p>Its address takes nothing any more, and what is known of what came goes with it. Runs that it has started go on, and stay.</p>
      ),
      action: "Remove it",
      run: async () => {
        await removeWebhook(name);
        notify(`${name} is removed.`);
        await navigate({ to: "/webhooks" });
        void cache.invalidateQueries({ queryKey: keys.webhooks });
      },
    });
  return (
    <>
      <Button variant="default" className="tone-bad" onClick={ask}>
        Remove
      </Button>
      <Button variant="default" renderRoot={(props) => <Link to="/webhooks/$name/change" params={{ name }} {...props} />}>
        Change
      </Button>
      <PauseHook hook={hook} size="xs" />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Facts({ hook, fixed }: { hook: WebhookView; fixed: boolean }) {
  const parameters = Object.entries(givenBy(hook));
  const kind = kindOf(hook.kind);
  return (
    <div className={classes.facts}>
      <Field label="State">
        <HookStanding hook={hook} />
      </Field>
      <Field label="Address">
        <div className={classes.address}>
          <Command text={addressOf(hook)} label="Copy the address" />
        </div>
      </Field>
      <Field label="Signs as">
        {kind.name}
        <span className="dim">
          {" · "}
          <Ticked text={kind.signs} />
        </span>
      </Field>
      <Field label="Secret">
        <Secret hook={hook} fixed={fixed} />
      </Field>
      <Field label="Starts">
        <Link to="/pipelines/$name" params={{ name: hook.pipeline }} className="link">
          {hook.pipeline}
        </Link>
        {hook.schedule && <p className="dim">as its schedule {hook.schedule} would</p>}
      </Field>
      <Field label="When">{hook.when ? <code>{hook.when}</code> : <span className="dim">whatever comes</span>}</Field>
      {parameters.length > 0 && (
        <Field label="Parameters">
          {parameters.map(([name, value]) => (
            <p key={name}>
              <code>
                {name} = {textOf(value)}
              </code>
            </p>
          ))}
        </Field>
      )}
      <Field label="At most">{count(hook.per_minute)} a minute</Field>
      <Field label="Made">
        <Ago at={hook.made_at} /> by {byWord(hook.made_by)}
      </Field>
    </div>
  );
}

function Secret({ hook, fixed }: { hook: WebhookView; fixed: boolean }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [made, setMade] = useState<WebhookView | null>(null);
  const cache = useQueryClient();
  const ask = () =>
    setQuestion({
      title: `Replace the secret of ${hook.name}?`,
      text: <p>Another one is made, and shown once. The former counts for a day, so that its sender can be told.</p>,
      action: "Replace it",
      run: async () => {
        setMade(await replaceSecret(hook.name));
        void cache.invalidateQueries({ queryKey: keys.webhooks });
      },
    });
  return (
    <div className={classes.secret}>
      <span className="dim">
        {hook.former_until ? (
          <>
            replaced; the former one counts until <At at={hook.former_until} />
          </>
        ) : (
          "kept sealed, and never shown again"
        )}
      </span>
      {!fixed && (
        <Button variant="default" size="compact-sm" onClick={ask}>
          Replace the secret
        </Button>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title={`The secret of ${hook.name}`} opened={made !== null} onClose={() => setMade(null)} size={560} held>
        {made && <SecretOnce hook={made} onDone={() => setMade(null)} />}
      </FormWindow>
    </div>
  );
}
