/** What a run was given. */
import type { ReactNode } from "react";

import type { RunView } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { writeJson } from "../../lib/json";
import { isObject, textOf } from "../../lib/schema/fields";
import { CopyButton } from "../CopyButton";
import { DatasetLink } from "../data/DatasetLink";
import { Section } from "../Page";
import classes from "./Run.module.css";

export function ParametersTab({ run }: { run: RunView }) {
  const parameters = Object.entries(run.parameters);
  const env = Object.entries(run.env);
  return (
    <div className={classes.tab} data-scroll-restoration-id="parameters" tabIndex={0} role="region" aria-label="Parameters">
      <Section title="Parameters">
        {parameters.map(([name, value]) => (
          <Row key={name} name={name} copy={textOf(value)}>
            {value === "***" ? (
              <span className="dim">secret</span>
            ) : isObject(value) || Array.isArray(value) ? (
              <pre>{writeJson(value, 2)}</pre>
            ) : (
              <code>{textOf(value)}</code>
            )}
          </Row>
        ))}
        {parameters.length === 0 && <p className={classes.none}>It was given none.</p>}
      </Section>
      {run.inputs.length > 0 && (
        <Section title="Inputs">
          {run.inputs.map((input) => (
            <Row key={`${input.input}/${input.dataset ?? ""}/${input.name}`} name={input.input} copy={input.sha256}>
              {input.name}{" "}
              <span className="dim">
                {bytes(input.size)}, sha256 {input.sha256.slice(0, 12)}…
              </span>
              {input.dataset && (
                <>
                  {" "}
                  of <DatasetLink reference={input.dataset} />
                </>
              )}
            </Row>
          ))}
        </Section>
      )}
      {env.length > 0 && (
        <Section title="Environment variables">
          {env.map(([name, value]) => (
            <Row key={name} name={name} copy={value}>
              <code>{value}</code>
            </Row>
          ))}
        </Section>
      )}
      <Section title="Limits">
        <Row name="cpu">{run.limits.cpu != null ? `${run.limits.cpu} cores` : <span className="dim">none</span>}</Row>
        <Row name="memory">{run.limits.memory != null ? bytes(run.limits.memory) : <span className="dim">none</span>}</Row>
        <Row name="timeout">{run.limits.timeout_ms != null ? duration(run.limits.timeout_ms) : <span className="dim">none</span>}</Row>
      </Section>
    </div>
  );
}

function Row({ name, copy, children }: { name: string; copy?: string; children: ReactNode }) {
  return (
    <div className={classes.pair}>
      <span className="mono dim">{name}</span>
      <div className={classes.value}>{children}</div>
      {copy !== undefined && copy !== "***" ? <CopyButton text={copy} label={`Copy ${name}`} /> : <span />}
    </div>
  );
}
