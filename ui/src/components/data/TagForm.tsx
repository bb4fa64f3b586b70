/** Has a tag lead to a version: a new one, or one that led elsewhere. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { tagVersion } from "../../api/datasets";
import { keys } from "../../api/keys";
import type { DatasetView } from "../../api/types";
import { isTag } from "../../lib/dataset";
import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import people from "../people/People.module.css";

export function TagForm({ dataset, version, onDone }: { dataset: DatasetView; version: number; onDone: () => void }) {
  const [tag, setTag] = useState("");
  const cache = useQueryClient();
  const former = dataset.tags[tag];
  const form = useSending(
    () => tagVersion(dataset.name, tag, version),
    () => {
      notify(`${dataset.name}@${tag} is version ${version}.`);
      void cache.invalidateQueries({ queryKey: keys.datasets });
      onDone();
    },
  );
  const wrong = tag !== "" && !isTag(tag);
  return (
    <form className={people.dialog} onSubmit={form.send}>
      <TextField
        label="Tag"
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        description="Letters, digits and -_., a letter first: published, v1.0"
        value={tag}
        onChange={(event) => setTag(event.currentTarget.value.trim())}
        mistake={wrong ? "it is no tag, or `latest`, which is the newest version" : form.at("/path/tag")}
      />
      {former !== undefined && former !== version && <p className="dim">It leads to version {former} now, and will no more.</p>}
      <FormProblem error={form.error} beside={["/path/tag"]} />
      <div className={people.ways}>
        <Button variant="default" onClick={onDone}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending} disabled={tag === "" || wrong}>
          Tag it
        </Button>
      </div>
    </form>
  );
}
