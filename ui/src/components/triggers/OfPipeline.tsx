/** The triggers that start runs of one pipeline, and those that wait for its runs, on its page. */
import { useQuery } from "@tanstack/react-query";

import { useRights } from "../../api/rights";
import { triggersQuery } from "../../api/triggers";
import type { PipelineTriggerView } from "../../api/types";
import { Section } from "../Page";
import { TriggerTable } from "./TriggerTable";

const awaits = ({ trigger: { sensor, after = [] } }: PipelineTriggerView, name: string) => sensor === name || after.includes(name);

/** Those that start its runs, where one may see them. */
export function useTriggersOf(pipeline: string): readonly PipelineTriggerView[] {
  const { edit } = useRights();
  const { data } = useQuery({ ...triggersQuery, enabled: edit });
  return (data ?? []).filter((one) => one.pipeline === pipeline);
}

export function TriggersOf({ pipeline }: { pipeline: string }) {
  const { edit } = useRights();
  const own = useTriggersOf(pipeline);
  const { data } = useQuery({ ...triggersQuery, enabled: edit });
  const waiting = (data ?? []).filter((one) => awaits(one, pipeline));
  return (
    <>
      {own.length > 0 && (
        <Section title="Triggers">
          <TriggerTable triggers={own} withoutPipeline />
        </Section>
      )}
      {waiting.length > 0 && (
        <Section title="What waits for it">
          <TriggerTable triggers={waiting} label="What waits for it" />
        </Section>
      )}
    </>
  );
}
