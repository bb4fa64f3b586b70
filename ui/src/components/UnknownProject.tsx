/** What stands at an address of a project that is not there. */
import type { ProjectView } from "../api/types";
import { pagePath, project } from "../lib/project";
import { Page } from "./Page";
import { JoinableBelow } from "./people/Joinable";
import { Empty } from "./States";
import classes from "./States.module.css";

export function UnknownProject({ projects }: { projects: ProjectView[] }) {
  return (
    <Page crumbs={[{ text: "Not found" }]}>
      <Empty icon="folder" title={`There is no project “${project}”`}>
        <p>The link may be mistyped, or the project is gone, or is none of yours. There {projects.length === 1 ? "is" : "are"}:</p>
        <ul className={classes.list}>
          {projects.map(({ name }) => (
            <li key={name}>
              <a className="link" href={pagePath("/", name)}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </Empty>
      <JoinableBelow only={project} />
    </Page>
  );
}
