/** What can be done with a run. */
import { Button, Menu, Modal } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Modal.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { useCancel, useRetry } from "../../api/actions";
import { useRunFromFailed } from "../../api/flows";
import { useRights } from "../../api/rights";
import type { RunView } from "../../api/types";
import { curlCommand, inProject, runCommand } from "../../lib/command";
import { useKeys } from "../../lib/keys";
import { notify } from "../../lib/notices";
import { apiPath } from "../../lib/project";
import { isEnd } from "../../lib/states";
import { ARCHIVED } from "../Archived";
import { copyText } from "../CopyButton";
import { Icon } from "../Icon";
import { Cite } from "./Cite";
import classes from "./Run.module.css";

export function RunActions({ run }: { run: RunView }) {
  const navigate = useNavigate();
  const cancel = useCancel(run);
  const retry = useRetry(run);
  const [asking, setAsking] = useState(false);
  const [citing, setCiting] = useState(false);
  const { run: may, start: mayStart, archived } = useRights();
  // A step is done again with its flow.
  const whole = run.step == null;
  const can = { cancel: may && run.can.cancel, retry: may && run.can.retry && whole };
  const start = mayStart && whole;
  const barred = archived ? { disabled: true, title: ARCHIVED } : {};
  const ended = isEnd(run.state);
  const stopping = run.cancel_requested_at != null && !ended;
  const rerun = { to: "/pipelines/$name/start", params: { name: run.pipeline }, search: { from: run.id } } as const;
  const failed = run.state === "failed" || run.state === "timed_out";
  const onward = useRunFromFailed(run);
  // What succeeded in a flow need not be done twice.
  const goesOn = can.retry && run.flow && run.state !== "succeeded";
  useKeys("Run", [
    ...(start ? [{ keys: "r", label: "Rerun, with changes", run: () => void navigate(rerun) }] : []),
    ...(can.cancel ? [{ keys: "c", label: "Cancel", run: () => setAsking(true) }] : []),
    ...(can.retry && start ? [{ keys: "R", label: "Retry as it was", run: () => retry.mutate() }] : []),
    ...(goesOn && start ? [{ keys: "f", label: "Run from what failed", run: () => onward.mutate() }] : []),
  ]);
  return (
    <>
      {goesOn && (
        <Button
          variant={failed ? "filled" : "default"}
          loading={onward.isPending}
          onClick={() => onward.mutate()}
          title="The same code and parameters; what has succeeded counts"
          {...barred}
          className={classes.wide}
        >
          Run from what failed
        </Button>
      )}
      {can.retry && (
        <Button
          variant={failed && !goesOn ? "filled" : "default"}
          loading={retry.isPending}
          onClick={() => retry.mutate()}
          title={run.flow ? "All of it, with the same code and parameters" : "The same code and parameters"}
          {...barred}
          className={classes.wide}
        >
          Retry
        </Button>
      )}
      {may && archived && whole && (
        <Button variant="default" {...barred}>
          Rerun
        </Button>
      )}
      {start && (
        <Button variant="default" renderRoot={(props) => <Link {...rerun} {...props} />} title="With changes">
          Rerun
        </Button>
      )}
      {(can.cancel || (may && stopping)) && (
        <Button variant="default" className={classes.cancel} disabled={stopping} onClick={() => setAsking(true)}>
          {stopping ? "Stopping" : "Cancel"}
        </Button>
      )}
      <MoreMenu run={run} onCite={() => setCiting(true)} />
      {citing && <Cite run={run} onClose={() => setCiting(false)} />}
      <Modal
        opened={asking && !ended}
        onClose={() => setAsking(false)}
        title={`Cancel run ${run.short}?`}
        size={400}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <p>
          {run.attempt === 0
            ? "It has not started yet."
            : "All its processes are told to stop, and killed after the grace period. Its log and what it wrote so far stay."}
        </p>
        <div className={classes.ways}>
          <Button variant="default" onClick={() => setAsking(false)}>
            Let it go on
          </Button>
          <Button
            color="red"
            className={classes.danger}
            data-autofocus
            loading={cancel.isPending}
            onClick={() => cancel.mutate(undefined, { onSettled: () => setAsking(false) })}
          >
            Cancel the run
          </Button>
        </div>
      </Modal>
    </>
  );
}

function MoreMenu({ run, onCite }: { run: RunView; onCite: () => void }) {
  const base = apiPath(`/api/v1/runs/${run.id}`);
  const copy = (what: string, text: string) => () =>
    void copyText(text).then((done) => (done ? notify(`${what} is copied.`) : notify("The browser did not allow copying.", "bad")));
  const parameters = Object.fromEntries(Object.entries(run.parameters).filter(([, value]) => value !== "***"));
  const runs = apiPath(`/api/v1/pipelines/${encodeURIComponent(run.pipeline)}/runs`);
  const submit = curlCommand("POST", `${location.origin}${runs}`, { parameters, labels: run.labels });
  return (
    <Menu width={220}>
      <Menu.Target>
        <Button variant="default" aria-label="More" className={classes.iconButton}>
          <Icon name="more" />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={copy("The id", run.id)}>Copy id</Menu.Item>
        <Menu.Item onClick={copy("The command", runCommand({ pipeline: run.pipeline, parameters, labels: run.labels }))}>
          Copy as command
        </Menu.Item>
        <Menu.Item onClick={copy("The request", submit)}>Copy as curl</Menu.Item>
        <Menu.Item onClick={copy("The command", inProject(`rigi runs logs ${run.short}${isEnd(run.state) ? "" : " --follow"}`))}>
          Copy log command
        </Menu.Item>
        <Menu.Divider />
        {!run.approval && <Menu.Item onClick={onCite}>Cite</Menu.Item>}
        <Menu.Item component="a" href={`${base}/log/raw`} download={`${run.pipeline}-${run.short}.log`}>
          Download log
        </Menu.Item>
        <Menu.Item component="a" href={base} target="_blank">
          Open as JSON
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
