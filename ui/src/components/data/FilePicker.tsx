/** Files and whole folders, by choosing and by dropping. */
import { Button } from "@mantine/core";
import { useRef, useState } from "react";

import { asProblem } from "../../api/problem";
import { chosenOf, droppedOf, type Found } from "../../lib/data/gather";
import { notify } from "../../lib/notices";
import { Icon } from "../Icon";
import classes from "./Data.module.css";

/** Has an input take a folder; React has no word for it. */
const FOLDER: object = { webkitdirectory: "" };

export function FilePicker({ onFound }: { onFound: (found: Found[]) => void }) {
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (input: HTMLInputElement) => {
    onFound(chosenOf(input.files ?? []));
    input.value = "";
  };
  return (
    <div
      className={classes.pick}
      role="group"
      aria-label="Files"
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        droppedOf(event.dataTransfer).then(onFound, (error: unknown) => notify(`Not read: ${asProblem(error).message}`, "bad"));
      }}
    >
      <Icon name="upload" />
      <span className="grow">Drop files and folders here</span>
      <Button variant="default" onClick={() => files.current?.click()}>
        Choose files
      </Button>
      <Button variant="default" onClick={() => folder.current?.click()}>
        Choose a folder
      </Button>
      <input ref={files} type="file" multiple hidden aria-label="Files to upload" onChange={(event) => take(event.currentTarget)} />
      <input ref={folder} type="file" {...FOLDER} hidden aria-label="A folder to upload" onChange={(event) => take(event.currentTarget)} />
    </div>
  );
}
