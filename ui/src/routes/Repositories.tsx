/** Where pipelines come from beside the folder: every repository, what it is at, and how it stands. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";

import { repositoriesQuery } from "../api/repositories";
import { useRights } from "../api/rights";
import type { RepositoryView } from "../api/types";
import { Command } from "../components/CopyButton";
import { Page } from "../components/Page";
import { Table, type Column } from "../components/people/Table";
import { useWalk } from "../components/people/useWalk";
import classes from "../components/repositories/Repositories.module.css";
import { CommitLink, Standing, takenWords } from "../components/repositories/Standing";
import { Empty, Failure } from "../components/States";
import { Ago } from "../components/Time";
import { useKeys } from "../lib/keys";

export function Repositories() {
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(repositoriesQuery);
  const { edit, archived } = useRights();
  const may = edit && !archived;
  useKeys("Repositories", may ? [{ keys: "n", label: "Add a repository", run: () => void navigate({ to: "/repositories/new" }) }] : []);
  const crumbs = [{ text: "Repositories" }];
  if (!data || data.length === 0) {
    return (
      <Page crumbs={crumbs}>
        {error && !data && <Failure error={error} retry={() => void refetch()} />}
        {data && <None may={may} />}
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs} actions={may && <AddButton />}>
      <List repositories={data} />
    </Page>
  );
}

function AddButton() {
  return <Button renderRoot={(props) => <Link to="/repositories/new" {...props} />}>Add a repository</Button>;
}

function List({ repositories }: { repositories: readonly RepositoryView[] }) {
  const navigate = useNavigate();
  const names = repositories.map(({ name }) => name);
  const current = useWalk("List", names, (name) => void navigate({ to: "/repositories/$name", params: { name } }));
  const columns: Column<RepositoryView>[] = [
    {
      title: "Repository",
      head: true,
      cell: ({ name }) => (
        <Link to="/repositories/$name" params={{ name }} className={classes.name}>
          {name}
        </Link>
      ),
    },
    { title: "Takes", wide: true, cell: (one) => <span className="dim">{takenWords(one)}</span> },
    {
      title: "Commit",
      cell: ({ synced }) => (synced ? <CommitLink commit={synced.commit} page={synced.page} /> : <span className="dim">–</span>),
    },
    { title: "Synced", cell: ({ synced }) => (synced ? <Ago at={synced.at} /> : <span className="dim">–</span>) },
    { title: "Pipelines", wide: true, cell: ({ pipelines }) => pipelines.length },
    { title: "State", cell: (one) => <Standing repository={one} brief /> },
  ];
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="List" data-scroll-restoration-id="repositories">
      <Table label="Repositories" columns={columns} rows={repositories} keyOf={({ name }) => name} current={current} />
      <WhoMay />
    </div>
  );
}

function WhoMay() {
  const { edit } = useRights();
  if (edit) return null;
  return <p className={classes.who}>Editors and owners add and sync repositories.</p>;
}

function None({ may }: { may: boolean }) {
  return (
    <Empty icon="branch" title="Pipelines come from the folder alone">
      <p className="dim">
        A git repository brings its own: each subfolder with a <code>main.py</code> or a spec is a pipeline. A sync shows first what it
        changes, and runs know their commit.
      </p>
      <div className={classes.command}>
        <Command text="rigi repositories add https://github.com/lab/tools --folder pipelines" />
      </div>
      {may ? <AddButton /> : <p className="dim">Editors and owners add repositories.</p>}
    </Empty>
  );
}
