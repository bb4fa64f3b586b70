/** What a form of a trigger holds, what is wrong with it, and how it is sent. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { asProblem, type Problem } from "../../api/problem";
import { triggersQuery, useSetTrigger } from "../../api/triggers";
import type { PipelineTriggerView, PipelineView } from "../../api/types";
import { fieldsOf, isOpen, type Field } from "../../lib/schema/fields";
import { bodyOf, commandOf, placeOf, writtenOf, wrongIn, type WrittenTrigger } from "../../lib/triggerForm";

type Places = Partial<Record<string, string>>;

export function useTriggerForm(pipeline: PipelineView, from: PipelineTriggerView | null, onSet: (trigger: PipelineTriggerView) => void) {
  // A secret is no value of a trigger, which is read by others.
  const fields = useMemo(() => fieldsOf(pipeline.parameters).filter(({ kind }) => kind !== "secret"), [pipeline.parameters]);
  const [written, setWritten] = useState<WrittenTrigger>(() => writtenOf(from, fields));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Places>({});
  const { data: others } = useQuery(triggersQuery);
  const send = useSetTrigger();
  const own = (others ?? []).filter((one) => one.pipeline === pipeline.name).map(({ id }) => id);
  const wrong = wrongIn(written, fields, from ? [] : own);
  const mistakes = Object.keys(wrong).length;
  const forgive = (place: string) => setRefused((known) => ({ ...known, [place]: undefined }));
  const submit = () => {
    setTried(true);
    setRefused({});
    if (mistakes > 0) return false;
    send.mutate(
      { pipeline: pipeline.name, id: written.id, body: bodyOf(written, fields, from?.trigger.enabled) },
      { onSuccess: onSet, onError: (error) => setRefused(placesOf(asProblem(error), written, fields)) },
    );
    return true;
  };
  const problem = send.error ? asProblem(send.error) : null;
  const placed = problem !== null && Object.keys(placesOf(problem, written, fields)).length > 0;
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
    set: (change: Partial<WrittenTrigger>) => {
      for (const name of Object.keys(change)) forgive(name === "others" ? "/parameters/" : name);
      setWritten((known) => ({ ...known, ...change }));
    },
    setValue: (name: string, value: string) => {
      forgive(`/parameters/${name}`);
      setWritten((known) => ({ ...known, values: { ...known.values, [name]: value } }));
    },
  };
}

export type TriggerFormState = ReturnType<typeof useTriggerForm>;

/** The server's words, by the field that they are about. */
function placesOf(problem: Problem, written: WrittenTrigger, fields: readonly Field[]): Places {
  const places: Places = {};
  for (const { pointer = "", message = problem.message } of problem.items) {
    const found = placeOf(message, pointer, written, fields);
    if (found) places[found.place] ??= found.text;
  }
  return places;
}
