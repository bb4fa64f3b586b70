/** All projects, as administrators see them: what goes on in each, what it may have; those that are deleted, until they go. */
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";

import { keys } from "../../api/keys";
import { restoreProject, useProjectChange } from "../../api/projects";
import { asProblem } from "../../api/problem";
import { allProjectsQuery } from "../../api/queries";
import type { ProjectView } from "../../api/types";
import { count } from "../../lib/format";
import { labelLine } from "../../lib/labels";
import { notify } from "../../lib/notices";
import { pagePath } from "../../lib/project";
import { quotaLine } from "../../lib/quota";
import { Icon } from "../Icon";
import { Section } from "../Page";
import { Confirm, type Question } from "../people/Confirm";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { useWalk } from "../people/useWalk";
import { Empty, Failure } from "../States";
import { Ago, At } from "../Time";
import { atOnce } from "./Ending";
import classes from "./Project.module.css";

/** Those that are shown before more are asked for. */
const STEP = 100;

const number = (of: number, word: string) => (
  <span className={`num ${of === 0 ? "dim" : ""}`}>
    {count(of)}
    <span className={classes.phoneWord}> {word}</span>
  </span>
);

const COLUMNS: Column<ProjectView>[] = [
  {
    title: "Name",
    head: true,
    cell: ({ name, state, declared }) => (
      <>
        <a href={pagePath("/project", name)} className={people.name}>
          {name}
        </a>
        {state === "archived" && <span className={people.tag}>archived</span>}
        {declared && name !== "default" && (
          <span className={people.tag} title="The server’s configuration says that it is there">
            configuration
          </span>
        )}
      </>
    ),
  },
  { title: "Labels", wide: true, cell: ({ labels }) => <span className="dim">{labelLine(labels)}</span> },
  { title: "Quotas", wide: true, cell: ({ quota }) => <span className="dim">{quotaLine(quota) || "none"}</span> },
  { title: "Pipelines", narrow: true, cell: ({ pipelines }) => number(pipelines, pipelines === 1 ? "pipeline" : "pipelines") },
  { title: "Active", narrow: true, cell: ({ active }) => number(active, "active") },
  { title: "Waiting", narrow: true, cell: ({ queued }) => number(queued, "waiting") },
];

export function ProjectsTab() {
  // Events tell of this page's project alone.
  const { data, error, refetch } = useQuery({ ...allProjectsQuery, refetchOnMount: "always" });
  const [q, setQ] = useState("");
  const [most, setMost] = useState(STEP);
  const search = useRef<HTMLInputElement>(null);
  const found = useMemo(() => (data ?? []).filter((one) => fits(one, q.trim().toLowerCase())), [data, q]);
  const shown = found.filter(({ state }) => state !== "deleted").slice(0, most);
  const ids = shown.map(({ name }) => name);
  const current = useWalk(
    "Projects",
    ids,
    (name) => location.assign(pagePath("/project", name)),
    () => search.current?.focus(),
  );
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const deleted = found.filter(({ state }) => state === "deleted");
  const more = found.length - deleted.length > shown.length;
  return (
    <>
      <div className={people.tools}>
        <TextInput
          ref={search}
          type="search"
          aria-label="Search projects"
          placeholder="Name or label"
          leftSection={<Icon name="search" size={14} />}
          rightSection={<kbd>/</kbd>}
          w={260}
          value={q}
          onChange={(event) => setQ(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
      </div>
      {shown.length > 0 && (
        <div className={classes.figures}>
          <Table label="Projects" columns={COLUMNS} rows={shown} keyOf={({ name }) => name} current={current} />
        </div>
      )}
      {found.length === 0 && (
        <Empty icon="search" title={`No project fits “${q}”`}>
          <p className="dim">Names and labels are searched.</p>
        </Empty>
      )}
      {data.length === 1 && (
        <p className={people.none}>
          There is the one that is always there. Another one has pipelines, runs, secrets, members and quotas of its own, and who is in one
          sees nothing of the others.
        </p>
      )}
      {more && (
        <div className={people.tools}>
          <Button variant="default" onClick={() => setMost(most + STEP)}>
            More
          </Button>
        </div>
      )}
      {deleted.length > 0 && <Deleted projects={deleted} />}
    </>
  );
}

function fits({ name, labels }: ProjectView, q: string): boolean {
  return q === "" || name.includes(q) || labelLine(labels).toLowerCase().includes(q);
}

function Deleted({ projects }: { projects: ProjectView[] }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const cache = useQueryClient();
  const gone = (name: string) => {
    notify(`${name} is gone.`);
    void cache.invalidateQueries({ queryKey: keys.projects });
  };
  const columns: Column<ProjectView>[] = [
    { title: "Name", head: true, cell: ({ name }) => name },
    {
      title: "All of it goes",
      cell: ({ gone_at }) =>
        gone_at && (
          <span className="dim">
            <span className={classes.phoneWord}>goes </span>
            <Ago at={gone_at} />, <At at={gone_at} />
          </span>
        ),
    },
    {
      title: "What to do",
      quiet: true,
      narrow: true,
      cell: (project) => (
        <span className={classes.ways}>
          <Restore name={project.name} />
          <Button
            variant="default"
            size="compact-sm"
            aria-label={`Delete ${project.name} at once`}
            onClick={() => setQuestion(atOnce(project, () => gone(project.name)))}
          >
            Delete at once
          </Button>
        </span>
      ),
    },
  ];
  return (
    <Section title="Deleted">
      <Table label="Deleted projects" columns={columns} rows={projects} keyOf={({ id }) => id} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}

function Restore({ name }: { name: string }) {
  const restore = useProjectChange(restoreProject);
  return (
    <Button
      variant="default"
      size="compact-sm"
      aria-label={`Restore ${name}`}
      loading={restore.isPending}
      onClick={() =>
        restore.mutate(name, {
          onSuccess: () => notify(`${name} is back, as it was.`),
          onError: (error) => notify(`${name} stays deleted: ${asProblem(error).message}`, "bad", asProblem(error).cure),
        })
      }
    >
      Restore
    </Button>
  );
}
