/** Makes or changes a rule: of what, to whom, and when. */
import { Button, MultiSelect, TagsInput, Textarea } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { pipelinesQuery } from "../../api/queries";
import type { ChannelView, RuleView } from "../../api/types";
import { plural } from "../../lib/format";
import { commandKey } from "../../lib/keys";
import { channelKind, TOLD } from "../../lib/telling";
import { Command } from "../CopyButton";
import { FormProblem } from "../form/Fields";
import fields from "../form/Form.module.css";
import { FieldRow } from "../form/ParameterField";
import { FormFrame } from "../form/FormFrame";
import foot from "../form/StartForm.module.css";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Ticked } from "../Ticked";
import { Line, QuietField } from "./RuleFields";
import classes from "./Notices.module.css";
import { useRuleForm, type RuleFormState } from "./useRuleForm";

interface RuleFormProps {
  channels: readonly ChannelView[];
  /** The one that is changed. */
  from: RuleView | null;
  onSet: (rule: RuleView) => void;
}

export function RuleForm({ channels, from, onSet }: RuleFormProps) {
  const names = channels.map(({ name }) => name);
  const form = useRuleForm(from, names, onSet);
  return (
    <FormFrame label={from ? "Change" : "Make a rule"} submit={form.submit}>
      <div className={foot.scroll} tabIndex={0} role="region" aria-label="Fields">
        {form.problem && (
          <div className={people.head}>
            <FormProblem error={form.problem} />
          </div>
        )}
        <Section title="What is told">
          {!from && (
            <FieldRow id="rule-name" label="name" title="Name" help="Such as `failures`." mistake={form.at("name")}>
              <Line id="rule-name" form={form} name="name" />
            </FieldRow>
          )}
          <OnField form={form} />
          <PipelinesField form={form} />
        </Section>
        <Section title="To whom">
          <ChannelsField form={form} channels={channels} />
        </Section>
        <WhenPart form={form} />
      </div>
      <footer className={foot.foot}>
        <div className={foot.command}>
          <Command text={form.command} />
        </div>
        <div className={foot.send}>
          <span className={foot.count} role="status">
            {form.mistakes > 0 ? plural(form.mistakes, "mistake") : ""}
          </span>
          <Button variant="default" size="sm" renderRoot={(props) => <Link to="/notices" search={{ tab: "rules" }} {...props} />}>
            Leave it
          </Button>
          <Button type="submit" size="sm" loading={form.sending} title={`${commandKey}Enter`}>
            {from ? "Change" : "Make it"}
          </Button>
        </div>
      </footer>
    </FormFrame>
  );
}

function OnField({ form }: { form: RuleFormState }) {
  const { on } = form.written;
  const toggle = (value: string, chosen: boolean) =>
    form.set({ on: TOLD.map((one) => one.value).filter((one) => (one === value ? chosen : on.includes(one))) });
  return (
    <FieldRow
      id="rule-on"
      label="on"
      title="Of what"
      help="Trouble that goes on is told of once when it begins, and once when it is over, however often it happens in between."
      mistake={form.at("on")}
    >
      <div id="rule-on" role="group" aria-labelledby="rule-on-label" className={classes.choices}>
        {TOLD.map(({ value, word, help }) => (
          <label key={value} className={classes.choice}>
            <input
              type="checkbox"
              checked={on.includes(value)}
              aria-invalid={form.at("on") !== null || undefined}
              onChange={(event) => toggle(value, event.currentTarget.checked)}
            />
            <span>{word}</span>
            <span className="dim">
              <Ticked text={help} />
            </span>
          </label>
        ))}
      </div>
    </FieldRow>
  );
}

function PipelinesField({ form }: { form: RuleFormState }) {
  const { data } = useQuery(pipelinesQuery);
  return (
    <FieldRow
      id="rule-pipelines"
      label="pipelines"
      title="Of which pipelines"
      help="`*` stands for anything: `etl-*`. Steps of a flow are told of with the flow."
      mistake={form.at("pipelines")}
    >
      <TagsInput
        id="rule-pipelines"
        aria-describedby="rule-pipelines-mistake rule-pipelines-help"
        data={(data ?? []).map(({ name }) => name)}
        limit={50}
        value={[...form.written.pipelines]}
        onChange={(pipelines) => form.set({ pipelines })}
        splitChars={[",", " "]}
        placeholder={form.written.pipelines.length === 0 ? "all" : ""}
        error={form.at("pipelines") !== null}
      />
    </FieldRow>
  );
}

function ChannelsField({ form, channels }: { form: RuleFormState; channels: readonly ChannelView[] }) {
  return (
    <FieldRow id="rule-channels" label="channels" title="Channels" help="All of them are told." mistake={form.at("channels")}>
      <MultiSelect
        id="rule-channels"
        aria-describedby="rule-channels-mistake rule-channels-help"
        data={channels.map(({ name, kind }) => ({ value: name, label: `${name} · ${channelKind(kind).name}` }))}
        value={[...form.written.channels]}
        onChange={(chosen) => form.set({ channels: chosen })}
        onBlur={() => form.touch("channels")}
        error={form.at("channels") !== null}
        placeholder={form.written.channels.length === 0 ? "Choose" : ""}
        searchable={channels.length > 8}
      />
    </FieldRow>
  );
}

function WhenPart({ form }: { form: RuleFormState }) {
  return (
    <Section title="When and how">
      <FieldRow
        id="rule-digest"
        label="digest"
        title="Together"
        help="What comes within this time is one message: `60s`, `15m`. Left empty, each is told at once."
        mistake={form.at("digest")}
      >
        <Line id="rule-digest" form={form} name="digest" placeholder="at once" width={160} />
      </FieldRow>
      <QuietField form={form} />
      {form.written.on.includes("waiting") && (
        <FieldRow
          id="rule-waiting"
          label="waiting_after"
          title="Waits too long after"
          help="How long a run may wait."
          mistake={form.at("waitingAfter")}
        >
          <Line id="rule-waiting" form={form} name="waitingAfter" placeholder="30m" width={160} />
        </FieldRow>
      )}
      <FieldRow
        id="rule-template"
        label="template"
        title="In other words"
        help="The text instead of ours. It knows `pipeline`, `run`, `state`, `reason`, `message`, `failures`, `duration_ms`, `title`, `text` and `kind`: `${pipeline} is ${state}: ${message}`."
        mistake={form.at("template")}
      >
        <Textarea
          id="rule-template"
          aria-describedby="rule-template-mistake rule-template-help"
          value={form.written.template}
          onChange={(event) => form.set({ template: event.currentTarget.value })}
          error={form.at("template") !== null}
          autosize
          minRows={2}
          maxRows={10}
          spellCheck={false}
          placeholder="in ours"
          classNames={{ input: fields.code ?? "" }}
        />
      </FieldRow>
    </Section>
  );
}
