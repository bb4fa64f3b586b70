/** What a schedule does: its rules in words, the times that come, and the days on which the clock is changed. */
import { useQuery } from "@tanstack/react-query";

import { explainQuery } from "../../api/schedules";
import type { ExplainView } from "../../api/types";
import { useNow } from "../../lib/now";
import { localClock, localDay } from "../../lib/schedule";
import { Section } from "../Page";
import { Field } from "../people/Field";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Failure } from "../States";
import { Ago } from "../Time";
import classes from "./Schedules.module.css";

export function Rules({ pipeline, id }: { pipeline: string; id: string }) {
  const { data } = useQuery(explainQuery(pipeline, id));
  return (
    <Field label="Rules">
      <ul className={classes.rules}>{data ? data.rules.map((rule) => <li key={rule}>{rule}</li>) : <li aria-hidden>&nbsp;</li>}</ul>
    </Field>
  );
}

type Coming = ExplainView["next"][number];

interface ComingTimesProps {
  pipeline: string;
  id: string;
  /** It starts nothing now. */
  still: boolean;
}

export function ComingTimes({ pipeline, id, still }: ComingTimesProps) {
  const { data, error, refetch } = useQuery(explainQuery(pipeline, id));
  const now = useNow();
  // While it stands still nothing tells that one has passed.
  const coming = (data?.next ?? []).filter(({ at }) => !still || Date.parse(at) > now);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const columns: Column<Coming>[] = [
    { title: "Day", head: true, cell: ({ local }) => localDay(local) },
    { title: "By the clock", cell: ({ local }) => <Clock local={local} /> },
    { title: "How soon", quiet: true, narrow: true, cell: ({ at }) => <span className="dim">{<Ago at={at} />}</span> },
  ];
  return (
    <Section title={still ? "Times that would come" : "Next times"}>
      {data && coming.length === 0 && (
        <p className={people.none}>{data.next.length === 0 ? "None comes any more." : "None, while it stands still."}</p>
      )}
      {coming.length > 0 && <Table label="Next times" columns={columns} rows={coming} keyOf={({ at }) => at} />}
      {data?.changes.map((change) => (
        <p key={change.day} className={classes.changes}>
          On {localDay(change.day)} the clock is changed, {change.change}.{" "}
          {change.due.length === 0 ? "Nothing is due that day." : "Due that day: "}
          {change.due.map(({ at, local }, index) => (
            <span key={at}>
              {index > 0 && ", "}
              <Clock local={local} />
            </span>
          ))}
          {change.due.length > 0 && "."}
        </p>
      ))}
    </Section>
  );
}

function Clock({ local }: { local: string }) {
  const { time, offset } = localClock(local);
  return (
    <span className="num">
      {time} <span className="dim">{offset}</span>
    </span>
  );
}
