/** Starts a backfill of a schedule: of which days, how, and with a look at what it would do. */
import { Button, SegmentedControl, Switch, TextInput } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/SegmentedControl.css";
import "@mantine/core/styles/Switch.css";
import { Link } from "@tanstack/react-router";

import type { PipelineView, ScheduleView } from "../../api/types";
import { plural } from "../../lib/format";
import { commandKey } from "../../lib/keys";
import { Command } from "../CopyButton";
import { FormProblem } from "../form/Fields";
import { FieldRow } from "../form/ParameterField";
import { FormFrame } from "../form/FormFrame";
import foot from "../form/StartForm.module.css";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { ParametersPart } from "../schedules/ParametersPart";
import classes from "./Backfills.module.css";
import { Look } from "./Look";
import { useBackfillForm, type BackfillFormState } from "./useBackfillForm";

const ORDERS = [
  { value: "oldest", label: "The oldest first" },
  { value: "newest", label: "The newest first" },
];

export function BackfillForm({ pipeline, schedule }: { pipeline: PipelineView; schedule: ScheduleView }) {
  const form = useBackfillForm(pipeline, schedule);
  return (
    <FormFrame label="Start a backfill" submit={form.submit}>
      <div className={foot.scroll} tabIndex={0} role="region" aria-label="Fields">
        {form.problem && (
          <div className={people.head}>
            <FormProblem error={form.problem} />
          </div>
        )}
        <Section title="Of which due times">
          <Days form={form} />
          <FieldRow
            id="backfill-missing"
            label="only_missing"
            title="Only those without a run"
            help="Due times that became a run already are left out."
          >
            <Switch
              id="backfill-missing"
              aria-describedby="backfill-missing-help"
              checked={form.written.onlyMissing}
              onChange={(event) => form.set({ onlyMissing: event.currentTarget.checked })}
            />
          </FieldRow>
        </Section>
        <Look form={form} zone={form.zone} />
        <Section title="How">
          <FieldRow id="backfill-order" label="order" title="Order">
            <SegmentedControl
              id="backfill-order"
              aria-labelledby="backfill-order-label"
              data={ORDERS}
              value={form.written.order}
              onChange={(order) => form.set({ order })}
            />
          </FieldRow>
          <FieldRow
            id="backfill-parallel"
            label="parallel"
            title="At a time"
            help="So many of its runs may be at work at once, as far as there are places."
            mistake={form.at("parallel")}
          >
            <TextInput
              id="backfill-parallel"
              aria-describedby="backfill-parallel-mistake backfill-parallel-help"
              inputMode="numeric"
              autoComplete="off"
              value={form.written.parallel}
              onChange={(event) => form.set({ parallel: event.currentTarget.value })}
              error={form.at("parallel") !== null}
              w={120}
            />
          </FieldRow>
        </Section>
        <ParametersPart form={form} />
      </div>
      <footer className={foot.foot}>
        <div className={foot.command}>{form.command && <Command text={form.command} />}</div>
        <div className={foot.send}>
          <span className={foot.count} role="status">
            {form.mistakes > 0 ? plural(form.mistakes, "mistake") : ""}
          </span>
          <Button
            variant="default"
            size="sm"
            renderRoot={(props) => (
              <Link to="/schedules/$pipeline/$id" params={{ pipeline: schedule.pipeline, id: schedule.id }} {...props} />
            )}
          >
            Leave it
          </Button>
          <Button type="submit" size="sm" loading={form.sending} title={`${commandKey}Enter`}>
            {form.runs ? `Start ${plural(form.runs, "run")}` : "Start"}
          </Button>
        </div>
      </footer>
    </FormFrame>
  );
}

function Days({ form }: { form: BackfillFormState }) {
  const day = (name: "from" | "to", label: string) => (
    <TextInput
      id={`backfill-${name}`}
      type="date"
      aria-describedby={`backfill-${name}-mistake backfill-${name}-help`}
      aria-label={label}
      value={form.written[name]}
      onChange={(event) => form.set({ [name]: event.currentTarget.value })}
      error={form.at(name) !== null}
      w={170}
    />
  );
  return (
    <>
      <FieldRow
        id="backfill-from"
        label="from"
        title="First day"
        help={`By the clock of the schedule's zone, ${form.zone}.`}
        mistake={form.at("from")}
      >
        <div className={classes.days}>
          {day("from", "First day")}
          {[7, 30].map((days) => (
            <Button key={days} variant="default" size="compact-sm" onClick={() => form.setLast(days)}>
              Last {days} days
            </Button>
          ))}
        </div>
      </FieldRow>
      <FieldRow
        id="backfill-to"
        label="to"
        title="Last day"
        help="Its due times too. Up to 10,000 are one backfill."
        mistake={form.at("to")}
      >
        {day("to", "Last day")}
      </FieldRow>
    </>
  );
}
