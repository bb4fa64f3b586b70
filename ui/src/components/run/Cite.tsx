/** A run as a paper tells it: a text to copy, the same as data, and a crate of its files to download. */
import { Button, Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { citationQuery } from "../../api/papers";
import type { RunView } from "../../api/types";
import { inProject } from "../../lib/command";
import { apiPath } from "../../lib/project";
import { isEnd } from "../../lib/states";
import { Command, CopyButton } from "../CopyButton";
import { Icon } from "../Icon";
import { Failure } from "../States";
import classes from "./Cite.module.css";

export function Cite({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useQuery(citationQuery(run.id));
  const base = apiPath(`/api/v1/runs/${run.id}`);
  const text = data?.text.trim() ?? "";
  return (
    <Modal opened onClose={onClose} title={`Cite run ${run.short}`} size={720} closeButtonProps={{ "aria-label": "Close" }}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      <div className={classes.text} role="region" aria-label="Text for a methods section" tabIndex={0} aria-busy={!data && !error}>
        {text.split("\n\n").map((paragraph) => (
          <p key={paragraph}>{paragraph}</p>
        ))}
        {text && (
          <span className={classes.copy}>
            <CopyButton text={text} label="Copy the text" />
          </span>
        )}
      </div>
      <p className={classes.about}>
        {isEnd(run.state)
          ? "The crate is a zip with the code, inputs and outputs, and what made what, as RO-Crate describes it."
          : "What it leaves is known when it has ended. Then there is a crate of its files as well."}
      </p>
      <Command text={inProject(`rigi runs cite ${run.short} --ro-crate ${run.pipeline.replaceAll("/", "-")}-${run.short}.zip`)} />
      <div className={classes.ways}>
        <Button component="a" variant="default" href={`${base}/citation`} target="_blank">
          Open as JSON
        </Button>
        {isEnd(run.state) && (
          <Button component="a" href={`${base}/crate`} download leftSection={<Icon name="download" size={14} />}>
            Download the crate
          </Button>
        )}
      </div>
    </Modal>
  );
}
