/** Brings a project in that was taken from a server as one file. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { keys } from "../../api/keys";
import { startImport } from "../../api/moving";
import { mistakeOf, type Problem } from "../../api/problem";
import type { ImportedView } from "../../api/types";
import type { Sending } from "../../api/upload";
import { bytes, plural } from "../../lib/format";
import { pagePath } from "../../lib/project";
import { FormProblem, TextField, useSending } from "../form/Fields";
import form from "../form/Form.module.css";
import { Icon } from "../Icon";
import { FormWindow } from "../people/Confirm";
import people from "../people/People.module.css";
import { At } from "../Time";
import classes from "./Project.module.css";

export function ImportProject({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <FormWindow title="Import a project" opened={opened} onClose={onClose} size={460}>
      <ImportForm onClose={onClose} />
    </FormWindow>
  );
}

function ImportForm({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const [fraction, setFraction] = useState(0);
  const sending = useRef<Sending<ImportedView> | null>(null);
  // A window that is closed asks for nothing more: what has not all come is not there.
  useEffect(() => () => sending.current?.abort(), []);
  const state = useSending(
    () => {
      if (!file) return Promise.reject(new Error("No file is chosen."));
      setFraction(0);
      sending.current = startImport(file, name.trim(), setFraction);
      return sending.current.done;
    },
    () => {
      sending.current = null;
      void cache.invalidateQueries({ queryKey: keys.projects });
    },
  );
  if (state.result) return <Imported imported={state.result} onClose={onClose} />;
  const mistake = wrongName(state.problem);
  return (
    <form className={people.dialog} onSubmit={state.send} aria-label="Import a project">
      <p className="dim">
        The file that an owner exported there. All of it comes, or nothing. You own what came, and its schedules start runs at once.
      </p>
      <FilePicker file={file} disabled={state.sending} onChoose={setFile} />
      <TextField
        label="Name"
        description="What it is called here. Left empty: what it was called there."
        placeholder="as there"
        autoComplete="off"
        disabled={state.sending}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={mistake}
      />
      {state.sending && file && <Progress file={file} fraction={fraction} />}
      {mistake === undefined && <FormProblem error={state.error} />}
      <div className={people.ways}>
        {/* Closing stops it. */}
        <Button variant="default" onClick={onClose}>
          {state.sending ? "Stop" : "Leave it"}
        </Button>
        <Button type="submit" loading={state.sending} disabled={!file}>
          Import
        </Button>
      </div>
    </form>
  );
}

/** What is wrong with the name, where that is all. */
function wrongName(problem: Problem | null): string | undefined {
  return mistakeOf(problem, "/name") ?? mistakeOf(problem, "/query/name");
}

function FilePicker({ file, disabled, onChoose }: { file: File | null; disabled: boolean; onChoose: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const take = (list: FileList | null) => {
    const chosen = list?.[0];
    if (chosen && !disabled) onChoose(chosen);
  };
  return (
    <label
      className={form.drop}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files);
      }}
    >
      <Icon name={file ? "file" : "upload"} />
      <span className="grow ellipsis">{file ? file.name : "Choose a file, or drop it here"}</span>
      {file && <span className="dim">{bytes(file.size)}</span>}
      <input
        type="file"
        className="sr"
        aria-label="Archive"
        accept=".rigi-project"
        disabled={disabled}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

function Progress({ file, fraction }: { file: File; fraction: number }) {
  const percent = Math.floor(fraction * 100);
  // Then the server compares every file with its hash.
  const words =
    fraction < 1 ? `${percent} % of ${bytes(file.size)} sent` : "All of it is sent. The server looks at it and puts it in place.";
  return (
    <div className={classes.sending}>
      <p role="status">{words}</p>
      <div
        className={classes.track}
        role="progressbar"
        aria-label={`Import of ${file.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <span style={{ width: `${fraction * 100}%` }} />
      </div>
    </div>
  );
}

/** What came, and what did not. */
function Imported({ imported, onClose }: { imported: ImportedView; onClose: () => void }) {
  const { project, taken_as, taken_at, runs, files, open_runs, left_out, missing, secrets } = imported;
  const left = [
    open_runs > 0 && `${plural(open_runs, "run")} had not ended there, and did not come.`,
    left_out > 0 && `${plural(left_out, "link or device", "links and devices")} of its folder did not come.`,
    missing > 0 && `${plural(missing, "stored file was", "stored files were")} missing or damaged there already.`,
  ].filter((line) => typeof line === "string");
  return (
    <div className={people.dialog}>
      <p role="status">
        <b>{project.name}</b> is here, with {plural(runs, "run")} and {plural(files, "file")} of pipelines. It was taken{" "}
        {taken_as !== project.name && `as ${taken_as}, `}
        <At at={taken_at} />.
      </p>
      {left.map((line) => (
        <p key={line} className="dim">
          {line}
        </p>
      ))}
      {secrets.length > 0 && (
        <div>
          <p>Values of secrets do not travel. To be set again in its settings:</p>
          <ul className={classes.secrets}>
            {secrets.map((secret) => (
              <li key={secret}>
                <code>{secret}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
      <p className="dim">Nobody else has a role in it yet.</p>
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
        <Button renderRoot={(props) => <a href={pagePath("/project", project.name)} {...props} />}>Go to {project.name}</Button>
      </div>
    </div>
  );
}
