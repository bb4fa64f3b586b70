/** All groups. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Button } from "@mantine/core";
import { useMemo } from "react";

import { groupsQuery } from "../../api/people";
import type { GroupView } from "../../api/types";
import { plural } from "../../lib/format";
import { Empty, Failure } from "../States";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";
import { useWalk } from "./useWalk";

const COLUMNS: Column<GroupView>[] = [
  {
    title: "Name",
    head: true,
    cell: ({ id, name }) => (
      <Link to="/administration/groups/$id" params={{ id }} className={classes.name}>
        {name}
      </Link>
    ),
  },
  { title: "In it", cell: ({ people }) => <span className="dim">{people === 0 ? "nobody" : plural(people, "person", "people")}</span> },
];

export function GroupsTab({ onMake }: { onMake: () => void }) {
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(groupsQuery);
  const ids = useMemo(() => (data ?? []).map(({ id }) => id), [data]);
  const current = useWalk("Groups", ids, (id) => void navigate({ to: "/administration/groups/$id", params: { id } }));
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (data.length === 0) {
    return (
      <Empty icon="people" title="There are no groups yet">
        <p>A group is given a role once, and whoever is in it has it: who joins the team gets everything at once, who leaves loses it.</p>
        <Button variant="default" onClick={onMake}>
          Make a group
        </Button>
      </Empty>
    );
  }
  return (
    <div className={classes.list}>
      <Table label="Groups" columns={COLUMNS} rows={data} keyOf={({ id }) => id} current={current} />
    </div>
  );
}
