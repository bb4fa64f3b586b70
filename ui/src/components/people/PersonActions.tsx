/** What an administrator can do with an account. */
import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { waysInQuery } from "../../api/account";
import { changePerson, deletePerson, endSessionsOf, makeLinkFor, usePeopleChange } from "../../api/people";
import { asProblem } from "../../api/problem";
import type { MadeLink, PersonView } from "../../api/types";
import { notify } from "../../lib/notices";
import { Confirm, FormWindow, type Question } from "./Confirm";
import { linkAddress, Once } from "./Once";
import { RowMenu } from "./RowMenu";

interface PersonActionsProps {
  person: PersonView;
  /** It is the account of whoever looks. */
  own: boolean;
}

interface Shown {
  link: MadeLink;
  kind: "reset" | "sign-in";
}

export function PersonActions({ person, own }: PersonActionsProps) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const makeLink = usePeopleChange(makeLinkFor);
  const { data: ways } = useQuery(waysInQuery);
  const link = (kind: Shown["kind"], mail = false) =>
    makeLink.mutate(
      { id: person.id, kind, mail },
      {
        onSuccess: (made) => setShown({ link: made, kind }),
        onError: (error) => notify(`There is no link: ${asProblem(error).message}`, "bad", asProblem(error).cure),
      },
    );
  const questions = useQuestions(person, own);
  const human = person.kind === "person";
  const { administrator, rests } = standingOf(person);
  return (
    <>
      {human && (
        <Button variant="default" loading={makeLink.isPending} onClick={() => link("reset")}>
          Reset link
        </Button>
      )}
      <RowMenu of={person.name}>
        {human && ways?.mail && <Menu.Item onClick={() => link("reset", true)}>Mail a reset link</Menu.Item>}
        {human && <Menu.Item onClick={() => link("sign-in")}>Make a sign-in link</Menu.Item>}
        {human && <Menu.Item onClick={() => setQuestion(questions.sessions)}>End all sessions</Menu.Item>}
        {human && !administrator && <Menu.Item onClick={() => setQuestion(questions.promote)}>Make an administrator</Menu.Item>}
        {human && administrator && (
          <Menu.Item
            disabled={rests}
            title={rests ? "It comes from a group or a rule" : undefined}
            onClick={() => setQuestion(questions.demote)}
          >
            No administrator any more
          </Menu.Item>
        )}
        <Menu.Divider />
        {person.state === "blocked" ? (
          <Menu.Item onClick={() => setQuestion(questions.unblock)}>Unblock</Menu.Item>
        ) : (
          <Menu.Item onClick={() => setQuestion(questions.block)}>Block</Menu.Item>
        )}
        <Menu.Item className="tone-bad" onClick={() => setQuestion(questions.remove)}>
          Delete
        </Menu.Item>
      </RowMenu>
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title={shown?.kind === "sign-in" ? "Sign-in link" : "Reset link"} opened={shown !== null} onClose={() => setShown(null)}>
        {shown && (
          <Once text={linkAddress(shown.link.path)} what="link" onDone={() => setShown(null)}>
            {shown.link.mailed_to && <p>It is on its way to {shown.link.mailed_to} by mail.</p>}
            <p>
              {shown.kind === "reset"
                ? `With this link ${person.name} sets a new password. It serves once, within a day.`
                : `This link signs ${person.name} in, once, within a day. Whoever has it is ${person.name}.`}
            </p>
          </Once>
        )}
      </FormWindow>
    </>
  );
}

/** Whether somebody is an administrator, and whether that rests on groups or rules alone, so that it cannot be taken back here. */
function standingOf({ grants }: PersonView): { administrator: boolean; rests: boolean } {
  const all = (grants ?? []).filter(({ role }) => role === "administrator");
  return { administrator: all.length > 0, rests: all.every(({ group, source }) => group != null || source === "rule") };
}

function useQuestions(person: PersonView, own: boolean) {
  const change = usePeopleChange(changePerson);
  const end = usePeopleChange(endSessionsOf);
  const remove = usePeopleChange(deletePerson);
  const navigate = useNavigate();
  const { id, name } = person;
  const ask = (title: string, text: string, action: string, run: () => Promise<unknown>): Question => ({
    title,
    text: <p>{text}</p>,
    action,
    run,
  });
  return {
    sessions: ask(
      `End all sessions of ${name}?`,
      `${own ? "You are" : `${name} is`} signed out everywhere within seconds.`,
      "End them",
      () => end.mutateAsync(id),
    ),
    promote: ask(
      `Make ${name} an administrator?`,
      `${name} may do everything then: let people in and out, own everything, and take this right from others.`,
      "Make an administrator",
      () => change.mutateAsync({ id, administrator: true }),
    ),
    demote: ask(`${name} no administrator any more?`, `What ${own ? "you have" : `${name} has`} beside it stays.`, "Take it back", () =>
      change.mutateAsync({ id, administrator: false }),
    ),
    block: ask(
      `Block ${name}?`,
      `${name} is signed out everywhere, and tokens are refused. Nothing is lost: unblocking gives all of it back.`,
      "Block",
      () => change.mutateAsync({ id, state: "blocked" }),
    ),
    unblock: ask(`Unblock ${name}?`, `${name} may do what the roles give, as before.`, "Unblock", () =>
      change.mutateAsync({ id, state: "active" }),
    ),
    remove: {
      ...ask(
        `Delete ${name}?`,
        "Sessions, tokens and roles go. Runs stay, with the name of whoever started them.",
        "Delete the account",
        async () => {
          await remove.mutateAsync(id);
          if (own) location.assign("/");
          else await navigate({ to: "/administration" });
        },
      ),
      typed: name,
    },
  };
}
