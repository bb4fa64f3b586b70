/** Projects that one has no role in, and may ask to be in; and those whose owners were asked. */
import { Button, Textarea } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { joinableQuery, useAsk } from "../../api/joining";
import { useRights } from "../../api/rights";
import type { JoinableView } from "../../api/types";
import { labelLine } from "../../lib/labels";
import { notify } from "../../lib/notices";
import { sentence } from "../../lib/sentence";
import fields from "../form/Fields.module.css";
import { FormProblem, useSending } from "../form/Fields";
import { Ticked } from "../Ticked";
import { FormWindow } from "./Confirm";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

/** Characters that the server takes. */
const LONGEST_NOTE = 500;

export function JoinableList({ projects }: { projects: readonly JoinableView[] }) {
  const [asking, setAsking] = useState<string | null>(null);
  const columns: Column<JoinableView>[] = [
    { title: "Name", head: true, cell: ({ name }) => name },
    { title: "Labels", wide: true, cell: ({ labels }) => <span className="dim">{labelLine(labels)}</span> },
    {
      title: "Ask",
      quiet: true,
      narrow: true,
      cell: ({ name, asked }) =>
        asked ? (
          <span className="dim">Asked. An owner answers.</span>
        ) : (
          <Button variant="default" size="compact-sm" aria-label={`Ask to join ${name}`} onClick={() => setAsking(name)}>
            Ask to join
          </Button>
        ),
    },
  ];
  return (
    <>
      <Table label="Projects that can be joined" columns={columns} rows={projects} keyOf={({ name }) => name} />
      <FormWindow title={`Ask to join ${asking ?? ""}`} opened={asking !== null} onClose={() => setAsking(null)}>
        {asking !== null && <AskForm project={asking} onClose={() => setAsking(null)} />}
      </FormWindow>
    </>
  );
}

/** The same below something else, of one project alone where its link was followed; nothing where there is none. */
export function JoinableBelow({ only }: { only?: string }) {
  const { people } = useRights();
  const { data } = useQuery({ ...joinableQuery, enabled: people });
  const shown = (data ?? []).filter(({ name }) => only === undefined || name === only);
  if (shown.length === 0) return null;
  return (
    <section aria-labelledby="joinable">
      <h2 id="joinable" className={classes.joinable}>
        {only === undefined ? "Projects that can be joined" : "It can be asked for"}
      </h2>
      <JoinableList projects={shown} />
    </section>
  );
}

function AskForm({ project, onClose }: { project: string; onClose: () => void }) {
  const [note, setNote] = useState("");
  const ask = useAsk();
  const form = useSending(
    () => ask.mutateAsync({ project, note: note.trim() }),
    () => {
      notify(`The owners of ${project} see that you ask.`);
      onClose();
    },
  );
  const mistake = form.at("/note");
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label={`Ask to join ${project}`}>
      <Textarea
        classNames={{ label: fields.label ?? "", description: fields.help ?? "", error: fields.mistake ?? "" }}
        label="Message"
        description="Who you are and what for: its owners read it. It may be left empty."
        placeholder="For the course on air quality"
        data-autofocus
        rows={4}
        maxLength={LONGEST_NOTE}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        error={mistake ? <Ticked text={sentence(mistake)} /> : undefined}
      />
      <FormProblem error={form.error} beside={["/note"]} />
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Ask
        </Button>
      </div>
    </form>
  );
}
