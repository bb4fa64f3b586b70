/** One delivery: what became of it, what it came with, and having it done again. */
import { Button, Drawer } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Drawer.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { useRights } from "../../api/rights";
import { deliveryQuery, useRedeliver } from "../../api/webhooks";
import type { WebhookView } from "../../api/types";
import { bytes } from "../../lib/format";
import { highlight } from "../../lib/highlight";
import { readable } from "../../lib/webhook";
import { CodeLine } from "../CodeLine";
import { CopyButton } from "../CopyButton";
import { FormProblem } from "../form/Fields";
import { At } from "../Time";
import { Outcome } from "./Standing";
import classes from "./Webhooks.module.css";

interface DeliveryDrawerProps {
  hook: WebhookView;
  /** The delivery; none: it is closed. */
  id: string | undefined;
  states: ReadonlyMap<string, string>;
  onClose: () => void;
}

export function DeliveryDrawer({ hook, id, states, onClose }: DeliveryDrawerProps) {
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      position="right"
      size={560}
      title="A delivery"
      closeButtonProps={{ "aria-label": "Close" }}
      overlayProps={{ color: "#0b1214", backgroundOpacity: 0.2, blur: 0 }}
      transitionProps={{ duration: 120 }}
    >
      {id !== undefined && <Delivery key={id} hook={hook} id={id} states={states} />}
    </Drawer>
  );
}

function Delivery({ hook, id, states }: { hook: WebhookView; id: string; states: ReadonlyMap<string, string> }) {
  const { data: delivery, error } = useQuery(deliveryQuery(hook.name, id));
  const { archived } = useRights();
  const redo = useRedeliver(hook.name);
  if (!delivery) return <FormProblem error={error} />;
  const headers = Object.entries(delivery.headers ?? {});
  const { body } = delivery;
  return (
    <div className={classes.drawer}>
      <dl className={classes.pairs}>
        <dt>Outcome</dt>
        <dd>
          <Outcome delivery={delivery} state={delivery.run ? states.get(delivery.run) : undefined} />
        </dd>
        <dt>Came</dt>
        <dd>
          <At at={delivery.at} />
        </dd>
        {delivery.event && (
          <>
            <dt>Event</dt>
            <dd>{delivery.event}</dd>
          </>
        )}
        <dt>Id</dt>
        <dd className="mono">{delivery.id}</dd>
        {delivery.again_of && (
          <>
            <dt>Repeats</dt>
            <dd className="mono">{delivery.again_of}</dd>
          </>
        )}
      </dl>
      {!archived && (
        <div className={classes.ways}>
          <Button
            variant="default"
            loading={redo.isPending}
            disabled={body == null}
            title="A new delivery with the same body, by what the webhook says now"
            onClick={() => redo.mutate(id)}
          >
            Do it again
          </Button>
        </div>
      )}
      <FormProblem error={redo.error} />
      {headers.length > 0 && (
        <>
          <h3>Headers</h3>
          <dl className={classes.pairs}>
            {headers.map(([name, value]) => (
              <div key={name} style={{ display: "contents" }}>
                <dt>{name}</dt>
                <dd className="mono">{value}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      {body == null ? (
        <p className="dim">
          Its body is not kept: it is larger than 256 KiB, or a secret parameter is made of it. It can be done again by its sender alone.
        </p>
      ) : (
        <Body text={body} />
      )}
    </div>
  );
}

function Body({ text }: { text: string }) {
  const lines = useMemo(() => {
    const { text: shown, json } = readable(text);
    return highlight(shown, json ? "json" : "plain");
  }, [text]);
  return (
    <>
      <div className={classes.bodyHead}>
        <h3>
          Body <span className="dim">{bytes(new Blob([text]).size)}</span>
        </h3>
        {text !== "" && <CopyButton text={text} label="Copy the body" />}
      </div>
      {text === "" ? (
        <p className="dim">It is empty.</p>
      ) : (
        <div className={classes.body} tabIndex={0} role="region" aria-label="Body">
          <pre>
            {lines.map((spans, index) => (
              <div key={index}>
                <CodeLine spans={spans} />
              </div>
            ))}
          </pre>
        </div>
      )}
    </>
  );
}
