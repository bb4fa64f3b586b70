/** How a repository is opened, by which key its host is known, and how the host calls. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { resetHostKey, useMakeHook, useMakeKey } from "../../api/repositories";
import { useRights } from "../../api/rights";
import type { RepositoryView } from "../../api/types";
import { Command } from "../CopyButton";
import { Section } from "../Page";
import { Confirm, type Question } from "../people/Confirm";
import { Field } from "../people/Field";

const isBySsh = ({ url }: RepositoryView) => !/^(?:https?|file):/.test(url);

export function Access({ repository }: { repository: RepositoryView }) {
  const { edit, administer, archived } = useRights();
  const may = edit && !archived;
  const [question, setQuestion] = useState<Question | null>(null);
  const ssh = isBySsh(repository);
  return (
    <Section title="Access">
      {ssh ? <KeyPart repository={repository} may={may} /> : <TokenPart repository={repository} />}
      {ssh && (
        <Field label="Host key">
          {repository.host_keys.length === 0 && (
            <span className="dim">It is known from the first sync on, and no other one is taken after that.</span>
          )}
          {repository.host_keys.map((key) => (
            <p key={key} className="mono">
              {key}
            </p>
          ))}
          {administer && repository.host_keys.length > 0 && (
            <Button
              variant="default"
              size="compact-sm"
              onClick={() =>
                setQuestion({
                  title: `Forget the key of the host of ${repository.name}?`,
                  text: <p>The next sync takes whatever key the host shows then. Compare it with what the host publishes.</p>,
                  action: "Forget it",
                  run: () => resetHostKey(repository.name),
                })
              }
            >
              Forget it
            </Button>
          )}
        </Field>
      )}
      <HookPart repository={repository} may={may} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}

function TokenPart({ repository }: { repository: RepositoryView }) {
  return (
    <Field label="Opened">
      {repository.token ? (
        "By a token, which is shown to nobody."
      ) : (
        <span className="dim">Without a token: it is public. Change it to give it one.</span>
      )}
    </Field>
  );
}

function KeyPart({ repository, may }: { repository: RepositoryView; may: boolean }) {
  const make = useMakeKey(repository.name);
  const key = repository.public_key;
  return (
    <Field label="Deploy key">
      {key ? (
        <>
          <Command text={key} label="Copy the public key" />
          <p className="dim">Add it to the repository at its host, as a deploy key that may read.</p>
        </>
      ) : (
        <p className="dim">It has none yet, and cannot be opened without.</p>
      )}
      {may && (
        <Button variant="default" size="compact-sm" loading={make.isPending} onClick={() => make.mutate()}>
          {key ? "Make another" : "Make a key"}
        </Button>
      )}
    </Field>
  );
}

function HookPart({ repository, may }: { repository: RepositoryView; may: boolean }) {
  const make = useMakeHook(repository.name);
  const hook = make.data;
  const url = hook && (hook.url.startsWith("/") ? `${location.origin}${hook.url}` : hook.url);
  return (
    <Field label="Webhook">
      {hook && url ? (
        <>
          <Command text={url} label="Copy the address" />
          <Command text={hook.secret} label="Copy the secret" />
          <p className="dim">Add both at the host, as a webhook for pushes with JSON. The secret is not shown again.</p>
        </>
      ) : (
        <p className="dim">
          {repository.hook
            ? "Its host may call when something was pushed."
            : "Its host can say when something is pushed: it is synced then."}
        </p>
      )}
      {may && !hook && (
        <Button variant="default" size="compact-sm" loading={make.isPending} onClick={() => make.mutate()}>
          {repository.hook ? "Make another" : "Make a webhook"}
        </Button>
      )}
    </Field>
  );
}
