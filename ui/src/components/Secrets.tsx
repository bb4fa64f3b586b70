/** The secrets of the page's project: which there are, setting and removing them. No value is ever shown: none is ever told. */
import { Button, PasswordInput, TextInput } from "@mantine/core";
import "@mantine/core/styles/PasswordInput.css";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type SyntheticEvent } from "react";

import { useImportSecrets, useRemoveSecret, useSetSecret } from "../api/actions";
import { asProblem } from "../api/problem";
import { secretsQuery } from "../api/queries";
import { useRights } from "../api/rights";
import type { SecretView } from "../api/types";
import { Section } from "./Page";
import classes from "./Secrets.module.css";
import { Ago } from "./Time";

export function Secrets() {
  const { edit, archived } = useRights();
  const { data: secrets, error } = useQuery({ ...secretsQuery, enabled: edit });
  const [editing, setEditing] = useState<string | null>(null);
  if (!edit || (error && !secrets)) {
    return (
      <Section title="Secrets">
        <p className={`${classes.words ?? ""} dim`}>{edit ? asProblem(error).message : "Editors of the project see and set them."}</p>
      </Section>
    );
  }
  return (
    <Section title="Secrets" aside={!archived && <Ways onNew={() => setEditing("")} />}>
      <p className={`${classes.words ?? ""} dim`}>
        Values that runs need and nobody is to read. A pipeline says in its spec which of them its runs are given:{" "}
        <code>secrets: [API_KEY]</code>. They are covered in all that these print.
      </p>
      {editing === "" && <ValueForm key="new" onDone={() => setEditing(null)} />}
      {/* Room for what comes, so that nothing below it moves. */}
      {!secrets && (
        <p className={classes.words} data-busy aria-hidden="true">
          &nbsp;
        </p>
      )}
      {secrets?.length === 0 && editing === null && (
        <p className={classes.words}>
          {archived ? (
            "There are none."
          ) : (
            <>
              There are none yet. Set one here, or in a terminal with <code>rigi secrets set API_KEY</code>.
            </>
          )}
        </p>
      )}
      <ul className={classes.list} aria-label="Secrets">
        {secrets?.map((secret) => (
          <Row
            key={secret.name}
            secret={secret}
            editing={editing === secret.name}
            fixed={archived}
            onEdit={() => setEditing(secret.name)}
            onDone={() => setEditing(null)}
          />
        ))}
      </ul>
    </Section>
  );
}

function Ways({ onNew }: { onNew: () => void }) {
  const picker = useRef<HTMLInputElement>(null);
  const load = useImportSecrets();
  const take = async (file: File | undefined) => {
    if (file) load.mutate(await file.text());
    if (picker.current) picker.current.value = "";
  };
  return (
    <div className={classes.ways}>
      <input
        ref={picker}
        type="file"
        className={classes.file}
        tabIndex={-1}
        aria-label="File of lines NAME=value"
        onChange={(event) => void take(event.currentTarget.files?.[0])}
      />
      <Button variant="default" loading={load.isPending} onClick={() => picker.current?.click()}>
        Import .env
      </Button>
      <Button variant="default" onClick={onNew}>
        Set a secret
      </Button>
    </div>
  );
}

interface RowProps {
  secret: SecretView;
  editing: boolean;
  /** The project is archived: they stay as they are. */
  fixed: boolean;
  onEdit: () => void;
  onDone: () => void;
}

function Row({ secret, editing, fixed, onEdit, onDone }: RowProps) {
  const [asking, setAsking] = useState(false);
  const remove = useRemoveSecret();
  return (
    <li>
      <div className={classes.row}>
        <span className={classes.name}>{secret.name}</span>
        <span className={`${classes.facts ?? ""} dim`}>
          {asking ? (
            <>Runs of pipelines that ask for it are refused from then on.</>
          ) : (
            <>
              {secret.from && (
                <>
                  from <code>{secret.from}</code>,{" "}
                </>
              )}
              version {secret.version}, set <Ago at={secret.set_at} /> by {secret.set_by}
            </>
          )}
        </span>
        <span className={classes.ways}>
          {fixed ? null : asking ? (
            <>
              <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(secret.name)} autoFocus>
                Delete {secret.name}
              </Button>
              <Button variant="default" onClick={() => setAsking(false)}>
                Keep
              </Button>
            </>
          ) : (
            <>
              <Button variant="default" onClick={onEdit} aria-label={`Replace ${secret.name}`}>
                Replace
              </Button>
              <Button variant="default" onClick={() => setAsking(true)} aria-label={`Delete ${secret.name}`}>
                Delete
              </Button>
            </>
          )}
        </span>
      </div>
      {editing && <ValueForm name={secret.name} onDone={onDone} />}
    </li>
  );
}

/** Asks for a value, and for a name where there is none yet. */
function ValueForm({ name: known, onDone }: { name?: string; onDone: () => void }) {
  const [name, setName] = useState(known ?? "");
  const [value, setValue] = useState("");
  const set = useSetSecret();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    set.mutate({ name: name.trim(), value }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} aria-label={known ? `Replace ${known}` : "Set a secret"} autoComplete="off">
      <div className={classes.form}>
        <TextInput
          label="Name"
          placeholder="API_KEY"
          value={name}
          readOnly={known !== undefined}
          required
          autoFocus={known === undefined}
          spellCheck={false}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          label="Value"
          value={value}
          required
          autoFocus={known !== undefined}
          autoComplete="new-password"
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <span className={classes.ways}>
          <Button type="submit" loading={set.isPending}>
            Set
          </Button>
          <Button variant="default" onClick={onDone}>
            Close
          </Button>
        </span>
      </div>
      <p className={classes.mistake} role="alert">
        {set.error ? asProblem(set.error).message : ""}
      </p>
    </form>
  );
}
