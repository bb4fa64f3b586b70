/** What stands at the address of a project that was deleted, for those who can bring it back. */
import { Button } from "@mantine/core";

import { restoreProject, useProjectChange } from "../api/projects";
import { asProblem } from "../api/problem";
import type { ProjectView } from "../api/types";
import { notify } from "../lib/notices";
import { pagePath } from "../lib/project";
import { Page } from "./Page";
import { Empty } from "./States";
import { Ago, At } from "./Time";

export function DeletedProject({ deleted: { name, gone_at } }: { deleted: ProjectView }) {
  const restore = useProjectChange(restoreProject);
  const back = () =>
    restore.mutate(name, {
      onSuccess: () => notify(`${name} is back, as it was.`),
      onError: (error) => notify(`${name} stays deleted: ${asProblem(error).message}`, "bad", asProblem(error).cure),
    });
  return (
    <Page crumbs={[{ text: "Deleted" }]}>
      <Empty icon="folder" title={`${name} is deleted`}>
        <p>
          Nobody else sees it, and its runs were stopped.
          {gone_at && (
            <>
              {" "}
              All of it goes <Ago at={gone_at} />, <At at={gone_at} />: pipelines, runs, logs and files. Until then it can be brought back.
            </>
          )}
        </p>
        <div>
          <Button loading={restore.isPending} onClick={back}>
            Bring it back
          </Button>
        </div>
        <p className="dim">
          <a className="link" href={pagePath("/", "default")}>
            Home
          </a>
        </p>
      </Empty>
    </Page>
  );
}
