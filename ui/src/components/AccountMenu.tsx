/** What one can do with one's account; on a phone also the places that the bar has no room for. */
import { Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import { useMediaQuery } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";

import { signOut } from "../api/account";
import { asProblem } from "../api/problem";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import type { AccountView } from "../api/types";
import { notify } from "../lib/notices";
import { AccountButton } from "./AccountPlace";
import { Icon } from "./Icon";
import { WideItems } from "./MoreMenu";
import classes from "./Shell.module.css";

export default function AccountMenu({ account }: { account: AccountView }) {
  const navigate = useNavigate();
  const rights = useRights();
  const speaks = useSpeaksOfProjects();
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const leave = () =>
    void signOut().catch((error: unknown) => notify(`Not signed out: ${asProblem(error).message}`, "bad", asProblem(error).cure));
  return (
    <Menu width={220} position="top-start">
      <Menu.Target>
        <AccountButton name={account.name} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className={classes.who ?? ""}>
          <span className="ellipsis">{account.name}</span>
          {account.mail && <span className="ellipsis">{account.mail}</span>}
        </Menu.Label>
        <Menu.Item leftSection={<Icon name="person" size={14} />} onClick={() => void navigate({ to: "/account" })}>
          Your account
        </Menu.Item>
        {!rights.administer && (
          <Menu.Item leftSection={<Icon name="folder" size={14} />} onClick={() => void navigate({ to: "/joining" })}>
            Join a project
          </Menu.Item>
        )}
        {phone && <WideItems />}
        {phone && rights.role && (
          <Menu.Item leftSection={<Icon name="people" size={14} />} onClick={() => void navigate({ to: "/members" })}>
            Members
          </Menu.Item>
        )}
        {phone && rights.role && (
          <Menu.Item leftSection={<Icon name="gauge" size={14} />} onClick={() => void navigate({ to: "/project" })}>
            {speaks ? "Project" : "Usage"}
          </Menu.Item>
        )}
        {phone && rights.administer && (
          <Menu.Item leftSection={<Icon name="shield" size={14} />} onClick={() => void navigate({ to: "/administration" })}>
            Administration
          </Menu.Item>
        )}
        {phone && (
          <Menu.Item leftSection={<Icon name="settings" size={14} />} onClick={() => void navigate({ to: "/settings" })}>
            Settings
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="close" size={14} />} onClick={leave}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
