/** Lets a terminal in that shows a code: `rigi login` on another machine. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";

import { accountQuery, answerDevice, deviceQuery, useAccountChange } from "../api/account";
import { asProblem } from "../api/problem";
import { FormProblem, TextField } from "../components/form/Fields";
import { Page } from "../components/Page";
import classes from "../components/people/People.module.css";
import { Empty } from "../components/States";
import { Ago } from "../components/Time";

const route = getRouteApi("/device");

export function Device() {
  const { code } = route.useSearch();
  const { data: account } = useQuery(accountQuery);
  const [answer, setAnswer] = useState<boolean | null>(null);
  return (
    <Page crumbs={[{ text: "Let a terminal in" }]}>
      {answer === null ? (
        <div className={classes.door}>{code ? <Asks code={code} name={account?.name ?? "you"} onAnswer={setAnswer} /> : <CodeForm />}</div>
      ) : (
        <Empty icon="check" title={answer ? "The terminal is let in" : "The terminal is not let in"}>
          <p className="dim">
            {answer
              ? "It goes on by itself. Its token is on the page of your account, where you can take it back."
              : "Nothing was given to it."}
          </p>
        </Empty>
      )}
    </Page>
  );
}

function CodeForm({ wrong, typed = "" }: { wrong?: string; typed?: string }) {
  const [code, setCode] = useState(typed);
  const navigate = useNavigate();
  const send = (event: SyntheticEvent) => {
    event.preventDefault();
    void navigate({ to: "/device", search: { code: code.trim() } });
  };
  return (
    <form className={classes.narrow} onSubmit={send} aria-label="The terminal’s code">
      <TextField
        label="Code"
        description="Eight letters that the terminal shows."
        placeholder="BCDF-GHJK"
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        autoFocus
        required
        withAsterisk={false}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        mistake={wrong}
      />
      <div>
        <Button type="submit">Go on</Button>
      </div>
    </form>
  );
}

interface AsksProps {
  code: string;
  name: string;
  onAnswer: (allowed: boolean) => void;
}

function Asks({ code, name, onAnswer }: AsksProps) {
  const { data: device, error } = useQuery(deviceQuery(code));
  const answer = useAccountChange(answerDevice);
  const say = (allow: boolean) => answer.mutate({ code, allow }, { onSuccess: () => onAnswer(allow) });
  if (error) {
    const { message, cure } = asProblem(error);
    return <CodeForm key={code} typed={code} wrong={[message, cure].filter(Boolean).join(". ")} />;
  }
  if (!device) return null;
  return (
    <div className={classes.narrow}>
      <p>
        <b>{device.name}</b> wants to work as {name}
        {device.address && (
          <>
            , from <span className="nowrap">{device.address}</span>
          </>
        )}
        . It asked <Ago at={device.created_at} />.
      </p>
      <p>It shows this code:</p>
      <p className={classes.deviceCode}>{device.user_code}</p>
      <p className="dim">
        Let it in only if you have just run <code>rigi login</code> there and see the same. It may do then whatever you may.
      </p>
      <FormProblem error={answer.error} />
      <div className={classes.inline}>
        <Button loading={answer.isPending && answer.variables.allow} onClick={() => say(true)}>
          Let it in
        </Button>
        <Button variant="default" loading={answer.isPending && !answer.variables.allow} onClick={() => say(false)}>
          Do not
        </Button>
      </div>
    </div>
  );
}
