/** Which of several projects this page is of, and the way to the others. Whoever has one does not meet it. */
import { lazy, Suspense, type ComponentPropsWithRef } from "react";

import type { ProjectView } from "../api/types";
import { project } from "../lib/project";
import { Icon } from "./Icon";
import classes from "./Shell.module.css";

const ProjectMenu = lazy(() => import("./ProjectMenu"));

export function ProjectSwitcher({ projects }: { projects: ProjectView[] | undefined }) {
  return (
    <li className={classes.project}>
      <Suspense fallback={<ProjectButton />}>
        <ProjectMenu projects={projects ?? []} />
      </Suspense>
    </li>
  );
}

export function ProjectButton(props: ComponentPropsWithRef<"button">) {
  return (
    <button type="button" {...props} className={`${classes.place ?? ""} ${classes.switcher ?? ""}`} title={`Project ${project}`}>
      <Icon name="folder" />
      <span className="ellipsis">
        <span className="sr">Project </span>
        {project}
      </span>
      <span className={classes.switch}>
        <Icon name="switch" size={14} />
      </span>
    </button>
  );
}
