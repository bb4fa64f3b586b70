/** What the project uses of what it may have, who uses it, and what is stored for which pipeline. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { projectUsageQuery, useOwn } from "../../api/projects";
import { useRights } from "../../api/rights";
import type { ProjectUsage } from "../../api/types";
import { bytes, count, plural } from "../../lib/format";
import { barsOf, eachLine, type Bar } from "../../lib/quota";
import { Section } from "../Page";
import { Field } from "../people/Field";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Failure } from "../States";
import classes from "./Project.module.css";

/** Pipelines that are shown before all are asked for. */
const FIRST = 10;

export function Usage() {
  const { data, error, refetch } = useQuery(projectUsageQuery);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  return (
    <>
      <Quotas usage={data} />
      <WhoUses usage={data} />
      <Stored usage={data} />
    </>
  );
}

function Quotas({ usage }: { usage: ProjectUsage }) {
  const { administer } = useRights();
  const { quota } = usage;
  const each = eachLine(quota);
  const bars = barsOf(usage);
  const none = each === "" && quota.targets == null && quota.weight == null && bars.every(({ most }) => most === null);
  return (
    <Section title="Quotas">
      <div className={classes.bars}>
        {bars.map((bar) => (
          <UsageBar key={bar.key} bar={bar} />
        ))}
      </div>
      {each !== "" && <Field label="Each run">at most {each}</Field>}
      {quota.weight != null && (
        <Field label="Share">
          {count(quota.weight)}{" "}
          <span className="dim">
            {quota.weight === 1 ? "as everything that says nothing" : "where 1 is usual: so many times the places while others wait too"}
          </span>
        </Field>
      )}
      {quota.targets != null && <Field label="Runs execute on">{quota.targets.join(", ") || "no target"}</Field>}
      {none && <p className={people.none}>There are no quotas: what the whole server may have counts alone.</p>}
      {!administer && <p className={people.none}>Administrators set quotas.</p>}
    </Section>
  );
}

function UsageBar({ bar: { label, used, most, fraction, full } }: { bar: Bar }) {
  const percent = fraction === null ? null : Math.round(fraction * 100);
  const tone = full ? "full" : fraction !== null && fraction >= 0.9 ? "near" : undefined;
  const words = most === null ? used : `${used} of ${most}`;
  return (
    <div className={classes.bar}>
      <span className="dim">{label}</span>
      <span className={classes.words}>
        {words}
        {most === null && <span className="dim"> no quota</span>}
        {full && <span className={classes.full}>Full. {full.replace(/^At more, r/, "R")}</span>}
      </span>
      {percent !== null ? (
        <div
          className={classes.track}
          data-tone={tone}
          role="meter"
          aria-label={label}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={words}
        >
          <span style={{ width: `${percent}%` }} />
        </div>
      ) : (
        <div className={classes.noTrack} />
      )}
    </div>
  );
}

type Person = ProjectUsage["people"][number];

const PEOPLE: Column<Person>[] = [
  { title: "Name", head: true, cell: ({ name }) => name },
  { title: "Active", narrow: true, cell: ({ active }) => <Amount of={active} word="active" /> },
  { title: "Waiting", narrow: true, cell: ({ queued }) => <Amount of={queued} word="waiting" /> },
];

function Amount({ of, word }: { of: number; word: string }) {
  return (
    <span className={`num ${of === 0 ? "dim" : ""}`}>
      {count(of)}
      <span className={classes.phoneWord}> {word}</span>
    </span>
  );
}

function WhoUses({ usage }: { usage: ProjectUsage }) {
  return (
    <Section title="Who uses it">
      {usage.people.length > 0 ? (
        <div className={`${classes.numbers ?? ""} ${classes.figures ?? ""}`}>
          <Table label="Who uses it" columns={PEOPLE} rows={usage.people} keyOf={({ name }) => name} />
        </div>
      ) : (
        <p className={people.none}>Nothing runs and nothing waits.</p>
      )}
    </Section>
  );
}

type Kept = ProjectUsage["pipelines"][number];

function keptColumns(most: number): Column<Kept>[] {
  return [
    {
      title: "Pipeline",
      head: true,
      cell: ({ pipeline }) => (
        <Link to="/pipelines/$name" params={{ name: pipeline }} className={people.name}>
          {pipeline}
        </Link>
      ),
    },
    {
      title: "Part",
      quiet: true,
      wide: true,
      cell: (pipeline) => (
        <div className={classes.part} aria-hidden>
          <span style={{ width: `${(pipeline.storage / most) * 100}%` }} />
        </div>
      ),
    },
    {
      title: "Runs kept",
      narrow: true,
      cell: ({ runs }) => (
        <span className="num">
          {count(runs)}
          <span className={classes.phoneWord}> {runs === 1 ? "run" : "runs"}</span>
        </span>
      ),
    },
    { title: "Stored", narrow: true, cell: (pipeline) => <span className="num">{bytes(pipeline.storage)}</span> },
  ];
}

function Stored({ usage: { pipelines, storage } }: { usage: ProjectUsage }) {
  const [all, setAll] = useState(false);
  const own = useOwn();
  if (pipelines.length === 0) {
    return (
      <Section title="What is stored">
        <p className={people.none}>
          {storage > 0 ? "Nothing of runs, only what was uploaded." : "Nothing yet. Logs and files of runs stand here, by pipeline."}
          {own?.pipelines === 0 && (
            <>
              {" "}
              <Link to="/pipelines" className="link">
                How to make the first pipeline
              </Link>
            </>
          )}
        </p>
      </Section>
    );
  }
  const shown = all ? pipelines : pipelines.slice(0, FIRST);
  const most = Math.max(1, ...pipelines.map((pipeline) => pipeline.storage));
  return (
    <Section title="What is stored">
      <div className={`${classes.numbers ?? ""} ${classes.figures ?? ""}`}>
        <Table label="What is stored" columns={keptColumns(most)} rows={shown} keyOf={({ pipeline }) => pipeline} />
      </div>
      {shown.length < pipelines.length && (
        <div className={people.tools}>
          <Button variant="default" onClick={() => setAll(true)}>
            All {plural(pipelines.length, "pipeline")}
          </Button>
        </div>
      )}
    </Section>
  );
}
