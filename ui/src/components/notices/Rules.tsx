/** Rules: what is told of which pipelines to whom, and when. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { removeRule, useNoticesChange, usePauseRule } from "../../api/notices";
import { useRights } from "../../api/rights";
import type { RuleView } from "../../api/types";
import { notify } from "../../lib/notices";
import { tellsOf, tellsWhen } from "../../lib/telling";
import { Confirm, type Question } from "../people/Confirm";
import { Table, type Column } from "../people/Table";
import schedules from "../schedules/Schedules.module.css";
import classes from "./Notices.module.css";

export function Rules({ rules }: { rules: readonly RuleView[] }) {
  const { archived } = useRights();
  const [question, setQuestion] = useState<Question | null>(null);
  const remove = useNoticesChange(removeRule);
  const ask = ({ name }: RuleView) =>
    setQuestion({
      title: `Remove the rule ${name}?`,
      text: <p>Nothing is told by it any more, of trouble that goes on neither. What was told stays in the list.</p>,
      action: "Remove it",
      run: async () => {
        await remove.mutateAsync(name);
        notify(`The rule ${name} is removed.`);
      },
    });
  const columns: Column<RuleView>[] = [
    {
      title: "Rule",
      head: true,
      cell: ({ name }) => (
        <Link to="/notices/rules/$rule/change" params={{ rule: name }} className={classes.name}>
          {name}
        </Link>
      ),
    },
    { title: "Tells", cell: (rule) => tellsOf(rule) },
    {
      title: "To",
      cell: ({ channels }) => (
        <span>
          {channels.map((channel, index) => (
            <span key={channel}>
              {index > 0 && ", "}
              <Link to="/notices/channels/$channel" params={{ channel }} className={classes.name}>
                {channel}
              </Link>
            </span>
          ))}
        </span>
      ),
    },
    { title: "When", wide: true, cell: (rule) => <span className="dim">{tellsWhen(rule)}</span> },
    { title: "State", cell: (rule) => <Standing paused={rule.paused ?? false} /> },
    ...(archived
      ? []
      : [
          {
            title: "Change",
            quiet: true,
            narrow: true,
            cell: (rule: RuleView) => (
              <span className={classes.ways}>
                <Pause rule={rule} />
                <Button variant="default" size="compact-sm" aria-label={`Remove ${rule.name}`} onClick={() => ask(rule)}>
                  Remove
                </Button>
              </span>
            ),
          },
        ]),
  ];
  return (
    <>
      {rules.length > 0 ? (
        <Table label="Rules" columns={columns} rows={rules} keyOf={({ name }) => name} />
      ) : (
        <p className={classes.none}>
          Nobody is told of anything. A rule says of what: <code>rigi notices rule failures --on failed,recovered --channel team</code>
        </p>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Standing({ paused }: { paused: boolean }) {
  return (
    <span className={`${schedules.standing ?? ""} tone-${paused ? "warn" : "ok"}`}>
      <svg viewBox="0 0 16 16" width={14} height={14} fill="none" stroke="currentColor" strokeWidth={2} strokeLinecap="round" aria-hidden>
        <path d={paused ? "M5.500 3.500v9M10.500 3.500v9" : "m3 8.600 3.400 3.400L13 4.800"} />
      </svg>
      {paused ? "Paused" : "On"}
    </span>
  );
}

function Pause({ rule }: { rule: RuleView }) {
  const { pending, pause } = usePauseRule(rule);
  const word = rule.paused ? "Resume" : "Pause";
  return (
    <Button
      variant="default"
      size="compact-sm"
      className={schedules.way ?? ""}
      loading={pending}
      aria-label={`${word} ${rule.name}`}
      onClick={pause}
    >
      {word}
    </Button>
  );
}
