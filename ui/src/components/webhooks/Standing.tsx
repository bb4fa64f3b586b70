/** How a webhook stands, what became of a delivery, and the button that has it pause or go on. */
import { Button } from "@mantine/core";

import { usePauseWebhook } from "../../api/webhooks";
import type { DeliveryView, WebhookView } from "../../api/types";
import { outcomeOf } from "../../lib/webhook";
import { RunOrReason } from "../RunOrReason";
import classes from "../schedules/Schedules.module.css";
import { Ago } from "../Time";

export function HookStanding({ hook }: { hook: WebhookView }) {
  const paused = hook.paused_at;
  return (
    <span>
      <span className={`${classes.standing ?? ""} tone-${paused ? "warn" : "ok"}`}>
        <svg viewBox="0 0 16 16" width={14} height={14} fill="none" stroke="currentColor" strokeWidth={2} strokeLinecap="round" aria-hidden>
          <path d={paused ? "M5.500 3.500v9M10.500 3.500v9" : "m3 8.600 3.400 3.400L13 4.800"} />
        </svg>
        {paused ? "Paused" : "On"}
      </span>
      {paused && (
        <span className={classes.why}>
          {" "}
          <Ago at={paused} />
        </span>
      )}
    </span>
  );
}

export function PauseHook({ hook, size = "compact-sm" }: { hook: WebhookView; size?: string }) {
  const pause = usePauseWebhook(hook);
  const word = hook.paused_at ? "Resume" : "Pause";
  return (
    <Button
      variant="default"
      size={size}
      className={classes.way ?? ""}
      loading={pause.isPending}
      aria-label={size === "compact-sm" ? `${word} ${hook.name}` : undefined}
      onClick={() => pause.mutate()}
    >
      {word}
    </Button>
  );
}

/** What became of a delivery. */
export function Outcome({ delivery, state }: { delivery: DeliveryView; state?: string | undefined }) {
  return <RunOrReason run={delivery.run} state={state} outcome={outcomeOf(delivery)} reason={delivery.reason} />;
}
