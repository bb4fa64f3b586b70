/** Tokens of an account: for programs that do what it may. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { projectsQuery } from "../../api/queries";
import type { CreateToken, TokenView } from "../../api/types";
import { TOKEN_LIVES } from "../../lib/people";
import { ROLES } from "../../lib/rights";
import { ChoiceField, FormProblem, TextField, useSending } from "../form/Fields";
import { Section } from "../Page";
import { Ago, At } from "../Time";
import { Confirm, FormWindow, type Question } from "./Confirm";
import { Once } from "./Once";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

interface TokensProps {
  tokens: TokenView[];
  /** Whose they are: "you", or a name. */
  owner: string | null;
  make?: (body: CreateToken) => Promise<{ key: string; token: TokenView }>;
  remove: (id: string) => Promise<unknown>;
}

export function Tokens({ tokens, owner, make, remove }: TokensProps) {
  const [making, setMaking] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const { data: projects } = useQuery(projectsQuery);
  const several = (projects?.length ?? 0) > 1;
  const columns: Column<TokenView>[] = [
    { title: "For", head: true, cell: ({ name }) => name },
    { title: "Key", wide: true, cell: ({ hint }) => <span className="mono dim">{hint}</span> },
    { title: "May", cell: (token) => <span className="dim">{reachOf(token)}</span> },
    { title: "Ends", cell: ({ until }) => (until ? <At at={until} /> : "never") },
    {
      title: "Last used",
      wide: true,
      narrow: true,
      cell: ({ used_at }) => (used_at ? <Ago at={used_at} /> : <span className="dim">never</span>),
    },
    {
      title: "Take back",
      quiet: true,
      narrow: true,
      cell: (token) => (
        <Button
          variant="default"
          size="compact-sm"
          aria-label={`Take the token ${token.name} back`}
          onClick={() =>
            setQuestion({
              title: `Take “${token.name}” back?`,
              text: <p>Whatever uses it is refused from now on. It does not come back: make another one then.</p>,
              action: "Take it back",
              run: () => remove(token.id),
            })
          }
        >
          Take back
        </Button>
      ),
    },
  ];
  return (
    <Section
      title="Tokens"
      aside={
        make && (
          <Button variant="default" size="compact-sm" onClick={() => setMaking(true)}>
            Make a token
          </Button>
        )
      }
    >
      {tokens.length > 0 ? (
        <Table label="Tokens" columns={columns} rows={tokens} keyOf={({ id }) => id} />
      ) : (
        <p className={classes.none}>
          {owner === null
            ? "With a token, a program does what you may, or less: in scripts as RIGI_TOKEN, in calls as a bearer."
            : `With a token, a program does what ${owner} may, or less.`}
        </p>
      )}
      {make && (
        <FormWindow title="Make a token" opened={making} onClose={() => setMaking(false)}>
          <MakeToken make={make} projects={several ? (projects ?? []).map(({ name }) => name) : []} onClose={() => setMaking(false)} />
        </FormWindow>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}

function reachOf({ role, project }: TokenView): string {
  const most = role ? `what ${/^[aeio]/.test(role) ? "an" : "a"} ${role} may` : "as much as its owner";
  return project ? `${most}, in ${project}` : most;
}

interface MakeTokenProps {
  make: NonNullable<TokensProps["make"]>;
  /** Where there are several. */
  projects: string[];
  onClose: () => void;
}

function MakeToken({ make, projects, onClose }: MakeTokenProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("");
  const [project, setProject] = useState("");
  const [life, setLife] = useState("90d");
  const form = useSending(() => make({ name, expires_in: life, ...(role ? { role } : {}), ...(project ? { project } : {}) }));
  if (form.result) {
    return (
      <Once text={form.result.key} what="key" onDone={onClose}>
        <p>The key of “{form.result.token.name}”. Keep it where you keep passwords: whoever has it may what it may.</p>
      </Once>
    );
  }
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label="Make a token">
      <TextField
        label="What it is for"
        placeholder="nightly backup"
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      {projects.length > 0 && (
        <ChoiceField
          label="Project"
          data={[{ value: "", label: "all" }, ...projects]}
          value={project}
          onChange={(event) => setProject(event.currentTarget.value)}
          mistake={form.at("/project")}
        />
      )}
      <ChoiceField
        label="May at most"
        description="Never more than its owner may at that time."
        data={[
          { value: "", label: "as much as its owner" },
          ...ROLES.map((one) => ({ value: one, label: `what ${one === "viewer" || one === "runner" ? "a" : "an"} ${one} may` })),
        ]}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
        mistake={form.at("/role")}
      />
      <ChoiceField
        label="Holds for"
        data={TOKEN_LIVES}
        value={life}
        onChange={(event) => setLife(event.currentTarget.value)}
        mistake={form.at("/expires_in")}
      />
      <FormProblem error={form.error} beside={["/name", "/project", "/role", "/expires_in"]} />
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Make it
        </Button>
      </div>
    </form>
  );
}
