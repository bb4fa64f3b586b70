/** What a pipeline takes and gives: parameters, inputs, outputs, presets. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { PipelineView } from "../api/types";
import { describeRule, fieldsOf, textOf, type Field } from "../lib/schema/fields";
import { taken } from "../lib/schema/formats";
import { ParameterGroups } from "./form/ParameterGroups";
import { Markdown } from "./Markdown";
import { Section } from "./Page";
import classes from "./TakesView.module.css";

export function TakesView({ pipeline }: { pipeline: PipelineView }) {
  const fields = fieldsOf(pipeline.parameters);
  const row = (field: Field) => (
    <Row key={field.name} name={field.name} kind={describeRule(field)} text={[field.title, field.help].filter(Boolean).join("  \n")} />
  );
  const inputs = Object.entries(pipeline.inputs);
  const outputs = Object.entries(pipeline.outputs);
  const presets = Object.entries(pipeline.presets);
  return (
    <div className={classes.view}>
      <Section title="Parameters">
        <ParameterGroups fields={fields} schema={pipeline.parameters} isWrong={() => false}>
          {row}
        </ParameterGroups>
        {fields.length === 0 && <p className={classes.none}>{pipeline.parameters == null ? "Any; the spec names none." : "None."}</p>}
      </Section>
      {inputs.length > 0 && (
        <Section title="Inputs">
          {inputs.map(([name, input]) => (
            <Row
              key={name}
              name={name}
              kind={[input.required ? "required" : "optional", input.multiple ? "files" : "a file", ...taken(input)].join(", ")}
              text={input.description ?? ""}
            />
          ))}
        </Section>
      )}
      {outputs.length > 0 && (
        <Section title="Outputs">
          {outputs.map(([name, description]) => (
            <Row key={name} name={name} kind="" text={description ?? ""} />
          ))}
        </Section>
      )}
      {presets.length > 0 && (
        <Section title="Presets">
          {presets.map(([name, preset]) => (
            <Row
              key={name}
              name={
                <Link to="/pipelines/$name/start" params={{ name: pipeline.name }} search={{ preset: name }} className="link">
                  {name}
                </Link>
              }
              kind={Object.entries(preset.parameters)
                .map(([key, value]) => `${key} ${textOf(value)}`)
                .join(", ")}
              text={preset.description ?? ""}
            />
          ))}
        </Section>
      )}
    </div>
  );
}

function Row({ name, kind, text }: { name: ReactNode; kind: string; text: string }) {
  return (
    <div className={classes.row}>
      <span className="mono">{name}</span>
      <span className="dim">{kind}</span>
      {text ? <Markdown text={text} /> : <span />}
    </div>
  );
}
