/** Makes or changes a schedule: when it is due, with which parameters, and by which rules. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import type { PipelineView, ScheduleView } from "../../api/types";
import { plural } from "../../lib/format";
import { commandKey } from "../../lib/keys";
import { FieldRow } from "../form/ParameterField";
import { FormFrame } from "../form/FormFrame";
import foot from "../form/StartForm.module.css";
import { FormProblem } from "../form/Fields";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Banner } from "../States";
import { Line, WhenFields } from "./FormFields";
import { ParametersPart } from "./ParametersPart";
import { RulesPart } from "./RulesPart";
import classes from "./Schedules.module.css";
import { useScheduleForm } from "./useScheduleForm";

interface ScheduleFormProps {
  pipeline: PipelineView;
  /** The one that is changed. */
  from: ScheduleView | null;
}

export function ScheduleForm({ pipeline, from }: ScheduleFormProps) {
  const form = useScheduleForm(pipeline, from);
  return (
    <FormFrame label={from ? "Change" : "Make a schedule"} submit={form.submit} marked="[aria-invalid=true], [data-error]">
      <div className={foot.scroll} tabIndex={0} role="region" aria-label="Fields">
        {form.problem && (
          <div className={people.head}>
            <FormProblem error={form.problem} />
          </div>
        )}
        <Inputs pipeline={pipeline} />
        <Section title="When">
          {!from && (
            <FieldRow
              id="schedule-id"
              label="id"
              title="Name"
              help="Unique within the pipeline, such as `nightly`."
              mistake={form.at("id")}
            >
              <Line id="schedule-id" form={form} name="id" />
            </FieldRow>
          )}
          <WhenFields form={form} />
        </Section>
        <ParametersPart form={form} />
        <RulesPart form={form} />
      </div>
      <footer className={foot.foot}>
        <p className={`${classes.word ?? ""} grow dim`}>
          {from ? "What was due before is settled as it was." : "It is kept beside the spec, and stays when that changes."}
        </p>
        <div className={foot.send}>
          <span className={foot.count} role="status">
            {form.mistakes > 0 ? plural(form.mistakes, "mistake") : ""}
          </span>
          {from && (
            <Button
              variant="default"
              size="sm"
              renderRoot={(props) => <Link to="/schedules/$pipeline/$id" params={{ pipeline: from.pipeline, id: from.id }} {...props} />}
            >
              Leave it
            </Button>
          )}
          <Button type="submit" size="sm" loading={form.sending} title={`${commandKey}Enter`}>
            {from ? "Change" : "Make it"}
          </Button>
        </div>
      </footer>
    </FormFrame>
  );
}

/** No schedule brings files. */
function Inputs({ pipeline }: { pipeline: PipelineView }) {
  const needed = Object.entries(pipeline.inputs).flatMap(([name, input]) => (input.required ? [name] : []));
  if (needed.length === 0) return null;
  return (
    <Banner tone="warn">
      Runs of {pipeline.name} need {needed.length === 1 ? "the file" : "the files"} <code>{needed.join(", ")}</code>, which no schedule
      brings.
    </Banner>
  );
}
