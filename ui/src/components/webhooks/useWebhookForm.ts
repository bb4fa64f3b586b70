/** What a form of a webhook holds, what is wrong with it, and how it is sent. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { asProblem } from "../../api/problem";
import { useSetWebhook, webhooksQuery } from "../../api/webhooks";
import type { PipelineView, WebhookView } from "../../api/types";
import { fieldsOf, isOpen } from "../../lib/schema/fields";
import { bodyOf, commandOf, placeOf, writtenOf, wrongIn, type WrittenHook } from "../../lib/webhook";

type Places = Partial<Record<string, string>>;

export function useWebhookForm(pipeline: PipelineView, from: WebhookView | null, onSet: (hook: WebhookView) => void) {
  const fields = useMemo(() => fieldsOf(pipeline.parameters), [pipeline.parameters]);
  const [written, setWritten] = useState<WrittenHook>(() => writtenOf(from, fields));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Places>({});
  const { data: others } = useQuery(webhooksQuery);
  const send = useSetWebhook();
  const wrong = wrongIn(written, fields, from ? [] : (others ?? []).map(({ name }) => name));
  const mistakes = Object.keys(wrong).length;
  const forgive = (place: string) => setRefused((known) => ({ ...known, [place]: undefined }));
  const submit = () => {
    setTried(true);
    setRefused({});
    if (mistakes > 0) return false;
    send.mutate(
      { name: written.name, body: bodyOf(written, fields, pipeline.name, from?.paused_at != null) },
      {
        onSuccess: onSet,
        onError: (error) => {
          const places: Places = {};
          const problem = asProblem(error);
          for (const { pointer = "", message = problem.message } of problem.items) {
            const place = placeOf(pointer, fields);
            if (place) places[place] ??= message;
          }
          setRefused(places);
        },
      },
    );
    return true;
  };
  const problem = send.error ? asProblem(send.error) : null;
  const placed = problem !== null && problem.items.some(({ pointer = "" }) => placeOf(pointer, fields) !== "");
  return {
    written,
    fields,
    submit,
    sending: send.isPending,
    mistakes: tried ? mistakes : 0,
    /** What is told at no field. */
    problem: placed ? null : problem,
    command: commandOf(written, fields, pipeline.name),
    takesOthers: isOpen(pipeline.parameters) && (fields.length === 0 || written.others !== ""),
    at: (place: string): string | null => refused[place] ?? (tried || touched.has(place) ? (wrong[place] ?? null) : null),
    touch: (place: string) => setTouched((known) => new Set(known).add(place)),
    set: (change: Partial<WrittenHook>) => {
      for (const name of Object.keys(change)) forgive(name === "others" ? "/parameters/" : name);
      setWritten((known) => ({ ...known, ...change }));
    },
    setValue: (name: string, value: string) => {
      forgive(`/parameters/${name}`);
      setWritten((known) => ({ ...known, values: { ...known.values, [name]: value } }));
    },
  };
}

export type WebhookFormState = ReturnType<typeof useWebhookForm>;
