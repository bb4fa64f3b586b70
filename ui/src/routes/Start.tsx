/** Starts a run: a form made from the pipeline's schema. With `?from=RUN` it repeats that run, with changes. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { pipelineQuery, runQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { StartForm } from "../components/form/StartForm";
import { Mistakes } from "../components/Mistakes";
import { Page } from "../components/Page";
import { Banner, Empty, Failure } from "../components/States";

const route = getRouteApi("/pipelines/$name/start");

export function Start() {
  const { name } = route.useParams();
  const { from, ...link } = route.useSearch();
  const pipeline = useQuery(pipelineQuery(name));
  const run = useQuery({ ...runQuery(from ?? ""), enabled: from !== undefined });
  const crumbs = [
    { text: "Pipelines", link: { to: "/pipelines" } as const },
    { text: name, link: { to: "/pipelines/$name", params: { name } } as const },
    { text: from ? `Rerun${run.data ? ` ${run.data.short}` : ""}` : "Start" },
  ];
  const failed = [pipeline, run].find((query) => query.error && !query.data);
  const { run: mayRun, archived, role } = useRights();
  if (!mayRun) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="play" title={role ? `A ${role} does not start runs` : "You do not start runs here"}>
          <p className="dim">Runners, editors and owners do. An owner gives roles.</p>
        </Empty>
      </Page>
    );
  }
  if (archived) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="play" title="Nothing is started in what is archived">
          <p className="dim">What ran here can be read. An owner opens it again.</p>
        </Empty>
      </Page>
    );
  }
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!pipeline.data || (from && !run.data)) return <Page crumbs={crumbs}>{null}</Page>;
  const head = pipeline.data.mistakes.length > 0 && (
    <Banner tone="bad">
      <Mistakes mistakes={pipeline.data.mistakes} />
    </Banner>
  );
  return (
    <Page fill crumbs={crumbs} head={head}>
      <StartForm key={`${name} ${from ?? ""}`} pipeline={pipeline.data} from={run.data ?? null} link={link} />
    </Page>
  );
}
