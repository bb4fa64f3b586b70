/** What is to be uploaded, as which dataset, and what is said of it. */
import { Button, Checkbox } from "@mantine/core";
import "@mantine/core/styles/Checkbox.css";
import "@mantine/core/styles/InlineInput.css";
import { useState } from "react";

import { isName } from "../../lib/dataset";
import { MOST, withoutFolder, type Found } from "../../lib/data/gather";
import { setUpload, Upload } from "../../lib/data/upload";
import { bytes, count, plural } from "../../lib/format";
import { inProject } from "../../lib/command";
import { TextField } from "../form/Fields";
import { Ticked } from "../Ticked";
import classes from "./Data.module.css";
import { FilePicker } from "./FilePicker";

/** Files that are named. */
const NAMED = 100;

export function UploadForm({ to }: { to: string | undefined }) {
  const [name, setName] = useState(to ?? "");
  const [note, setNote] = useState("");
  const [onTop, setOnTop] = useState(false);
  const [chosen, setChosen] = useState<readonly Found[]>([]);
  const [tried, setTried] = useState(false);
  // What was chosen twice is there once; of one folder alone, what lies in it.
  const found = withoutFolder([...new Map(chosen.map((one) => [one.path, one])).values()]);
  const wrongName = isName(name) ? undefined : "small letters, digits and `-_.`, in parts between `/`";
  const wrongFiles =
    found.length === 0 ? "Choose or drop files first." : found.length > MOST ? `A browser sends ${count(MOST)} files at most.` : undefined;
  return (
    <form
      className={classes.form}
      aria-label="Upload"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (wrongName || wrongFiles) return;
        const upload = new Upload({ name, found, note: note.trim(), onTop: onTop && to !== undefined });
        setUpload(upload);
        upload.start();
      }}
    >
      {to === undefined && (
        <TextField
          label="Dataset"
          autoComplete="off"
          spellCheck={false}
          placeholder="sea/level"
          description="It is made with its first version; of one that is there, the files become the next."
          value={name}
          onChange={(event) => setName(event.currentTarget.value.trim())}
          mistake={tried || name !== "" ? wrongName : undefined}
        />
      )}
      <FilePicker onFound={(more) => setChosen((known) => [...known, ...more])} />
      {found.length > 0 && <Chosen found={found} onClear={() => setChosen([])} />}
      {tried && wrongFiles && (
        <p role="alert" className="tone-bad">
          {wrongFiles}
          {found.length > MOST && (
            <>
              {" "}
              <Ticked text={`In a terminal: \`${inProject(`rigi data put ${name || "NAME"} FOLDER`)}\``} />
            </>
          )}
        </p>
      )}
      {to !== undefined && (
        <Checkbox
          label="Keep what the newest version has, and put these on top"
          checked={onTop}
          onChange={(event) => setOnTop(event.currentTarget.checked)}
        />
      )}
      <TextField
        label="Note"
        maxLength={2000}
        description="What you say of the version."
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <div className={classes.ways}>
        <Button type="submit">Upload</Button>
      </div>
    </form>
  );
}

function Chosen({ found, onClear }: { found: readonly Found[]; onClear: () => void }) {
  const size = found.reduce((sum, { file }) => sum + file.size, 0);
  return (
    <div>
      <p className={classes.labels}>
        {plural(found.length, "file")}, {bytes(size)}
        <button type="button" className={classes.plain} onClick={onClear}>
          Take them away
        </button>
      </p>
      <ul className={classes.sample} tabIndex={0} aria-label="Files that are chosen">
        {found.slice(0, NAMED).map(({ path, file }) => (
          <li key={path}>
            <span className="grow">{path}</span>
            <span className="dim">{bytes(file.size)}</span>
          </li>
        ))}
        {found.length > NAMED && <li className="dim">and {count(found.length - NAMED)} more</li>}
      </ul>
    </div>
  );
}
