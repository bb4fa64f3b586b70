/** An account, as administrators see it: what it is, everything that it has and why. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { accountQuery } from "../api/account";
import { makeTokenOf, personQuery, removeTokenOf, tokensOfQuery, usePeopleChange } from "../api/people";
import { useRights } from "../api/rights";
import type { GrantView, PersonView } from "../api/types";
import { Page, Section } from "../components/Page";
import { PersonActions } from "../components/people/PersonActions";
import { PersonFields } from "../components/people/PersonFields";
import classes from "../components/people/People.module.css";
import { Table, type Column } from "../components/people/Table";
import { Tokens } from "../components/people/Tokens";
import { Banner, Failure } from "../components/States";
import { Ago, At } from "../components/Time";
import { byWord, whyOf } from "../lib/people";
import { pagePath } from "../lib/project";
import { NotForYou } from "./Administration";

const route = getRouteApi("/administration/people/$id");

export function Person() {
  const { id } = route.useParams();
  const { people, administer } = useRights();
  const may = people && administer;
  const { data: person, error, refetch } = useQuery({ ...personQuery(id), enabled: may });
  const { data: account } = useQuery(accountQuery);
  const tokens = useQuery({ ...tokensOfQuery(id), enabled: may });
  if (!may) return <NotForYou people={people} />;
  const crumbs = [{ text: "Administration", link: { to: "/administration" } as const }, { text: person?.name ?? "Account" }];
  if (!person) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  // All of it at once: what comes later would move.
  if (tokens.isPending) return <Page crumbs={crumbs}>{null}</Page>;
  const own = account?.id === person.id;
  return (
    <Page crumbs={crumbs} actions={<PersonActions person={person} own={own} />}>
      {person.state === "blocked" && (
        <Banner tone="warn">
          This account is blocked:{" "}
          {person.kind === "service" ? "its tokens are refused" : "nobody signs in with it, and its tokens are refused"} until it is
          unblocked.
        </Banner>
      )}
      <p className={classes.facts}>
        <span>{person.kind === "service" ? "service account" : own ? "you" : "person"}</span>
        <span>
          made <At at={person.created_at} />
          {person.created_by !== person.name && ` by ${byWord(person.created_by)}`}
        </span>
        <span>{person.seen_at ? <>last seen {<Ago at={person.seen_at} />}</> : "never seen yet"}</span>
        <Link to="/administration" search={{ tab: "audit", actor: person.id }} className="link">
          What {own ? "you" : person.name} did
        </Link>
      </p>
      <PersonFields key={`${person.name} ${person.mail ?? ""}`} person={person} />
      <Grants person={person} />
      <TokensOf person={person} />
    </Page>
  );
}

function Grants({ person }: { person: PersonView }) {
  const grants = person.grants ?? [];
  const columns: Column<GrantView>[] = [
    { title: "Role", head: true, cell: ({ role }) => role },
    {
      title: "Where",
      cell: ({ project }) =>
        project ? (
          <a className="link" href={pagePath("/members", project)}>
            {project}
          </a>
        ) : (
          <span className="dim">the whole server</span>
        ),
    },
    {
      title: "Why",
      cell: (grant) => (
        <span className="dim">
          {whyOf(grant)}, <Ago at={grant.at} />
        </span>
      ),
    },
  ];
  return (
    <Section title="Roles">
      {grants.length > 0 ? (
        <Table
          label="Roles"
          columns={columns}
          rows={grants}
          keyOf={({ role, project, source, group }) => [role, project, source, group].join(" ")}
        />
      ) : (
        <p className={classes.none}>
          None yet: {person.kind === "service" ? "its tokens open nothing" : "they see nothing"} until an owner adds {person.name} on the
          page Members.
        </p>
      )}
    </Section>
  );
}

function TokensOf({ person }: { person: PersonView }) {
  const { data } = useQuery(tokensOfQuery(person.id));
  const make = usePeopleChange(makeTokenOf);
  const remove = usePeopleChange(removeTokenOf);
  if (!data || (person.kind === "person" && data.length === 0)) return null;
  return (
    <Tokens
      tokens={data}
      owner={person.name}
      {...(person.kind === "service" ? { make: (body) => make.mutateAsync({ id: person.id, ...body }) } : {})}
      remove={(token) => remove.mutateAsync({ id: person.id, token })}
    />
  );
}
