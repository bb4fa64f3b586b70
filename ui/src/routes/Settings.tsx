/** What this browser remembers, and the server it speaks with. */
import { SegmentedControl, Select, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { projectsQuery, systemQuery } from "../api/queries";
import { Page, Section } from "../components/Page";
import { Secrets } from "../components/Secrets";
import { Banner, Failure } from "../components/States";
import { Ago } from "../components/Time";
import { count, plural } from "../lib/format";
import { setPrefs, usePrefs } from "../lib/prefs";
import { DEFAULT_PROJECT, pagePath, project } from "../lib/project";
import { goingOn } from "../lib/runText";
import classes from "./Settings.module.css";

const THEMES = [
  { value: "auto", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function Settings() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const prefs = usePrefs();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
  return (
    <Page crumbs={[{ text: "Settings" }]}>
      <Section title="This browser">
        <Field label="Theme">
          <SegmentedControl
            aria-label="Theme"
            data={THEMES}
            value={colorScheme}
            onChange={(value) => setColorScheme(value as MantineColorScheme)}
          />
        </Field>
        <Field label="Time zone">
          <Select
            aria-label="Time zone"
            data={[{ value: "", label: `This computer's (${own})` }, ...zones]}
            value={prefs.zone}
            onChange={(zone) => setPrefs({ zone: zone ?? "" })}
            searchable
            allowDeselect={false}
            w={280}
          />
        </Field>
      </Section>
      <Secrets />
      <System />
    </Page>
  );
}

function System() {
  const { data: system, error, refetch } = useQuery(systemQuery);
  const { data: projects, isPending } = useQuery(projectsQuery);
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
              {one.max_active_runs != null && <span className="dim">, at most {count(one.max_active_runs)} at a time</span>}
            </p>
          ))}
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

function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.field}>
      <span className="dim">{label}</span>
      <div>{children}</div>
    </div>
  );
}
