/** A flow as its spec has it: the steps drawn, and how each went in its last runs. */
import type { PipelineView } from "../../api/types";
import { stepsOfSpec } from "../../lib/flow/steps";
import { plural } from "../../lib/format";
import { Section } from "../Page";
import { Empty } from "../States";
import classes from "./Flow.module.css";
import { RunMatrix } from "./RunMatrix";
import { StepGraph } from "./StepGraph";

export function FlowPlan({ pipeline }: { pipeline: PipelineView }) {
  const steps = stepsOfSpec(pipeline.spec);
  if (steps.length === 0) {
    return (
      <Empty icon="pipelines" title={pipeline.spec == null ? "The spec cannot be read while it has a mistake" : "It has no steps"}>
        <p className="dim">
          With <code>steps:</code> in its spec a pipeline is a flow: each step is a run of its own, in the order of what it{" "}
          <code>needs</code>.
        </p>
      </Empty>
    );
  }
  return (
    <div className={classes.plan} data-scroll-restoration-id="flow-plan" tabIndex={0} role="region" aria-label="Steps">
      <StepGraph steps={steps} />
      <Section title={`How ${steps.length === 1 ? "it" : `its ${plural(steps.length, "step")}`} went`}>
        <RunMatrix pipeline={pipeline.name} steps={steps} />
      </Section>
    </div>
  );
}
