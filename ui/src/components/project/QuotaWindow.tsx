/** Says what a project may have, in units as people write them. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { setQuota, targetsQuery, useProjectChange } from "../../api/projects";
import type { ProjectView, QuotaView } from "../../api/types";
import { notify } from "../../lib/notices";
import { EACH, readAmounts, TOGETHER, writeAmounts, type AmountField, type QuotaKey, type Written } from "../../lib/quota";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { FormWindow } from "../people/Confirm";
import people from "../people/People.module.css";
import { Amounts, FIXED } from "./Amounts";
import classes from "./Project.module.css";

const FIELDS = [...TOGETHER, ...EACH];

interface QuotaWindowProps {
  of: ProjectView;
  opened: boolean;
  onClose: () => void;
}

export function QuotaWindow({ of, opened, onClose }: QuotaWindowProps) {
  return (
    <FormWindow title={`Quotas of ${of.name}`} opened={opened} onClose={onClose} size={640}>
      <QuotaForm of={of} onClose={onClose} />
    </FormWindow>
  );
}

function QuotaForm({ of, onClose }: Omit<QuotaWindowProps, "opened">) {
  const [written, setWritten] = useState<Written<QuotaKey>>(() => writeAmounts(FIELDS, of.quota));
  const [targets, setTargets] = useState((of.quota.targets ?? []).join(", "));
  const { data: known } = useQuery(targetsQuery);
  const set = useProjectChange(setQuota);
  const { amounts, mistakes } = readAmounts(FIELDS, written);
  const names = targets.split(/[\s,]+/).filter((name) => name !== "" && name !== "none");
  const quota: QuotaView = { ...amounts, targets: names.length > 0 ? names : null };
  const wrong = Object.keys(mistakes).length > 0;
  const form = useSending(
    () => set.mutateAsync({ of: of.name, quota }),
    () => {
      notify("It counts from now on. What was accepted stays.");
      onClose();
    },
  );
  const amountsOf = (fields: readonly AmountField<QuotaKey>[], first: boolean) => (
    <Amounts
      fields={fields}
      written={written}
      onChange={setWritten}
      mistakes={mistakes}
      at={(key) => form.at(`/${key}`)}
      fixed={of.fixed}
      first={first}
    />
  );
  const fixed = of.fixed?.includes("targets") ?? false;
  return (
    <form className={people.dialog} onSubmit={form.send} aria-label="Quotas" noValidate>
      <p className="dim">
        Such as <code>20</code>, <code>16 cores</code>, <code>64 GiB</code>, <code>1 h</code>. What is empty, or <code>none</code>, has no
        quota.
      </p>
      <p className={classes.group}>All its runs together</p>
      <div className={classes.columns}>{amountsOf(TOGETHER, true)}</div>
      <p className={classes.group}>Each run</p>
      <div className={classes.columns}>
        {amountsOf(EACH, false)}
        <TextField
          label="Targets"
          description={fixed ? FIXED : `Where runs may execute: ${(known ?? []).map(({ name }) => name).join(", ") || "anywhere"}.`}
          placeholder="anywhere"
          autoComplete="off"
          disabled={fixed}
          value={targets}
          onChange={(event) => setTargets(event.currentTarget.value)}
          mistake={form.at("/targets")}
        />
      </div>
      <FormProblem error={form.error} beside={[...FIELDS.map(({ key }) => `/${key}`), "/targets"]} />
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending} disabled={wrong}>
          Set quotas
        </Button>
      </div>
    </form>
  );
}
