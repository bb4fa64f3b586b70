/** Makes a channel, or has one lead elsewhere: what leads there is sealed, and asked for anew. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { setChannel, useNoticesChange } from "../../api/notices";
import type { ChannelView } from "../../api/types";
import { notify } from "../../lib/notices";
import { channelKind, CHANNELS } from "../../lib/telling";
import { ChoiceField, FormProblem, TextField, useSending } from "../form/Fields";
import { FormWindow } from "../people/Confirm";
import { Once } from "../people/Once";
import people from "../people/People.module.css";

interface ChannelWindowProps {
  opened: boolean;
  /** The one that is to lead elsewhere. */
  from?: ChannelView;
  onClose: () => void;
}

export function ChannelWindow({ opened, from, onClose }: ChannelWindowProps) {
  const title = from ? `Where ${from.name} leads` : "Make a channel";
  return (
    <FormWindow title={title} opened={opened} onClose={onClose} size={480} held>
      <ChannelForm title={title} from={from} onClose={onClose} />
    </FormWindow>
  );
}

const FIELDS = ["/name", "/kind", "/target"];

function ChannelForm({ title, from, onClose }: { title: string; from: ChannelView | undefined; onClose: () => void }) {
  const [name, setName] = useState(from?.name ?? "");
  const [kind, setKind] = useState(from?.kind ?? "slack");
  const [target, setTarget] = useState("");
  const set = useNoticesChange(setChannel);
  const form = useSending(
    () => set.mutateAsync({ name: name.trim(), body: { kind, target: target.trim() } }),
    (made) => {
      if (made.secret) return;
      notify(from ? `${made.name} leads elsewhere.` : `${made.name} is made. Send it a test.`);
      onClose();
    },
  );
  const { target: label, placeholder, help } = channelKind(kind);
  if (form.result?.secret) {
    return (
      <Once text={form.result.secret} what="secret" onDone={onClose}>
        <p>What is sent to {form.result.name} is signed with this secret, by Standard Webhooks. Give it to whoever takes it.</p>
      </Once>
    );
  }
  return (
    <form className={people.dialog} onSubmit={form.send} aria-label={title} autoComplete="off">
      {!from && (
        <TextField
          label="Name"
          placeholder="team"
          required
          withAsterisk={false}
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          mistake={form.at("/name")}
        />
      )}
      <ChoiceField
        label="By"
        data={CHANNELS.map((one) => ({ value: one.value, label: one.name }))}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value)}
        mistake={form.at("/kind")}
      />
      <TextField
        label={label}
        description={`${help} It is sealed, and not shown again.`}
        placeholder={placeholder}
        required
        withAsterisk={false}
        autoComplete="off"
        spellCheck={false}
        {...(from ? { "data-autofocus": true } : {})}
        value={target}
        onChange={(event) => setTarget(event.currentTarget.value)}
        mistake={form.at("/target")}
      />
      <FormProblem error={form.error} beside={FIELDS} />
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          {from ? "Lead there" : "Make it"}
        </Button>
      </div>
    </form>
  );
}
