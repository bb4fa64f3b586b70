/** What this browser remembers, and the server it speaks with. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { projectsQuery, useSystem } from "../api/queries";
import { useRights } from "../api/rights";
import { BrowserSettings } from "../components/BrowserSettings";
import { Page, Section } from "../components/Page";
import { Secrets } from "../components/Secrets";
import { Field } from "../components/people/Field";
import { Banner, Failure } from "../components/States";
import { Ago } from "../components/Time";
import { count, plural } from "../lib/format";
import { DEFAULT_PROJECT, pagePath, project } from "../lib/project";
import { goingOn } from "../lib/runText";

export function Settings() {
  return (
    <Page crumbs={[{ text: "Settings" }]}>
      <BrowserSettings />
      <Secrets />
      <System />
    </Page>
  );
}

function System() {
  const { data: system, error, refetch } = useSystem();
  const { data: projects, isPending } = useQuery(projectsQuery);
  const { administer } = useRights();
  if (error && !system) return <Failure error={error} retry={() => void refetch()} />;
  if (!system || isPending) return null;
  const { runs } = system;
  const several = projects !== undefined && projects.length > 1;
  return (
    <Section title="Server">
      {system.warnings.map((warning) => (
        <Banner key={warning} tone="warn">
          {warning}
        </Banner>
      ))}
      <Field label="Rigi">
        {system.version}, started <Ago at={system.started_at} />
      </Field>
      <Field label="Pipelines folder">
        <code>{system.pipelines_folder}</code>
        {several ? ` of ${DEFAULT_PROJECT}` : `, ${plural(system.pipelines, "pipeline")}${mistakes(system)}`}
      </Field>
      {several && (
        <Field label="Projects">
          {projects.map((one) => (
            <p key={one.name}>
              <a className="link" href={pagePath("/", one.name)} aria-current={one.name === project || undefined}>
                {one.name}
              </a>
              , {plural(one.pipelines, "pipeline")}
              {mistakes(one)}, {goingOn(one)}
              {one.state === "archived" && ", archived"}
              {one.quota.runs != null && <span className="dim">, at most {count(one.quota.runs)} at a time</span>}
            </p>
          ))}
          <p>
            <Link to="/project" className="link">
              What {project} may have, and uses
            </Link>
            {administer && (
              <>
                {" · "}
                <Link to="/administration" search={{ tab: "projects" }} className="link">
                  All projects
                </Link>
              </>
            )}
          </p>
        </Field>
      )}
      <Field label="Runs">
        {count(runs.active)} active of at most {count(system.max_active_runs)}, {count(runs.queued)} waiting, {count(runs.retrying)} between
        attempts
      </Field>
      <Field label="Database">{system.database === "postgres" ? "PostgreSQL" : "SQLite"}</Field>
      <Field label="API">
        <a className="link" href="/docs">
          Reference
        </a>{" "}
        <span className="dim">and</span>{" "}
        <a className="link" href="/api/v1/openapi.json">
          OpenAPI file
        </a>
      </Field>
    </Section>
  );
}

function mistakes({ pipelines_with_mistakes: number }: { pipelines_with_mistakes: number }): string {
  return number > 0 ? `, ${count(number)} with mistakes` : "";
}
