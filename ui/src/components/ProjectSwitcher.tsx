/** Which of several projects this page is of, and the way to the others. Whoever has one does not meet it. */
import { lazy, Suspense, type ComponentPropsWithRef, type ReactNode } from "react";

import type { ProjectView } from "../api/types";
import { project } from "../lib/project";
import { Icon } from "./Icon";
import classes from "./Shell.module.css";

const ProjectMenu = lazy(() => import("./ProjectMenu"));

const LOOK = `${classes.place ?? ""} ${classes.switcher ?? ""}`;
const FACE: ReactNode = (
  <>
    <Icon name="folder" />
    <span className="ellipsis">
      <span className="sr">Project </span>
      {project}
    </span>
    <span className={classes.switch}>
      <Icon name="switch" size={14} />
    </span>
  </>
);

export function ProjectSwitcher({ projects }: { projects: ProjectView[] | undefined }) {
  return (
    <li className={classes.project}>
      {/* Until the menu is there, what stands in its place is no button: it would do nothing, and lose the focus when it is replaced. */}
      <Suspense fallback={<span className={LOOK}>{FACE}</span>}>
        <ProjectMenu projects={projects ?? []} />
      </Suspense>
    </li>
  );
}

export function ProjectButton(props: ComponentPropsWithRef<"button">) {
  return (
    <button type="button" {...props} className={LOOK} title={`Project ${project}`}>
      {FACE}
    </button>
  );
}
