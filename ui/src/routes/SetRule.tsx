/** Makes a rule of notices, or changes one. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";

import { channelsQuery, rulesQuery } from "../api/notices";
import { useRights } from "../api/rights";
import type { RuleView } from "../api/types";
import { RuleForm } from "../components/notices/RuleForm";
import { useNoticesRefusal } from "../components/notices/useNoticesRefusal";
import { Page, type Crumb } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { notify } from "../lib/notices";

const changing = getRouteApi("/notices/rules/$rule/change");

const UP: Crumb[] = [
  { text: "Notices", link: { to: "/notices" } },
  { text: "Rules", link: { to: "/notices", search: { tab: "rules" } } },
];

export function MakeRule() {
  return <SetRule name={null} />;
}

export function ChangeRule() {
  const { rule } = changing.useParams();
  return <SetRule key={rule} name={rule} />;
}

function SetRule({ name }: { name: string | null }) {
  const { edit } = useRights();
  const navigate = useNavigate();
  const channels = useQuery({ ...channelsQuery, enabled: edit });
  const rules = useQuery({ ...rulesQuery, enabled: edit });
  const refusal = useNoticesRefusal("make");
  const crumbs = [...UP, { text: name ?? "New" }];
  const failed = [channels, rules].find((query) => query.error && !query.data);
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!channels.data || !rules.data) return <Page crumbs={crumbs}>{null}</Page>;
  const from = rules.data.find((rule) => rule.name === name) ?? null;
  if (name !== null && !from) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="bell" title={`There is no rule ${name}`} />
      </Page>
    );
  }
  if (channels.data.length === 0) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="bell" title="There is nobody to tell">
          <p className="dim">A rule tells channels. Make one first.</p>
          <Link to="/notices" search={{ tab: "channels" }} className="link">
            Channels
          </Link>
        </Empty>
      </Page>
    );
  }
  const onSet = (rule: RuleView) => {
    notify(from ? `${rule.name} is changed.` : `${rule.name} is made. What happens from now on is told.`);
    void navigate({ to: "/notices", search: { tab: "rules" } });
  };
  return (
    <Page fill crumbs={crumbs}>
      <RuleForm channels={channels.data} from={from} onSet={onSet} />
    </Page>
  );
}
