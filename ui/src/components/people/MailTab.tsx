/** By which mail server mail goes, and what became of each. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { mailsQuery, retryMail, testMail, usePeopleChange } from "../../api/people";
import { asProblem } from "../../api/problem";
import type { MailServerView, MailView } from "../../api/types";
import { plural } from "../../lib/format";
import { mailState, MAIL_KINDS, TLS_WORDS } from "../../lib/mail";
import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Empty, Failure } from "../States";
import { At } from "../Time";
import { FormWindow } from "./Confirm";
import { Field } from "./Field";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

export function MailTab() {
  const query = useInfiniteQuery(mailsQuery);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  const mails = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const retry = usePeopleChange(retryMail);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const { server, waiting } = data.pages[0] ?? { server: null, waiting: 0 };
  return (
    <>
      {server ? <Server server={server} waiting={waiting} /> : <NoServer />}
      {mails.length > 0 && (
        <Table
          label="Mails"
          columns={columns((id) => retry.mutate(id, { onSuccess: () => notify("It is tried now."), onError: refused }))}
          rows={mails}
          keyOf={({ id }) => id}
        />
      )}
      {server && mails.length === 0 && <p className={classes.none}>No mail was written yet.</p>}
      {hasNextPage && (
        <div className={classes.tools}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </div>
      )}
    </>
  );
}

const refused = (error: unknown) => notify(`It is not tried: ${asProblem(error).message}`, "bad", asProblem(error).cure);

function Server({ server, waiting }: { server: MailServerView; waiting: number }) {
  return (
    <div className={classes.list}>
      <Field label="Mail server">
        {server.server} <span className="dim">{TLS_WORDS[server.tls] ?? server.tls}</span>
      </Field>
      <Field label="Writes as">{server.from}</Field>
      <Field label="Waiting">{waiting === 0 ? "nothing" : plural(waiting, "mail")}</Field>
    </div>
  );
}

function NoServer() {
  return (
    <Empty icon="info" title="This server sends no mail">
      <p className="dim">
        Links are shown to be handed on. To have them mailed, set <code>mail.host</code> and <code>mail.from</code> in the configuration.
      </p>
    </Empty>
  );
}

function columns(retry: (id: string) => void): Column<MailView>[] {
  return [
    {
      title: "To",
      head: true,
      cell: ({ to, error }) => (
        <>
          {to}
          {error && <span className={classes.reason}>{error}</span>}
        </>
      ),
    },
    { title: "About", wide: true, cell: ({ kind }) => MAIL_KINDS[kind] ?? kind },
    { title: "Written", wide: true, narrow: true, cell: (mail) => <At at={mail.created_at} /> },
    {
      title: "State",
      narrow: true,
      cell: (mail) => {
        const { text, at, tone } = mailState(mail);
        return (
          <span className={tone}>
            {text}
            {at && (
              <>
                {" "}
                <At at={at} />
              </>
            )}
          </span>
        );
      },
    },
    { title: "Tries", wide: true, narrow: true, cell: ({ tries }) => tries },
    {
      title: "Try it now",
      quiet: true,
      narrow: true,
      cell: ({ id, to, state, tries }) =>
        state === "waiting" &&
        tries > 0 && (
          <Button variant="default" size="compact-sm" aria-label={`Try the mail to ${to} now`} onClick={() => retry(id)}>
            Try now
          </Button>
        ),
    },
  ];
}

/** Looks again, and sends a mail as a test. */
export function MailActions({ own }: { own: string }) {
  const [open, setOpen] = useState(false);
  const { refetch, isRefetching } = useInfiniteQuery(mailsQuery);
  return (
    <>
      <Button variant="default" loading={isRefetching} onClick={() => void refetch()}>
        Look again
      </Button>
      <Button variant="default" onClick={() => setOpen(true)}>
        Send a test
      </Button>
      <FormWindow title="Send a mail as a test" opened={open} onClose={() => setOpen(false)}>
        <TestForm own={own} onClose={() => setOpen(false)} />
      </FormWindow>
    </>
  );
}

function TestForm({ own, onClose }: { own: string; onClose: () => void }) {
  const [to, setTo] = useState(own);
  const send = usePeopleChange(testMail);
  const form = useSending(
    () => send.mutateAsync(to.trim()),
    ({ to: taken }) => {
      notify(`The mail server has taken a mail to ${taken}.`);
      onClose();
    },
  );
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label="Send a mail as a test">
      <TextField
        label="To"
        description="It is sent at once, and what the mail server says is shown."
        type="email"
        autoComplete="off"
        required
        withAsterisk={false}
        data-autofocus
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
        mistake={form.at("/to")}
      />
      <FormProblem error={form.error} beside={["/to"]} />
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Send it
        </Button>
      </div>
    </form>
  );
}
