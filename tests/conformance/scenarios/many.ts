/** Many at a time. */
import type { Page, Run } from "../../support/api";
import { OK, range, said, type Scenario } from "../scenario";

function fan(name: string, count: number, long = false): Scenario {
  return {
    name,
    long,
    server: "own",
    ms: 300_000,
    shell: 'echo "run $n"; echo "$n" > $RIGI_OUTPUTS/n.txt',
    submit: { parameters: { n: 0 } },
    args: ["--runs", "20"],
    act: async ({ api, facts }) => {
      const runs = range(count).map((n) => ({ pipeline: name, parameters: { n } }));
      await api.post("/runs", { runs });
      await api.allEnded("", 280_000);
      const all = await api.runs();
      const told: string[] = [];
      for (const run of all) {
        const [line] = await api.output(run.id);
        const [file] = await api.artifacts(run.id);
        told.push(`${run.state} ${line} ${file?.size}`);
      }
      facts.told = told.sort();
    },
    get expect() {
      const told = [0, ...range(count)].map((n) => `succeeded run ${n} ${String(n).length + 1}`).sort();
      return { ...OK, facts: { told } };
    },
  };
}

export const many: Scenario[] = [
  fan("fan-of-50", 50),
  fan("fan-of-200", 200, true),
  {
    name: "one-at-a-time",
    shell: 'echo "here"; sleep 0.2',
    spec: { max_instances: 1 },
    act: async (stage) => {
      for (const _ of range(3)) await stage.submit();
      await stage.api.allEnded("&pipeline=one-at-a-time");
      const { items } = await stage.api.get<Page<Run>>("/runs?limit=100&pipeline=one-at-a-time");
      const ordered = items.sort((a, b) => (a.id < b.id ? -1 : 1));
      stage.facts.apart = ordered.slice(1).every((run, index) => run.started_at! >= ordered[index]!.ended_at!);
    },
    expect: { ...said("here"), facts: { apart: true } },
  },
];
