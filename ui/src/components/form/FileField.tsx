/** Files for an input: chosen or dropped, uploaded at once, with their progress. */
import { useState } from "react";

import type { InputField } from "../../api/types";
import { bytes } from "../../lib/format";
import { offered, taken } from "../../lib/schema/formats";
import { Icon } from "../Icon";
import { begin, chosenDataset, type Chosen } from "./chosen";
import { FromDataset } from "./FromDataset";
import classes from "./Form.module.css";
import { FieldRow } from "./ParameterField";

interface FileFieldProps {
  name: string;
  input: InputField;
  files: Chosen[];
  /** Names of the files that a rerun keeps where none is chosen. */
  kept: string[];
  mistake: string | null;
  onChange: (change: (files: Chosen[]) => Chosen[]) => void;
}

export function FileField({ name, input, files, kept, mistake, onChange }: FileFieldProps) {
  const [over, setOver] = useState(false);
  const id = `input-${name}`;
  const take = (list: FileList | null) => {
    const taken = [...(list ?? [])].slice(0, input.multiple ? undefined : 1);
    const chosen = taken.map((file) => begin(file, onChange));
    if (chosen.length > 0) onChange((known) => (input.multiple ? [...known, ...chosen] : chosen));
  };
  const rule = [input.multiple ? "files" : "a file", ...taken(input)].join(", ");
  const empty =
    kept.length > 0
      ? `Keeps ${kept.join(", ")}. Choose or drop ${input.multiple ? "files" : "a file"} to replace it`
      : `Choose ${input.multiple ? "files" : "a file"}, or drop ${input.multiple ? "them" : "it"} here`;
  return (
    <FieldRow id={id} label={name} required={input.required} rule={rule} help={input.description ?? ""} mistake={mistake}>
      <label
        className={classes.drop}
        data-over={over || undefined}
        data-error={mistake !== null || undefined}
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
        <Icon name="upload" />
        <span className="grow">{empty}</span>
        <input
          id={id}
          type="file"
          className="sr"
          aria-label={name}
          multiple={input.multiple}
          accept={offered(input)}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
      </label>
      <FromDataset
        input={name}
        onChosen={(reference) => onChange((known) => (input.multiple ? [...known, chosenDataset(reference)] : [chosenDataset(reference)]))}
      />
      <ul className={classes.files}>
        {files.map((file) => (
          <FileLine
            key={file.key}
            file={file}
            onRemove={() => {
              file.abort();
              onChange((known) => known.filter((other) => other.key !== file.key));
            }}
          />
        ))}
      </ul>
    </FieldRow>
  );
}

function stateOf({ dataset, upload, size, fraction, from }: Chosen): string {
  if (dataset) return "dataset";
  if (upload) return bytes(size);
  const sent = `${Math.round(fraction * 100)} % of ${bytes(size)}`;
  return from > 0 ? `${sent}, continues at ${bytes(from)}` : sent;
}

function FileLine({ file, onRemove }: { file: Chosen; onRemove: () => void }) {
  return (
    <li className={classes.fileLine}>
      <span className={file.dataset ? "dim" : file.upload ? "tone-ok" : file.mistake ? "tone-bad" : "dim"}>
        <Icon name={file.dataset ? "data" : file.upload ? "check" : file.mistake ? "close" : "file"} size={14} />
      </span>
      <span className="ellipsis grow">{file.name}</span>
      <span className={file.mistake ? "tone-bad" : "dim"}>{file.mistake ?? stateOf(file)}</span>
      <button type="button" className={classes.remove} aria-label={`Remove ${file.name}`} onClick={onRemove}>
        <Icon name="close" size={14} />
      </button>
      {!file.upload && !file.dataset && !file.mistake && (
        <span
          className={classes.bar}
          style={{ width: `${file.fraction * 100}%` }}
          role="progressbar"
          aria-label={`Upload of ${file.name}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(file.fraction * 100)}
        />
      )}
    </li>
  );
}
