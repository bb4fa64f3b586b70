/** Where a sensor goes on, and saying it anew. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "../../api/keys";
import { cursorQuery, setCursor } from "../../api/triggers";
import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Confirm, FormWindow, type Question } from "../people/Confirm";
import { Ago } from "../Time";
import classes from "./Triggers.module.css";

export function SensorCursor({ sensor, fixed }: { sensor: string; fixed: boolean }) {
  const { data } = useQuery(cursorQuery(sensor));
  const cache = useQueryClient();
  const [setting, setSetting] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  if (!data) return null;
  const changed = (words: string) => {
    notify(words);
    void cache.invalidateQueries({ queryKey: keys.triggers });
  };
  const ask = () =>
    setQuestion({
      title: `Have ${sensor} begin anew?`,
      text: <p>Its next run is given no cursor. What it has said before does not start runs again.</p>,
      action: "Begin anew",
      run: async () => {
        await setCursor(sensor, null);
        changed(`${sensor} begins anew.`);
      },
    });
  return (
    <div className={classes.cursor}>
      {data.cursor == null ? (
        <span className="dim">none: its next run begins anew</span>
      ) : (
        <p>
          <code>{data.cursor}</code>
          <span className="dim">
            {" · said by "}
            {data.run ? (
              <Link to="/runs/$id" params={{ id: data.run }} className="link">
                run {data.run.slice(-4)}
              </Link>
            ) : (
              "a person"
            )}
            {data.at && (
              <>
                , <Ago at={data.at} />
              </>
            )}
          </span>
        </p>
      )}
      {!fixed && (
        <>
          <Button variant="default" size="compact-sm" onClick={() => setSetting(true)}>
            Set the cursor
          </Button>
          {data.cursor != null && (
            <Button variant="default" size="compact-sm" onClick={ask}>
              Begin anew
            </Button>
          )}
        </>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title={`Where ${sensor} goes on`} opened={setting} onClose={() => setSetting(false)}>
        <CursorForm
          sensor={sensor}
          value={data.cursor ?? ""}
          onDone={() => {
            changed(`${sensor} goes on there.`);
            setSetting(false);
          }}
        />
      </FormWindow>
    </div>
  );
}

function CursorForm({ sensor, value, onDone }: { sensor: string; value: string; onDone: () => void }) {
  const [text, setText] = useState(value);
  const form = useSending(() => setCursor(sensor, text), onDone);
  return (
    <form className={classes.window} onSubmit={form.send} aria-label="Set the cursor">
      <TextField
        label="Cursor"
        description="Its next run is given this as RIGI_CURSOR."
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={text}
        mistake={form.at("/cursor")}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <FormProblem error={form.error} beside={["/cursor"]} />
      <div className={classes.ways}>
        <Button type="submit" loading={form.sending}>
          Set it
        </Button>
      </div>
    </form>
  );
}
