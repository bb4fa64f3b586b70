/** What can be run, by what it takes and gives. */
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";

import { processTypesQuery } from "../api/processTypes";
import { useRights } from "../api/rights";
import type { ProcessType } from "../api/types";
import { Icon } from "../components/Icon";
import { Page } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { plural } from "../lib/format";
import { plainLine } from "../lib/plainLine";
import { parameterCount, portWords } from "../lib/schema/ports";
import classes from "./ProcessTypes.module.css";

const route = getRouteApi("/process-types");

export function ProcessTypes() {
  const { q = "" } = route.useSearch();
  const navigate = useNavigate();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(processTypesQuery(q));
  const found = data?.pages.flatMap((page) => page.items);
  const field = (
    <TextInput
      type="search"
      aria-label="Search what can be run"
      placeholder="Search"
      leftSection={<Icon name="search" size={14} />}
      w={220}
      value={q}
      onChange={(event) =>
        void navigate({ to: "/process-types", search: event.currentTarget.value ? { q: event.currentTarget.value } : {}, replace: true })
      }
    />
  );
  return (
    <Page crumbs={[{ text: "Pipelines", link: { to: "/pipelines" } }, { text: "What they take" }]} actions={field}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {found?.length === 0 && (
        <Empty icon="search" title={q ? `Nothing fits “${q}”` : "There is nothing to run"}>
          <p className="dim">Names and descriptions are searched. A pipeline with a mistake is not here.</p>
        </Empty>
      )}
      <ul className={classes.list}>
        {found?.map((one) => (
          <ProcessTypeRow key={one.name} type={one} />
        ))}
      </ul>
      {hasNextPage && (
        <p className={classes.more}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </p>
      )}
    </Page>
  );
}

function ProcessTypeRow({ type }: { type: ProcessType }) {
  const { run: mayRun } = useRights();
  const { name } = type;
  const [takes, gives] = [portWords(type.inputs), portWords(type.outputs)];
  return (
    <li className={classes.row}>
      <Link to={mayRun && type.runnable ? "/pipelines/$name/start" : "/pipelines/$name"} params={{ name }} className={classes.name}>
        {name}
      </Link>
      <span className={classes.about}>{plainLine(type.description?.split("\n", 1)[0] ?? "")}</span>
      <span className={classes.ports}>
        {takes.length > 0 ? takes.join("; ") : "no files"} → {gives.length > 0 ? gives.join("; ") : "no files"}
      </span>
      <span className={classes.count}>{plural(parameterCount(type.parameters), "parameter")}</span>
    </li>
  );
}
