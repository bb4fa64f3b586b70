/** Labels, default target and retention of a project, to be changed. */
import { Button, TagsInput } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useState } from "react";

import { changeProject, useProjectChange, type ProjectChange } from "../../api/projects";
import type { ProjectView, TargetView } from "../../api/types";
import { readLabels, writeLabels } from "../../lib/labels";
import { notify } from "../../lib/notices";
import { KEPT, readAmounts, writeAmounts } from "../../lib/quota";
import { sentence } from "../../lib/sentence";
import { ChoiceField, FormProblem, TextField, useSending } from "../form/Fields";
import { Field } from "../people/Field";
import people from "../people/People.module.css";
import { Ticked } from "../Ticked";
import classes from "./Project.module.css";

export function LabelsField({
  value,
  onChange,
  mistake,
}: {
  value: string[];
  onChange: (value: string[]) => void;
  mistake?: string | undefined;
}) {
  return (
    <TagsInput
      aria-label="Labels"
      size="xs"
      placeholder={value.length === 0 ? "name=value, then Enter" : ""}
      value={value}
      onChange={onChange}
      splitChars={[]}
      acceptValueOnBlur
      error={mistake ? <Ticked text={sentence(mistake)} /> : undefined}
    />
  );
}

export function DetailsForm({ own, targets }: { own: ProjectView; targets: readonly TargetView[] }) {
  const [labels, setLabels] = useState(() => writeLabels(own.labels));
  const [target, setTarget] = useState(own.target ?? "");
  const [kept, setKept] = useState(() => writeAmounts(KEPT, own.retention));
  const change = useProjectChange(changeProject);
  const read = readLabels(labels);
  const { amounts, mistakes } = readAmounts(KEPT, kept);
  const changed: Omit<ProjectChange, "of"> = {
    ...("labels" in read && !same(read.labels, own.labels) ? { labels: read.labels } : {}),
    ...(target === (own.target ?? "") ? {} : { target }),
    ...(KEPT.every(({ key }) => (amounts[key] ?? null) === (own.retention[key] ?? null)) ? {} : { retention: amounts }),
  };
  const form = useSending(
    () => change.mutateAsync({ of: own.name, ...changed }),
    () => notify("It is changed."),
  );
  const wrong = "wrong" in read || Object.keys(mistakes).length > 0;
  const fixed = own.fixed?.includes("target");
  return (
    <form onSubmit={form.send} aria-label="Details" noValidate>
      <Field label="Labels">
        <div className={people.narrow}>
          <LabelsField value={labels} onChange={setLabels} mistake={"wrong" in read ? read.wrong : form.at("/labels")} />
          <p className={people.note}>Words to find it by. They give nobody any right.</p>
        </div>
      </Field>
      <Field label="Runs execute on">
        {fixed ? (
          <>
            {own.target} <span className="dim">set by the server’s configuration</span>
          </>
        ) : (
          <div className={people.narrow}>
            <ChoiceField
              aria-label="Runs execute on"
              data={targetChoices(own, targets)}
              value={target}
              onChange={(event) => setTarget(event.currentTarget.value)}
              mistake={form.at("/target")}
            />
            <p className={people.note}>Those whose pipeline says nothing.</p>
          </div>
        )}
      </Field>
      <Field label="Kept of ended runs">
        <div className={people.narrow}>
          <div className={classes.amounts}>
            {KEPT.map(({ key, label, placeholder }) => (
              <TextField
                key={key}
                label={label}
                placeholder={placeholder}
                autoComplete="off"
                value={kept[key]}
                onChange={(event) => {
                  const { value } = event.currentTarget;
                  setKept((all) => ({ ...all, [key]: value }));
                }}
                mistake={mistakes[key] ?? form.at(`/retention/${key}`)}
              />
            ))}
          </div>
          <p className={people.note}>
            Of each pipeline that says nothing, such as <code>100</code>, <code>30 d</code>, <code>10 GiB</code>. What is more is removed
            with its logs and files.
          </p>
        </div>
      </Field>
      <Field label="">
        <div className={people.narrow}>
          <FormProblem error={form.error} beside={["/labels", "/target"]} />
          <div>
            <Button type="submit" variant="default" disabled={wrong || Object.keys(changed).length === 0} loading={form.sending}>
              Change
            </Button>
          </div>
        </div>
      </Field>
    </form>
  );
}

function targetChoices({ target, quota }: ProjectView, targets: readonly TargetView[]) {
  const standard = targets.find((one) => one.default)?.name;
  const may = targets.filter(({ name }) => quota.targets == null || quota.targets.includes(name) || name === target);
  return [
    { value: "", label: standard ? `the server’s default (${standard})` : "the server’s default" },
    ...may.map(({ name, kind }) => ({ value: name, label: name === kind ? name : `${name}, ${kind}` })),
  ];
}

function same(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
