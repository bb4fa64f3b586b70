/** How a webhook stands, what became of a delivery, and the button that has it pause or go on. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { usePauseWebhook } from "../../api/webhooks";
import type { DeliveryView, WebhookView } from "../../api/types";
import { stateLabel } from "../../lib/states";
import { outcomeOf } from "../../lib/webhook";
import { Icon } from "../Icon";
import classes from "../schedules/Schedules.module.css";
import { StateIcon } from "../StateIcon";
import { Ago } from "../Time";
import { Told } from "../Told";
import own from "./Webhooks.module.css";

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

/** What became of a delivery: the run, with its state where that is known, or why there is none. */
export function Outcome({ delivery, state }: { delivery: DeliveryView; state?: string | undefined }) {
  const { run, reason } = delivery;
  const { word, tone, state: shape } = outcomeOf(delivery);
  if (run) {
    return (
      <span className={own.outcome}>
        {state ? <StateIcon state={state} label={false} /> : <Icon name="runs" />}
        <span>
          <Link to="/runs/$id" params={{ id: run }} className="link">
            run {run.slice(-4)}
          </Link>
          {state && <span className="dim"> · {stateLabel(state)}</span>}
        </span>
      </span>
    );
  }
  return (
    <span className={own.outcome}>
      <StateIcon state={shape} label={false} />
      <p>
        <span className={`tone-${tone}`}>{word}</span>
        {reason && (
          <span className="dim">
            : <Told text={reason} />
          </span>
        )}
      </p>
    </span>
  );
}
