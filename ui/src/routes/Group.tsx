/** A group: who is in it. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { deleteGroup, groupQuery, joinGroup, leaveGroup, renameGroup, usePeopleChange } from "../api/people";
import { asProblem } from "../api/problem";
import { useRights } from "../api/rights";
import type { GroupView } from "../api/types";
import { FormProblem, useSending } from "../components/form/Fields";
import { Page, Section } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { NameForm } from "../components/people/NameForm";
import classes from "../components/people/People.module.css";
import { PersonPicker } from "../components/people/PersonPicker";
import { Table, type Column } from "../components/people/Table";
import { Failure } from "../components/States";
import { notify } from "../lib/notices";
import { NotForYou } from "./Administration";

const route = getRouteApi("/administration/groups/$id");
type Member = NonNullable<GroupView["members"]>[number];
const SOURCES: Record<string, string> = { hand: "by hand", rule: "follows from the provider" };

export function Group() {
  const { id } = route.useParams();
  const { people, administer } = useRights();
  const may = people && administer;
  const { data: group, error, refetch } = useQuery({ ...groupQuery(id), enabled: may });
  const [question, setQuestion] = useState<Question | null>(null);
  const navigate = useNavigate();
  const remove = usePeopleChange(deleteGroup);
  if (!may) return <NotForYou people={people} />;
  const crumbs = [{ text: "Administration", link: { to: "/administration" } as const }, { text: group?.name ?? "Group" }];
  if (!group) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  const ask = () =>
    setQuestion({
      title: `Delete ${group.name}?`,
      text: <p>Every role that the group has goes with it. Whoever has a role by the group alone loses it at once.</p>,
      action: "Delete the group",
      typed: group.name,
      run: async () => {
        await remove.mutateAsync(group.id);
        await navigate({ to: "/administration", search: { tab: "groups" } });
      },
    });
  return (
    <Page
      crumbs={crumbs}
      actions={
        <Button variant="default" onClick={ask}>
          Delete
        </Button>
      }
    >
      <Section title="Group">
        <Rename key={group.name} group={group} />
      </Section>
      <PeopleIn group={group} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Page>
  );
}

function Rename({ group }: { group: GroupView }) {
  const change = usePeopleChange(renameGroup);
  return (
    <NameForm
      name={group.name}
      rename={(name) => change.mutateAsync({ id: group.id, name })}
      done="The group has its new name. Its roles stay."
      autoComplete="off"
    />
  );
}

function PeopleIn({ group }: { group: GroupView }) {
  const leave = usePeopleChange(leaveGroup);
  const out = (member: Member) =>
    leave.mutate(
      { id: group.id, person: member.id },
      {
        onSuccess: () => notify(`${member.name} is out of ${group.name}.`),
        onError: (error) => notify(`${member.name} stays: ${asProblem(error).message}`, "bad", asProblem(error).cure),
      },
    );
  const columns: Column<Member>[] = [
    {
      title: "Name",
      head: true,
      cell: ({ id, name }) => (
        <Link to="/administration/people/$id" params={{ id }} className={classes.name}>
          {name}
        </Link>
      ),
    },
    { title: "Why", cell: ({ source }) => <span className="dim">{SOURCES[source] ?? source}</span> },
    {
      title: "Take out",
      quiet: true,
      narrow: true,
      cell: (member) =>
        member.source === "hand" && (
          <Button variant="default" size="compact-sm" aria-label={`Take ${member.name} out`} onClick={() => out(member)}>
            Take out
          </Button>
        ),
    },
  ];
  const members = group.members ?? [];
  return (
    <Section title="In it">
      <Join group={group} />
      {members.length > 0 ? (
        <Table label="People in the group" columns={columns} rows={members} keyOf={({ id, source }) => `${id} ${source}`} />
      ) : (
        <p className={classes.none}>Nobody is in it yet. Give the group a role on the page Members, and whoever is in it has that role.</p>
      )}
    </Section>
  );
}

function Join({ group }: { group: GroupView }) {
  const [who, setWho] = useState<string | null>(null);
  const join = usePeopleChange(joinGroup);
  const form = useSending(
    () => join.mutateAsync({ id: group.id, person: who ?? "" }),
    () => setWho(null),
  );
  return (
    <form onSubmit={form.send} aria-label="Put somebody in">
      <div className={classes.tools}>
        <PersonPicker label="Somebody to put in" value={who} onChange={setWho} />
        <Button type="submit" variant="default" disabled={who === null} loading={form.sending}>
          Put in
        </Button>
      </div>
      <FormProblem error={form.error} />
    </form>
  );
}
