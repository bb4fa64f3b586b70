/** The address of a webhook and its secret, which is shown this once, with where a sender is told of both. */
import { Button } from "@mantine/core";

import type { WebhookView } from "../../api/types";
import { kindOf } from "../../lib/webhook";
import { Command } from "../CopyButton";
import { Ticked } from "../Ticked";
import { At } from "../Time";
import classes from "./Webhooks.module.css";

/** The whole address that its sender posts to. */
export function addressOf({ path }: Pick<WebhookView, "path">): string {
  return location.origin + path;
}

export function SecretOnce({ hook, onDone }: { hook: WebhookView; onDone: () => void }) {
  return (
    <div className={classes.once} role="status">
      <p>
        <Ticked text={kindOf(hook.kind).tell} />
      </p>
      <dl>
        <dt>Address</dt>
        <dd>
          <Command text={addressOf(hook)} label="Copy the address" />
        </dd>
        {hook.secret && (
          <>
            <dt>Secret</dt>
            <dd>
              <Command text={hook.secret} label="Copy the secret" />
            </dd>
          </>
        )}
      </dl>
      <p className="dim">
        {hook.secret && "The secret is shown this once. "}
        {hook.former_until && (
          <>
            The former one counts until <At at={hook.former_until} />.
          </>
        )}
      </p>
      <div className={classes.ways}>
        <Button onClick={onDone} autoFocus>
          Done
        </Button>
      </div>
    </div>
  );
}
