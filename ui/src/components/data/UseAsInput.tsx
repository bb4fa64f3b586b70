/** Leads from a version, or a part of one, to the form of a pipeline that takes files, with it filled in. */
import { Button, Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Popover.css";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { pipelineQuery, pipelinesQuery } from "../../api/queries";
import { Icon } from "../Icon";

/** Pipelines that are looked at. */
const MOST = 40;

export function UseButton({ reference }: { reference: string }) {
  const [opened, setOpened] = useState(false);
  return (
    <Menu width={260} position="bottom-end" opened={opened} onChange={setOpened}>
      <Menu.Target>
        <Button variant="default" size="compact-sm" leftSection={<Icon name="play" size={14} />}>
          Use as input
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflow: "auto" }}>
        {opened && <Takers reference={reference} />}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Each input of each pipeline; what they are is asked for when somebody wants to know. */
function Takers({ reference }: { reference: string }) {
  const navigate = useNavigate();
  const { data } = useQuery(pipelinesQuery);
  const runnable = (data ?? []).filter((pipeline) => pipeline.runnable).slice(0, MOST);
  const looked = useQueries({ queries: runnable.map(({ name }) => pipelineQuery(name)) });
  const takers = looked.flatMap(({ data: one }) => (one ? Object.keys(one.inputs).map((input) => ({ name: one.name, input })) : []));
  if (takers.length === 0) {
    return <Menu.Item disabled>{looked.some(({ isPending }) => isPending) ? "Looking…" : "No pipeline takes files"}</Menu.Item>;
  }
  return takers.map(({ name, input }) => (
    <Menu.Item
      key={`${name} ${input}`}
      onClick={() => void navigate({ to: "/pipelines/$name/start", params: { name }, search: { dataset: reference, input } })}
    >
      {name} <span className="dim">as {input}</span>
    </Menu.Item>
  ));
}
