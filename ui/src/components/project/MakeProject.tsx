/** Makes a project, and goes there. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { makeProject, useProjectChange } from "../../api/projects";
import { useRights } from "../../api/rights";
import { readLabels } from "../../lib/labels";
import { pagePath } from "../../lib/project";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { FormWindow } from "../people/Confirm";
import people from "../people/People.module.css";
import { LabelsField } from "./DetailsForm";

export function MakeProject({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <FormWindow title="Make a project" opened={opened} onClose={onClose}>
      <MakeForm onClose={onClose} />
    </FormWindow>
  );
}

function MakeForm({ onClose }: { onClose: () => void }) {
  const { people: withPeople } = useRights();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [labels, setLabels] = useState<string[]>([]);
  const make = useProjectChange(makeProject);
  const read = readLabels(labels);
  const form = useSending(
    () =>
      make.mutateAsync({
        name: name.trim(),
        ...(owner.trim() ? { owner: owner.trim() } : {}),
        ...("labels" in read ? { labels: read.labels } : {}),
      }),
    (made) => location.assign(pagePath("/project", made.name)),
  );
  const unknown = form.problem?.code === "not-found";
  return (
    <form className={people.dialog} onSubmit={form.send} aria-label="Make a project">
      <TextField
        label="Name"
        description="Lower-case letters, digits and -. It stands in addresses and commands, and can be changed."
        placeholder="air-quality"
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      {withPeople && (
        <TextField
          label="Owner"
          description="Mail address or name of somebody who has an account, or a group. You, unless you say."
          autoComplete="off"
          value={owner}
          onChange={(event) => setOwner(event.currentTarget.value)}
          mistake={unknown ? "nobody here has this address or name" : form.at("/owner")}
        />
      )}
      <div>
        <p className={people.label}>Labels</p>
        <LabelsField value={labels} onChange={setLabels} mistake={"wrong" in read ? read.wrong : form.at("/labels")} />
      </div>
      {!unknown && <FormProblem error={form.error} beside={["/name", "/owner", "/labels"]} />}
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending} disabled={"wrong" in read}>
          Make it
        </Button>
      </div>
    </form>
  );
}
