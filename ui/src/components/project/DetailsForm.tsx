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
import { ChoiceField, FormProblem, useSending } from "../form/Fields";
import { Field } from "../people/Field";
import people from "../people/People.module.css";
import { Ticked } from "../Ticked";
import { Amounts, FIXED } from "./Amounts";
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

/** What is set, as it stands in the fields. */
const writtenOf = ({ labels, target, retention }: ProjectView) => ({
  labels: writeLabels(labels),
  target: target ?? "",
  kept: writeAmounts(KEPT, retention),
});

/** What was written, and what of it is another than what is set. What somebody else changes meanwhile is taken over where nothing is written. */
function useDetails(own: ProjectView) {
  const [base, setBase] = useState(own);
  const [written, setWritten] = useState(() => writtenOf(own));
  const read = readLabels(written.labels);
  const { amounts, mistakes } = readAmounts(KEPT, written.kept);
  const changed: Omit<ProjectChange, "of"> = {
    ...("labels" in read && !same(read.labels, base.labels) ? { labels: read.labels } : {}),
    ...(written.target === (base.target ?? "") ? {} : { target: written.target }),
    ...(KEPT.every(({ key }) => (amounts[key] ?? null) === (base.retention[key] ?? null)) ? {} : { retention: amounts }),
  };
  const wrong = "wrong" in read || Object.keys(mistakes).length > 0;
  const clean = !wrong && Object.keys(changed).length === 0;
  const take = (now: ProjectView) => {
    setBase(now);
    setWritten(writtenOf(now));
  };
  if (clean && JSON.stringify(writtenOf(own)) !== JSON.stringify(writtenOf(base))) take(own);
  return { written, setWritten, changed, wrong, clean, mistakes, badLabel: "wrong" in read ? read.wrong : undefined, take };
}

export function DetailsForm({ own, targets }: { own: ProjectView; targets: readonly TargetView[] }) {
  const { written, setWritten, changed, wrong, clean, mistakes, badLabel, take } = useDetails(own);
  const change = useProjectChange(changeProject);
  const form = useSending(
    () => change.mutateAsync({ of: own.name, ...changed }),
    (now) => {
      take(now);
      notify("It is changed.");
    },
  );
  return (
    <form onSubmit={form.send} aria-label="Details" noValidate>
      <Field label="Labels">
        <div className={people.narrow}>
          <LabelsField
            value={written.labels}
            onChange={(labels) => setWritten({ ...written, labels })}
            mistake={badLabel ?? form.at("/labels")}
          />
          <p className={people.note}>Words to find it by. They give nobody any right.</p>
        </div>
      </Field>
      <Field label="Runs execute on">
        <Target
          own={own}
          targets={targets}
          value={written.target}
          onChange={(target) => setWritten({ ...written, target })}
          mistake={form.at("/target")}
        />
      </Field>
      <Field label="Kept of ended runs">
        <div className={people.narrow}>
          <div className={classes.amounts}>
            <Amounts
              fields={KEPT}
              written={written.kept}
              onChange={(kept) => setWritten({ ...written, kept })}
              mistakes={mistakes}
              at={(key) => form.at(`/retention/${key}`)}
            />
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
            <Button type="submit" variant="default" disabled={wrong || clean} loading={form.sending}>
              Change
            </Button>
          </div>
        </div>
      </Field>
    </form>
  );
}

interface TargetProps {
  own: ProjectView;
  targets: readonly TargetView[];
  value: string;
  onChange: (target: string) => void;
  mistake: string | undefined;
}

function Target({ own, targets, value, onChange, mistake }: TargetProps) {
  if (own.fixed?.includes("target")) {
    return (
      <>
        {own.target} <p className={people.note}>{FIXED}</p>
      </>
    );
  }
  return (
    <div className={people.narrow}>
      <ChoiceField
        aria-label="Runs execute on"
        data={targetChoices(own, targets)}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        mistake={mistake}
      />
      <p className={people.note}>Those whose pipeline says nothing.</p>
    </div>
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
