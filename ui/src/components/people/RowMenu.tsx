/** What can be done with one row. */
import { Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import type { ReactNode } from "react";

import { Icon } from "../Icon";
import classes from "./People.module.css";

export function RowMenu({ of, children }: { of: string; children: ReactNode }) {
  return (
    <Menu width={220}>
      <Menu.Target>
        <button type="button" className={classes.more} aria-label={`More for ${of}`}>
          <Icon name="more" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
