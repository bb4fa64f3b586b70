/** Keys of programs that send notices of their own. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { makeNoticeKey, removeNoticeKey, useNoticesChange } from "../../api/notices";
import { useRights } from "../../api/rights";
import type { NoticeKeyView } from "../../api/types";
import { notify } from "../../lib/notices";
import { Command } from "../CopyButton";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Confirm, FormWindow, type Question } from "../people/Confirm";
import { Once } from "../people/Once";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";
import classes from "./Notices.module.css";

interface KeysProps {
  known: readonly NoticeKeyView[];
  making: boolean;
  onClose: () => void;
}

export function Keys({ known, making, onClose }: KeysProps) {
  const { archived } = useRights();
  const [question, setQuestion] = useState<Question | null>(null);
  const remove = useNoticesChange(removeNoticeKey);
  const ask = (name: string) =>
    setQuestion({
      title: `Take the key ${name} back?`,
      text: <p>Whatever sends notices with it is refused from now on.</p>,
      action: "Take it back",
      run: async () => {
        await remove.mutateAsync(name);
        notify(`The key ${name} sends nothing any more.`);
      },
    });
  const columns: Column<NoticeKeyView>[] = [
    { title: "Key", head: true, cell: ({ name }) => name },
    {
      title: "Made",
      cell: ({ made_at, made_by }) => (
        <span className="dim">
          <Ago at={made_at} /> by {made_by}
        </span>
      ),
    },
    ...(archived
      ? []
      : [
          {
            title: "Take back",
            quiet: true,
            narrow: true,
            cell: ({ name }: NoticeKeyView) => (
              <Button variant="default" size="compact-sm" aria-label={`Take the key ${name} back`} onClick={() => ask(name)}>
                Take back
              </Button>
            ),
          },
        ]),
  ];
  return (
    <>
      <p className={classes.none}>
        With a key, a program tells channels of its own accord: it sends <code>subject</code>, <code>body</code> and <code>channels</code>{" "}
        to <code>{location.origin}/api/notifications/send</code>, with the key as <code>X-Notification-Key</code>.
      </p>
      {known.length > 0 && <Table label="Keys of programs" columns={columns} rows={known} keyOf={({ name }) => name} />}
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title="Make a key" opened={making} onClose={onClose} size={520} held>
        <MakeKey onClose={onClose} />
      </FormWindow>
    </>
  );
}

function MakeKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const make = useNoticesChange(makeNoticeKey);
  const form = useSending(() => make.mutateAsync(name.trim()));
  if (form.result?.key) {
    const { key } = form.result;
    const call = `curl -H 'X-Notification-Key: ${key}' -H 'Content-Type: application/json' ${location.origin}/api/notifications/send -d '{"subject": "Deployed", "body": "1.2.3"}'`;
    return (
      <Once text={key} what="key" onDone={onClose}>
        <p>The key {form.result.name}. Keep it where you keep passwords: whoever has it may tell your channels anything. So it is used:</p>
        <Command text={call} />
      </Once>
    );
  }
  return (
    <form className={people.dialog} onSubmit={form.send} aria-label="Make a key">
      <TextField
        label="Name"
        description="Of the program. A key of this name that there is already is replaced."
        placeholder="ci"
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      <FormProblem error={form.error} beside={["/name"]} />
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Make it
        </Button>
      </div>
    </form>
  );
}
