/** The projects there are, with what goes on in each. */
import { Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import { useQuery } from "@tanstack/react-query";

import { projectsQuery } from "../api/queries";
import type { ProjectView } from "../api/types";
import { counterpart, pagePath, project } from "../lib/project";
import { goingOn } from "../lib/runText";
import { Icon } from "./Icon";
import { ProjectButton } from "./ProjectSwitcher";
import classes from "./Shell.module.css";

export default function ProjectMenu({ projects }: { projects: ProjectView[] }) {
  // Events tell of this project alone: what goes on in the others is asked for when it is looked at.
  const { refetch } = useQuery({ ...projectsQuery, enabled: false });
  const deleted = projects.filter(({ state }) => state === "deleted");
  return (
    <Menu width={260} position="bottom-start" onOpen={() => void refetch()}>
      <Menu.Target>
        <ProjectButton />
      </Menu.Target>
      <Menu.Dropdown className={classes.projects ?? ""}>
        {projects
          .filter((one) => !deleted.includes(one))
          .map((one) => (
            // A link, so that it can be opened beside this page.
            <Menu.Item
              key={one.name}
              component="a"
              href={counterpart(location.pathname, one.name)}
              aria-current={one.name === project || undefined}
              leftSection={<span className={classes.tick}>{one.name === project && <Icon name="check" size={14} />}</span>}
              rightSection={<span className={classes.goingOn}>{goingOn(one)}</span>}
            >
              <span className={classes.name}>{one.name}</span>
            </Menu.Item>
          ))}
        {deleted.length > 0 && <Menu.Divider />}
        {deleted.map(({ id, name }) => (
          <Menu.Item
            key={id}
            component="a"
            href={pagePath("/", name)}
            leftSection={<span className={classes.tick} />}
            rightSection={<span className={classes.goingOn}>deleted</span>}
          >
            <span className={`${classes.name ?? ""} dim`}>{name}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
