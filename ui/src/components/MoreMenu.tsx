/** The places that a phone's bar has no room for, as a menu. */
import { Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import { useNavigate } from "@tanstack/react-router";

import { useRights, useSpeaksOfProjects } from "../api/rights";
import { Icon } from "./Icon";
import { MoreButton } from "./MorePlace";

export default function MoreMenu() {
  const navigate = useNavigate();
  return (
    <Menu width={200} position="top-end">
      <Menu.Target>
        <MoreButton />
      </Menu.Target>
      <Menu.Dropdown>
        <WideItems />
        <OwnItem />
        <Menu.Item leftSection={<Icon name="settings" size={14} />} onClick={() => void navigate({ to: "/settings" })}>
          Settings
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What starts runs, beside schedules, what is told of them, and where pipelines come from. */
export function WideItems() {
  const navigate = useNavigate();
  const { edit, role } = useRights();
  return (
    <>
      <Menu.Item leftSection={<Icon name="data" size={14} />} onClick={() => void navigate({ to: "/data" })}>
        Data
      </Menu.Item>
      {edit && (
        <>
          <Menu.Item leftSection={<Icon name="spark" size={14} />} onClick={() => void navigate({ to: "/triggers" })}>
            Triggers
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="hook" size={14} />} onClick={() => void navigate({ to: "/webhooks" })}>
            Webhooks
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="bell" size={14} />} onClick={() => void navigate({ to: "/notices" })}>
            Notices
          </Menu.Item>
        </>
      )}
      {role && (
        <Menu.Item leftSection={<Icon name="branch" size={14} />} onClick={() => void navigate({ to: "/repositories" })}>
          Repositories
        </Menu.Item>
      )}
    </>
  );
}

function OwnItem() {
  const navigate = useNavigate();
  const speaks = useSpeaksOfProjects();
  if (!speaks) return null;
  return (
    <Menu.Item leftSection={<Icon name="gauge" size={14} />} onClick={() => void navigate({ to: "/project" })}>
      Project
    </Menu.Item>
  );
}
