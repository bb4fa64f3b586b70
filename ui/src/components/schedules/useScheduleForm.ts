/** What a form of a schedule holds, what is wrong with it, and how it is sent. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { asProblem, type Problem } from "../../api/problem";
import { schedulesOfQuery, useSetSchedule } from "../../api/schedules";
import type { PipelineView, ScheduleView } from "../../api/types";
import { notify } from "../../lib/notices";
import { useNow } from "../../lib/now";
import { saidBy } from "../../lib/schedule";
import { bodyOf, placeOf, writtenOf, wrongIn, type Wrong, type Written } from "../../lib/scheduleForm";
import { useParameters, type ParametersState } from "../form/useParameters";

/** The server's words by place: fields of the schedule, and parameters as `/parameters/NAME`. */
type Refused = Partial<Record<string, string>>;

export function useScheduleForm(pipeline: PipelineView, from: ScheduleView | null) {
  const [written, setWritten] = useState<Written>(() => writtenOf(from, pipeline.name));
  const parameters = useParameters(pipeline.parameters, from ? saidBy(from).parameters : undefined);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Refused>({});
  const { data: others } = useQuery(schedulesOfQuery(pipeline.name));
  const navigate = useNavigate();
  const send = useSetSchedule();
  const now = useNow(false);
  const wrong = wrongIn(written, from ? [] : (others ?? []).map(({ id }) => id), now);
  const mistakes = Object.keys(wrong).length + Object.keys(parameters.wrong).length;
  const forgive = (place: string) => setRefused((known) => ({ ...known, [place]: undefined }));
  const touch = (name: string) => setTouched((known) => new Set(known).add(name));
  const submit = () => {
    setTried(true);
    setRefused({});
    if (mistakes > 0) return false;
    const { id } = written;
    send.mutate(
      { pipeline: pipeline.name, id, body: bodyOf(written, parameters.told, from ? saidBy(from) : {}) },
      {
        onSuccess: () => {
          notify(from ? `${pipeline.name}/${id} is changed.` : `${pipeline.name}/${id} is made.`);
          void navigate({ to: "/schedules/$pipeline/$id", params: { pipeline: pipeline.name, id } });
        },
        onError: (error) => setRefused(placesOf(asProblem(error), parameters)),
      },
    );
    return true;
  };
  const problem = send.error ? asProblem(send.error) : null;
  return {
    written,
    parameters,
    submit,
    touch,
    sending: send.isPending,
    mistakes: tried ? mistakes : 0,
    /** What is told at no field. */
    problem: problem && Object.values(refused).every((text) => text === undefined) && !isPlaced(problem, parameters) ? problem : null,
    at: (field: keyof Wrong): string | null => refused[field] ?? (tried || touched.has(field) ? (wrong[field] ?? null) : null),
    atParameter: (name: string): string | null =>
      refused[`/parameters/${name}`] ?? (tried || touched.has(`/parameters/${name}`) ? (parameters.wrong[name] ?? null) : null),
    set: (change: Partial<Written>) => {
      for (const name of Object.keys(change)) forgive(name);
      setWritten((known) => ({ ...known, ...change }));
    },
    forgiveParameter: (name: string) => {
      forgive(`/parameters/${name}`);
      touch(`/parameters/${name}`);
    },
  };
}

export type ScheduleFormState = ReturnType<typeof useScheduleForm>;

function isPlaced(problem: Problem, parameters: ParametersState): boolean {
  return Object.keys(placesOf(problem, parameters)).length > 0;
}

function placesOf(problem: Problem, { fields }: ParametersState): Refused {
  const places: Refused = {};
  for (const { pointer = "", message = problem.message } of problem.items) {
    const [, group, name = ""] = pointer.split("/");
    if (group === "parameters") {
      const known = fields.some((field) => field.name === name);
      const words = message.startsWith(`\`${name}\` `) && known ? message.slice(name.length + 3) : message;
      places[`/parameters/${known ? name : ""}`] ??= words;
      continue;
    }
    const place = placeOf(message, pointer);
    if (place) places[place.field] ??= place.text;
  }
  return places;
}
