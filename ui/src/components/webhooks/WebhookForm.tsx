/** Makes or changes a webhook: who signs how, when a run starts, and what of a body becomes its parameters. */
import { Button, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/PasswordInput.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { schedulesOfQuery } from "../../api/schedules";
import type { PipelineView, WebhookView } from "../../api/types";
import { plural } from "../../lib/format";
import { commandKey } from "../../lib/keys";
import { KINDS, kindOf, PER_MINUTE } from "../../lib/webhook";
import { Command } from "../CopyButton";
import { FormProblem } from "../form/Fields";
import { FieldRow } from "../form/ParameterField";
import { FormFrame } from "../form/FormFrame";
import foot from "../form/StartForm.module.css";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { MappingPart } from "./MappingPart";
import { useWebhookForm, type WebhookFormState } from "./useWebhookForm";
import classes from "./Webhooks.module.css";

interface WebhookFormProps {
  pipeline: PipelineView;
  /** The one that is changed. */
  from: WebhookView | null;
  onSet: (hook: WebhookView) => void;
}

export function WebhookForm({ pipeline, from, onSet }: WebhookFormProps) {
  const form = useWebhookForm(pipeline, from, onSet);
  return (
    <FormFrame label={from ? "Change" : "Make a webhook"} submit={form.submit} autoComplete="off">
      <div className={foot.scroll} tabIndex={0} role="region" aria-label="Fields">
        {form.problem && (
          <div className={people.head}>
            <FormProblem error={form.problem} />
          </div>
        )}
        <Section title="Who sends">
          {!from && (
            <FieldRow id="hook-name" label="name" title="Name" help="Such as `pushes`." mistake={form.at("name")}>
              <Line id="hook-name" form={form} name="name" />
            </FieldRow>
          )}
          <KindField form={form} />
          <SecretField form={form} has={from !== null} />
        </Section>
        <WhenPart form={form} pipeline={pipeline} />
        <MappingPart form={form} example="${body.…}" secret="It is secret: where it is made of the body, no body is kept.">
          Values, or what is in the body: <code>{"${body.repository.name}"}</code>, <code>{"${headers.x_github_event}"}</code>,{" "}
          <code>{"${event}"}</code>, <code>{"${id}"}</code>. What is not there keeps its default.
        </MappingPart>
      </div>
      <footer className={foot.foot}>
        <div className={foot.command}>{form.command && <Command text={form.command} />}</div>
        <div className={foot.send}>
          <span className={foot.count} role="status">
            {form.mistakes > 0 ? plural(form.mistakes, "mistake") : ""}
          </span>
          {from && (
            <Button
              variant="default"
              size="sm"
              renderRoot={(props) => <Link to="/webhooks/$name" params={{ name: from.name }} {...props} />}
            >
              Leave it
            </Button>
          )}
          <Button type="submit" size="sm" loading={form.sending} title={`${commandKey}Enter`}>
            {from ? "Change" : "Make it"}
          </Button>
        </div>
      </footer>
    </FormFrame>
  );
}

interface LineProps {
  id: string;
  form: WebhookFormState;
  name: "name" | "when" | "perMinute";
  placeholder?: string;
  width?: number;
  code?: boolean;
}

function Line({ id, form, name, placeholder, width, code = false }: LineProps) {
  return (
    <TextInput
      id={id}
      {...(width === undefined ? {} : { w: width })}
      autoComplete="off"
      spellCheck={false}
      placeholder={placeholder}
      aria-describedby={`${id}-mistake ${id}-help`}
      error={form.at(name) !== null}
      value={form.written[name]}
      classNames={{ input: (code && classes.expression) || "" }}
      onChange={(event) => form.set({ [name]: event.currentTarget.value })}
      onBlur={() => form.touch(name)}
    />
  );
}

function KindField({ form }: { form: WebhookFormState }) {
  return (
    <FieldRow id="hook-kind" label="kind" title="Signs as" help={kindOf(form.written.kind).signs} mistake={form.at("kind")}>
      <NativeSelect
        id="hook-kind"
        size="xs"
        aria-describedby="hook-kind-mistake hook-kind-help"
        data={KINDS.map(({ value, name }) => ({ value, label: name }))}
        value={form.written.kind}
        onChange={(event) => form.set({ kind: event.currentTarget.value })}
        w={240}
      />
    </FieldRow>
  );
}

function SecretField({ form, has }: { form: WebhookFormState; has: boolean }) {
  const [visible, setVisible] = useState(false);
  const help = has
    ? "Another one that its sender has. Left empty, the secret stays; a former one counts for a day."
    : "Left empty, one is made and shown once. Some senders have theirs already.";
  return (
    <FieldRow id="hook-secret" label="secret" title="Secret" help={help} rule="16 to 500 characters" mistake={form.at("secret")}>
      <PasswordInput
        id="hook-secret"
        aria-describedby="hook-secret-mistake hook-secret-help"
        autoComplete="new-password"
        placeholder={has ? "stays as it is" : "one is made"}
        error={form.at("secret") !== null}
        value={form.written.secret}
        visible={visible}
        onVisibilityChange={setVisible}
        visibilityToggleButtonProps={{ "aria-label": visible ? "Hide the secret" : "Show the secret", tabIndex: 0 }}
        onChange={(event) => form.set({ secret: event.currentTarget.value })}
        onBlur={() => form.touch("secret")}
      />
    </FieldRow>
  );
}

function WhenPart({ form, pipeline }: { form: WebhookFormState; pipeline: PipelineView }) {
  const { data } = useQuery(schedulesOfQuery(pipeline.name));
  const entries = (data ?? []).filter(({ source }) => source === "spec").map(({ id }) => id);
  const known = form.written.schedule === "" || entries.includes(form.written.schedule) ? entries : [...entries, form.written.schedule];
  return (
    <Section title="When">
      <FieldRow
        id="hook-when"
        label="when"
        title="Only when"
        help="Others are ignored. It knows `body`, `headers`, `event` and `id`: `event == 'push' and body.ref == 'refs/heads/main'`."
        mistake={form.at("when")}
      >
        <Line id="hook-when" form={form} name="when" placeholder={`for example ${kindOf(form.written.kind).when}`} code />
      </FieldRow>
      <FieldRow
        id="hook-per-minute"
        label="per_minute"
        title="A minute at most"
        help="What comes beyond that is refused, and told to come later."
        mistake={form.at("perMinute")}
      >
        <Line id="hook-per-minute" form={form} name="perMinute" placeholder={String(PER_MINUTE)} width={120} />
      </FieldRow>
      {known.length > 0 && (
        <FieldRow
          id="hook-schedule"
          label="schedule"
          title="As"
          help="Runs have the limits, retries, environment and parameters of this entry of the spec's `schedules`."
          mistake={form.at("schedule")}
        >
          <NativeSelect
            id="hook-schedule"
            size="xs"
            aria-describedby="hook-schedule-mistake hook-schedule-help"
            data={[{ value: "", label: "the pipeline says" }, ...known]}
            value={form.written.schedule}
            onChange={(event) => form.set({ schedule: event.currentTarget.value })}
            w={240}
          />
        </FieldRow>
      )}
    </Section>
  );
}
