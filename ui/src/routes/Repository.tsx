/** One repository: what it is at, what a sync would change, how it is opened, and what became of syncs. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "../api/keys";
import { asProblem } from "../api/problem";
import { removeRepository, repositoryQuery, useSync } from "../api/repositories";
import { useRights } from "../api/rights";
import type { RepositoryView } from "../api/types";
import { Page, Section } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { Access } from "../components/repositories/Access";
import { PlanView } from "../components/repositories/PlanView";
import classes from "../components/repositories/Repositories.module.css";
import { CommitLink, Standing, takenWords } from "../components/repositories/Standing";
import { Syncs } from "../components/repositories/Syncs";
import { Banner, Failure } from "../components/States";
import { Ticked } from "../components/Ticked";
import { Ago } from "../components/Time";
import { useKeys } from "../lib/keys";
import { notify } from "../lib/notices";

const route = getRouteApi("/repositories/$name");

export function Repository() {
  const { name } = route.useParams();
  const { data: repository, error, refetch } = useQuery(repositoryQuery(name));
  const { edit, archived } = useRights();
  const may = edit && !archived;
  const sync = useSync(name);
  useKeys(
    "Repository",
    may
      ? [
          { keys: "p", label: "Show what a sync would change", run: () => sync.mutate({ plan: true }) },
          { keys: "s", label: "Sync now", run: () => sync.mutate({ plan: false }) },
        ]
      : [],
  );
  const crumbs = [{ text: "Repositories", link: { to: "/repositories" } as const }, { text: name }];
  if (!repository) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page crumbs={crumbs} actions={may && <Ways repository={repository} sync={sync} />}>
      <Outcome sync={sync} />
      <Facts repository={repository} />
      <Pipelines repository={repository} />
      <Access repository={repository} />
      <Syncs name={name} />
    </Page>
  );
}

type Sync = ReturnType<typeof useSync>;

function Ways({ repository, sync }: { repository: RepositoryView; sync: Sync }) {
  const { name } = repository;
  const [question, setQuestion] = useState<Question | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const ask = () =>
    setQuestion({
      title: `Remove ${name}?`,
      text: <p>Its pipelines go with it, and start nothing any more. Their runs stay, with their code.</p>,
      action: "Remove it",
      run: async () => {
        await removeRepository(name);
        notify(`${name} is removed.`);
        await navigate({ to: "/repositories" });
        void cache.invalidateQueries({ queryKey: keys.repositories });
      },
    });
  const under = (plan: boolean) => sync.isPending && sync.variables.plan === plan;
  return (
    <>
      <Button variant="default" className="tone-bad" onClick={ask}>
        Remove
      </Button>
      <Button variant="default" renderRoot={(props) => <Link to="/repositories/$name/change" params={{ name }} {...props} />}>
        Change
      </Button>
      <Button variant="default" loading={under(true)} disabled={under(false)} onClick={() => sync.mutate({ plan: true })}>
        Plan
      </Button>
      <Button loading={under(false)} disabled={under(true)} onClick={() => sync.mutate({ plan: false })}>
        Sync now
      </Button>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

/** What came of the sync or plan that was asked for here. */
function Outcome({ sync }: { sync: Sync }) {
  if (sync.error) {
    const problem = asProblem(sync.error);
    // What is wrong with the repository stands at its state.
    if (problem.code === "sync-failed") return null;
    return (
      <Banner tone="bad">
        <Ticked text={`Nothing has changed: ${problem.message}. ${problem.cure ?? ""}`} />
      </Banner>
    );
  }
  if (!sync.data || sync.data.outcome === "unchanged") return null;
  const { done, plan } = sync.data;
  return (
    <Section title={done ? "What was synced" : "What a sync would change"}>
      <PlanView plan={plan} />
    </Section>
  );
}

function Facts({ repository }: { repository: RepositoryView }) {
  const { url, page, synced, folder, interval, looked_at } = repository;
  return (
    <>
      <Field label="State">
        <Standing repository={repository} />
      </Field>
      <Field label="Address">
        {page ? (
          <a href={page} target="_blank" rel="noreferrer" className="link">
            {url}
          </a>
        ) : (
          <code>{url}</code>
        )}
      </Field>
      <Field label="Takes">
        {takenWords(repository)}
        {folder && (
          <>
            , the folder <code>{folder}</code>
          </>
        )}
      </Field>
      <Field label="Commit">
        {synced ? (
          <>
            <CommitLink commit={synced.commit} page={synced.page} />, synced <Ago at={synced.at} />
          </>
        ) : (
          <span className="dim">None yet</span>
        )}
      </Field>
      <Field label="Synced">
        {interval ? `every ${interval}, and when asked to` : "when asked to"}
        {looked_at && (
          <span className="dim">
            ; looked at <Ago at={looked_at} />
          </span>
        )}
      </Field>
    </>
  );
}

function Pipelines({ repository: { pipelines, synced } }: { repository: RepositoryView }) {
  if (!synced) return null;
  return (
    <Section title="Pipelines">
      <div className={classes.plan}>
        {pipelines.length === 0 && (
          <p className="dim">
            There are none: no subfolder has a <code>main.py</code> or a spec. Name the folder that they lie in.
          </p>
        )}
        <ul className={classes.lines} aria-label="Pipelines">
          {pipelines.map(({ name, version, mistakes }) => (
            <li key={name} className={classes.line}>
              <span className={`${classes.mark ?? ""} ${version ? "tone-ok" : "tone-bad"}`}>
                <span aria-hidden>{version ? "·" : "!"}</span>
              </span>
              {mistakes.some((mistake) => mistake.includes("keeps the name")) ? (
                <span>{name}</span>
              ) : (
                <Link to="/pipelines/$name" params={{ name }} className={classes.name}>
                  {name}
                </Link>
              )}
              <span className={classes.files}>{version && <span className="mono">{version.slice(0, 7)}</span>}</span>
              {mistakes.map((mistake) => (
                <p key={mistake} className={`${classes.below ?? ""} tone-bad`}>
                  <Ticked text={mistake} />
                </p>
              ))}
            </li>
          ))}
        </ul>
      </div>
    </Section>
  );
}
