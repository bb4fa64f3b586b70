/** What came to a webhook, the newest first, as it comes: what became of each, and one of them in a drawer. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { deliveriesQuery } from "../../api/webhooks";
import type { DeliveryView, WebhookView } from "../../api/types";
import { tryCommand } from "../../lib/webhookTry";
import { Command } from "../CopyButton";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { useWalk } from "../people/useWalk";
import { useStates } from "../schedules/Fires";
import { Failure } from "../States";
import { Ago, At } from "../Time";
import { DeliveryDrawer } from "./DeliveryDrawer";
import { addressOf } from "./SecretOnce";
import { Outcome } from "./Standing";
import classes from "./Webhooks.module.css";

interface DeliveriesProps {
  hook: WebhookView;
  /** The one that is open. */
  open: string | undefined;
}

export function Deliveries({ hook, open }: DeliveriesProps) {
  const { name } = hook;
  const navigate = useNavigate();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(deliveriesQuery(name));
  const deliveries = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const states = useStates(hook.pipeline);
  const show = (delivery?: string) =>
    void navigate({ to: "/webhooks/$name", params: { name }, search: delivery === undefined ? {} : { delivery }, replace: true });
  const current = useWalk(
    "Deliveries",
    deliveries.map(({ id }) => id),
    show,
  );
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const columns: Column<DeliveryView>[] = [
    {
      title: "Came",
      head: true,
      cell: ({ id, at }) => (
        <button type="button" className={classes.came} onClick={() => show(id)} aria-haspopup="dialog">
          <At at={at} />
        </button>
      ),
    },
    {
      title: "Event",
      cell: ({ event, again_of }) => (
        <span>
          {event ?? <span className="dim">–</span>}
          {again_of && <span className="dim"> · again</span>}
        </span>
      ),
    },
    {
      title: "What became of it",
      cell: (delivery) => <Outcome delivery={delivery} state={delivery.run ? states.get(delivery.run) : undefined} />,
    },
    {
      title: "How long ago",
      quiet: true,
      narrow: true,
      cell: ({ at }) => (
        <span className="dim">
          <Ago at={at} />
        </span>
      ),
    },
  ];
  return (
    <Section title="What came">
      {data && deliveries.length === 0 && (
        <>
          <p className={people.none}>
            Nothing yet. What is sent with the right signature is told here: the run that it became, or why there is none.
          </p>
          <div className={classes.try}>
            <p className="dim">To send something from a terminal:</p>
            <Command text={tryCommand(hook.kind, addressOf(hook))} label="Copy the commands" />
          </div>
        </>
      )}
      {deliveries.length > 0 && <Table label="What came" columns={columns} rows={deliveries} keyOf={({ id }) => id} current={current} />}
      {hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
      <DeliveryDrawer hook={hook} id={open} states={states} onClose={() => show()} />
    </Section>
  );
}
