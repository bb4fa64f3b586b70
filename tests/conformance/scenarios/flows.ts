/** A flow: the same states of its steps, and the same handed on. */
import type { Api } from "../../support/api";
import { processesOf } from "../../support/processes";
import type { Scenario } from "../scenario";

interface Step {
  name: string;
  kind: string;
  state: string;
  run?: string;
  counts: Record<string, number>;
}

async function stepsOf(api: Api, run: string): Promise<Step[]> {
  return (await api.get<{ steps: Step[] }>(`/runs/${run}/steps`)).steps;
}

const sh = (script: string): { command: string[] } => ({ command: ["sh", "-c", script] });

export const flows: Scenario[] = [
  {
    name: "flow",
    server: "own",
    ms: 240_000,
    spec: {
      parameters: { days: { type: "array", default: [1, 2, 3] } },
      steps: {
        list: sh(`printf '{"rows": 40}' > "$RIGI_OUTPUTS/outputs.json"; mkdir "$RIGI_OUTPUTS/table"; echo 100 > "$RIGI_OUTPUTS/table/base.txt"`),
        each: {
          needs: ["list"],
          for_each: "${params.days}",
          parallel: 2,
          parameters: { day: "${item}" },
          inputs: { base: "list/table" },
          ...sh(`mkdir "$RIGI_OUTPUTS/part"; echo $(($(cat "$RIGI_INPUTS/base/base.txt") + day)) > "$RIGI_OUTPUTS/part/n.txt"; printf '{"day": %s}' "$day" > "$RIGI_OUTPUTS/outputs.json"`),
        },
        gather: {
          needs: ["each", "list"],
          inputs: { parts: "each/part", all: "each" },
          parameters: { rows: "${steps.list.outputs.rows}", last: "${steps.each.outputs[2].day}" },
          ...sh(`echo "$rows $last"; cat "$RIGI_INPUTS"/parts/*/n.txt "$RIGI_INPUTS/all/items.jsonl"; echo whole > "$RIGI_OUTPUTS/whole.txt"`),
        },
        retried: { ...sh('echo "attempt $RIGI_ATTEMPT"; [ $RIGI_ATTEMPT -ge 2 ]'), retries: { attempts: 1, strategy: "fixed", delay: "100ms" } },
        breaks: { optional: true, ...sh("exit 7") },
        mend: { needs: ["breaks"], run_if: "failed", ...sh("echo mended") },
        skipped: { when: "size(params.days) > 3", ...sh("true") },
        after: { needs: ["skipped"], ...sh("true") },
        ask: { needs: ["gather", "mend"], approval: { role: "editor", message: "Go on?" } },
        last: { needs: ["ask", "after", "retried"], run_if: "not_skipped", ...sh("true") },
        kept: { needs: ["gather"], cache: true, ...sh('echo "kept"; cat "$RIGI_INPUTS/whole/whole.txt"'), inputs: { whole: "gather" } },
        within: { needs: ["kept"], pipeline: "flow-within", parameters: { word: "${steps.kept.state}" } },
      },
    },
    beside: { "flow-within": { "pipeline.json": { parameters: { word: { type: "string" } }, steps: { tell: { ...sh('echo "within: $word"') } } } } },
    act: async (stage) => {
      const { api } = stage;
      const finish = async (run: string): Promise<void> => {
        const asked = async (): Promise<string | undefined> => (await stepsOf(api, run)).find((step) => step.name === "ask" && step.counts.active === 1)?.run;
        await api.post(`/runs/${await stage.poll(asked, "it asks", 200_000)}/approve`, { note: "looked at it" });
        await api.ended(run, 200_000);
      };
      await finish(stage.run.id);
      const again = await stage.submit();
      await finish(again.id);
      const { items } = await api.get<{ items: { result_of?: string }[] }>(`/runs/${again.id}/steps/kept`);
      stage.facts.cached = items[0]!.result_of === (await stepsOf(api, stage.run.id)).find((step) => step.name === "kept")!.run;
    },
    look: async (stage) => {
      const { api, run, facts } = stage;
      const steps = await stepsOf(api, run.id);
      facts.states = steps.map((step) => `${step.name} ${step.state} ${step.counts.items}`);
      const output = async (name: string, of = steps): Promise<string[]> => api.output(of.find((step) => step.name === name)!.run!);
      facts.gather = await output("gather");
      facts.kept = await output("kept");
      const attempts = await api.get<{ items: { number: number; state: string; exit_code?: number }[] }>(`/runs/${steps.find((step) => step.name === "retried")!.run}/attempts`);
      facts.retried = attempts.items.sort((a, b) => a.number - b.number).map((attempt) => `${attempt.state} ${attempt.exit_code}`);
      facts.within = await output("tell", await stepsOf(api, steps.find((step) => step.name === "within")!.run!));
      const each = (await api.get<{ items: { id: string }[] }>(`/runs/${run.id}/steps/each`)).items.map((item) => item.id);
      const own = [...each, ...steps.filter((step) => step.kind === "command" && step.run).map((step) => step.run!)];
      const there = await Promise.all(own.map(async (id) => (await api.get<{ target: string }>(`/runs/${id}`)).target));
      facts.elsewhere = there.filter((target) => target !== stage.place.target);
      // What is left of a flow alone is looked at by all scenarios.
      await stage.poll(async () => {
        const containers = stage.place.target === "container" ? await stage.engine.labelled("rigi.server") : [];
        const left = containers.filter((one) => own.includes((one.Labels["rigi.attempt"] ?? "").split(".")[0]!)).length;
        return left + own.flatMap((id) => processesOf(`RIGI_RUN_ID=${id}`)).length === 0 ? true : undefined;
      }, "nothing is left of its steps", 90_000);
    },
    expect: {
      state: "succeeded",
      facts: {
        states: [
          "list succeeded 1",
          "each succeeded 3",
          "gather succeeded 1",
          "retried succeeded 1",
          "breaks failed 1",
          "mend succeeded 1",
          "skipped skipped 0",
          "after skipped 0",
          "ask succeeded 1",
          "last skipped 0",
          "kept succeeded 1",
          "within succeeded 1",
        ],
        gather: ["40 3", "101", "102", "103", ...[1, 2, 3].map((day) => `{"index":${day - 1},"outputs":{"day":${day}}}`)],
        kept: ["kept", "whole"],
        retried: ["failed 1", "succeeded 0"],
        within: ["within: succeeded"],
        cached: true,
        elsewhere: [],
      },
    },
  },
];
