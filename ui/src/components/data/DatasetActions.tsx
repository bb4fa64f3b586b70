/** What can be done with a dataset: add to it, use it, describe, protect and remove it. What would be refused is not shown. */
import { Button, Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { changeDataset, removeDataset } from "../../api/datasets";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { useRights } from "../../api/rights";
import type { DatasetView } from "../../api/types";
import { bytes } from "../../lib/format";
import { notify } from "../../lib/notices";
import { Confirm, FormWindow, type Question } from "../people/Confirm";
import { RowMenu } from "../people/RowMenu";
import { DescribeForm } from "./DescribeForm";

export function DatasetActions({ dataset }: { dataset: DatasetView }) {
  const { start, edit, archived } = useRights();
  const [question, setQuestion] = useState<Question | null>(null);
  const [describes, setDescribes] = useState(false);
  const cache = useQueryClient();
  const navigate = useNavigate();
  const { name, protected: kept } = dataset;
  const manages = edit && !archived;
  const again = () => cache.invalidateQueries({ queryKey: keys.datasets });
  const protect = () =>
    void changeDataset(name, { protected: !kept }).then(
      () => {
        notify(kept ? `${name} may be removed.` : `${name} is protected: nothing of it is removed.`);
        return again();
      },
      (error: unknown) => notify(`${name} stays as it is: ${asProblem(error).message}`, "bad"),
    );
  const ask = () =>
    setQuestion({
      title: `Remove ${name}?`,
      text: (
        <>
          <p>All its versions and tags go, and its numbers begin anew if one is made under this name.</p>
          <p>
            {dataset.newest ? `The newest version has ${bytes(dataset.newest.bytes)}. ` : ""}
            What is freed are contents that no other dataset and no run refers to, at the next collection. Runs that were given it keep
            their files.
          </p>
        </>
      ),
      action: "Remove it",
      typed: name,
      run: async () => {
        await removeDataset(name);
        notify(`${name} is removed.`);
        await navigate({ to: "/data" });
        void again();
      },
    });
  return (
    <>
      {start && (
        <Button variant="default" renderRoot={(props) => <Link to="/data/-/upload" search={{ to: name }} {...props} />}>
          Add a version
        </Button>
      )}
      {manages && (
        <RowMenu of={name}>
          <Menu.Item onClick={() => setDescribes(true)}>Describe and label</Menu.Item>
          <Menu.Item onClick={protect}>{kept ? "Allow to remove" : "Protect"}</Menu.Item>
          {!kept && (
            <Menu.Item className="tone-bad" onClick={ask}>
              Remove
            </Menu.Item>
          )}
        </RowMenu>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title={`Describe ${name}`} opened={describes} onClose={() => setDescribes(false)} size={520}>
        <DescribeForm dataset={dataset} onDone={() => setDescribes(false)} />
      </FormWindow>
    </>
  );
}
