/** The webhooks that start runs of one pipeline, on its page. */
import { useQuery } from "@tanstack/react-query";

import { useRights } from "../../api/rights";
import { webhooksQuery } from "../../api/webhooks";
import { Section } from "../Page";
import { HookTable } from "./HookTable";

export function WebhooksOf({ pipeline }: { pipeline: string }) {
  const { edit } = useRights();
  const { data } = useQuery({ ...webhooksQuery, enabled: edit });
  const own = (data ?? []).filter((hook) => hook.pipeline === pipeline);
  if (own.length === 0) return null;
  return (
    <Section title="Webhooks">
      <HookTable hooks={own} withoutPipeline />
    </Section>
  );
}
