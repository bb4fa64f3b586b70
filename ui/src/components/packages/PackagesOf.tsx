/** The packages of one pipeline, on its page: which there are, what is publicly known against them, and since when that is known. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { packagesQuery, useAuditPackages } from "../../api/packages";
import { useRights } from "../../api/rights";
import type { FindingView, PackagesView, PackageView } from "../../api/types";
import { originOf, outcomeOf, severityTone } from "../../lib/packages";
import { Table, type Column } from "../people/Table";
import { Empty, Failure } from "../States";
import { Ticked } from "../Ticked";
import { Ago, At } from "../Time";
import classes from "./Packages.module.css";

export function PackagesOf({ pipeline }: { pipeline: string }) {
  const { data, error, refetch } = useQuery(packagesQuery(pipeline));
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="Packages">
      <Standing view={data} />
      {data.audit && data.audit.findings.length > 0 && <Findings findings={data.audit.findings} outdated={data.outdated} />}
      <All view={data} />
    </div>
  );
}

/** What the last audit came to, and how to have another. */
function Standing({ view }: { view: PackagesView }) {
  const { run, archived } = useRights();
  const audit = useAuditPackages(view.pipeline);
  const { source, audit: last, incomplete, outdated, next_at: next } = view;
  const outcome = last && outcomeOf(last);
  if (view.none != null) return null;
  return (
    <div className={classes.standing}>
      <p>{originOf(view)}</p>
      {incomplete && <p className="dim">There may be more: {incomplete}.</p>}
      {last && outcome && (
        <p>
          Audited <Ago at={last.at} />: <span className={`tone-${outcome.tone}`}>{outcome.word}</span>
          <span className="dim"> by {last.source}</span>
        </p>
      )}
      {last?.message && (
        <p className="dim">
          <Ticked text={last.message} />
        </p>
      )}
      {outdated && <p className="tone-warn">The packages are others now than those that were audited.</p>}
      {!source && (
        <p className="dim">
          Nobody is asked what is known against them. An operator names who is: <code>audit.source</code>, such as{" "}
          <code>https://api.osv.dev</code>.
        </p>
      )}
      {source && !last && <p className="dim">Not audited yet. It is after each build of an environment, and by the server’s schedule.</p>}
      {source && next && (
        <p className="dim">
          Next by schedule <At at={next} />
        </p>
      )}
      {source && run && !archived && (
        <p>
          <Button variant="default" size="compact-sm" loading={audit.isPending} onClick={() => audit.mutate()}>
            Audit now
          </Button>
        </p>
      )}
    </div>
  );
}

const FINDINGS: Column<FindingView>[] = [
  {
    title: "Package",
    head: true,
    cell: (one) => (
      <>
        {one.package} <span className="dim">{one.version}</span>
      </>
    ),
  },
  {
    title: "Advisory",
    cell: (one) => (
      <>
        <a className="link mono" href={one.url} target="_blank" rel="noreferrer noopener" title={one.aliases?.join(", ")}>
          {one.id}
        </a>
        {one.ignored && <span className={classes.ignored}>ignored: {one.ignored}</span>}
      </>
    ),
  },
  {
    title: "Severity",
    narrow: true,
    cell: (one) => (one.ignored ? <span className="dim">{one.severity ?? "–"}</span> : <Severity finding={one} />),
  },
  { title: "Mended in", cell: (one) => one.fixed_in?.join(", ") ?? <span className="dim">no version yet</span> },
  { title: "What it is", wide: true, cell: (one) => <span className="dim">{one.summary}</span> },
];

function Severity({ finding }: { finding: FindingView }) {
  return <span className={`tone-${severityTone(finding.severity)}`}>{finding.severity ?? "not said"}</span>;
}

function Findings({ findings, outdated }: { findings: FindingView[]; outdated: boolean }) {
  return (
    <section>
      <h2 className={classes.title}>{outdated ? "Known against what was audited" : "Known against them"}</h2>
      <Table label="Findings" columns={FINDINGS} rows={findings} keyOf={(one) => `${one.package} ${one.version} ${one.id}`} />
    </section>
  );
}

const PACKAGES: Column<PackageView>[] = [
  { title: "Package", head: true, cell: (one) => one.name },
  { title: "Version", cell: (one) => one.version ?? <span className="dim">–</span> },
  { title: "Known", cell: (one) => <Known one={one} /> },
];

function Known({ one }: { one: PackageView }) {
  const counting = one.findings?.filter(({ ignored }) => !ignored) ?? [];
  if (counting.length > 0) return <span className="tone-bad">{counting.map(({ id }) => id).join(", ")}</span>;
  if (one.unchecked) return <span className="tone-warn">not checked: {one.unchecked}</span>;
  return null;
}

function All({ view }: { view: PackagesView }) {
  if (view.none != null) {
    return (
      <Empty icon="shield" title="Its packages are not looked at">
        <p className="dim">{view.none}.</p>
      </Empty>
    );
  }
  if (view.packages.length === 0) {
    return (
      <Empty icon="shield" title="It has no packages">
        <p className="dim">
          A <code>requirements.txt</code>, a <code>pyproject.toml</code> or a <code># /// script</code> block names some.
        </p>
      </Empty>
    );
  }
  return (
    <section>
      <h2 className={classes.title}>Packages</h2>
      <Table label="Packages" columns={PACKAGES} rows={view.packages} keyOf={(one) => `${one.name} ${one.version ?? ""}`} />
    </section>
  );
}
