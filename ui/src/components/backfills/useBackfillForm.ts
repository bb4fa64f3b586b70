/** What a form of a backfill holds, what it would do, what is wrong with it, and how it is sent. */
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { previewQuery, useMakeBackfill } from "../../api/backfills";
import { asProblem } from "../../api/problem";
import type { MakeBackfill, PipelineView, ScheduleView } from "../../api/types";
import { backfillBody, backfillCommand, lastDays, onTop, wrongBackfill, type WrittenBackfill } from "../../lib/backfill";
import { plural } from "../../lib/format";
import { readJson, writeJson } from "../../lib/json";
import { notify } from "../../lib/notices";
import { useNow } from "../../lib/now";
import { saidBy, zoneOf } from "../../lib/schedule";
import { useParameters } from "../form/useParameters";

type Refused = Partial<Record<string, string>>;

/** What is typed is looked at once it rests so long. */
const REST_MS = 250;

export function useBackfillForm(pipeline: PipelineView, schedule: ScheduleView) {
  const zone = zoneOf(schedule) ?? "UTC";
  const now = useNow(false);
  const given = saidBy(schedule).parameters ?? {};
  const parameters = useParameters(pipeline.parameters, saidBy(schedule).parameters);
  const [written, setWritten] = useState<WrittenBackfill>(() => ({
    ...lastDays(7, now, zone),
    order: "oldest",
    parallel: "1",
    onlyMissing: true,
  }));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Refused>({});
  const wrong = wrongBackfill(written);
  const mistakes = Object.keys(wrong).length + Object.keys(parameters.wrong).length;
  const text = mistakes > 0 ? "" : writeJson(backfillBody(pipeline.name, schedule.id, written, zone, onTop(parameters.told, given)));
  const [settled] = useDebouncedValue(text, REST_MS);
  const body = useMemo(() => (settled === "" ? null : (readJson(settled) as MakeBackfill)), [settled]);
  const look = useQuery(previewQuery(body));
  const navigate = useNavigate();
  const send = useMakeBackfill();
  const submit = () => {
    setTried(true);
    setRefused({});
    if (mistakes > 0) return false;
    send.mutate(readJson(text) as MakeBackfill, {
      onSuccess: ({ id, times }) => {
        notify(`${plural(times, "run")} to start, one for each due time.`);
        void navigate({ to: "/backfills/$id", params: { id } });
      },
      onError: (error) => setRefused(placesOf(asProblem(error).items, asProblem(error).message)),
    });
    return true;
  };
  const problem = send.error ? asProblem(send.error) : null;
  const wrongLook = look.error ? asProblem(look.error) : null;
  const forgive = (place: string) => setRefused((known) => ({ ...known, [place]: undefined }));
  return {
    written,
    parameters,
    zone,
    submit,
    sending: send.isPending,
    mistakes: tried ? mistakes : 0,
    problem: problem && Object.keys(placesOf(problem.items, problem.message)).length === 0 ? problem : null,
    command: text === "" ? null : backfillCommand(readJson(text) as MakeBackfill),
    look: body === null || wrongLook ? undefined : look.data,
    looksOld: look.isPlaceholderData || settled !== text,
    lookWrong: wrongLook?.message,
    runs: body === null || wrongLook ? 0 : (look.data?.count ?? 0),
    at: (field: "from" | "to" | "parallel"): string | null =>
      refused[field] ?? (tried || written[field] !== "" ? (wrong[field] ?? null) : null),
    atParameter: (name: string): string | null =>
      refused[`/parameters/${name}`] ?? (tried || touched.has(`/parameters/${name}`) ? (parameters.wrong[name] ?? null) : null),
    touch: (name: string) => setTouched((known) => new Set(known).add(name)),
    forgiveParameter: (name: string) => {
      forgive(`/parameters/${name}`);
      setTouched((known) => new Set(known).add(`/parameters/${name}`));
    },
    set: (change: Partial<WrittenBackfill>) => {
      for (const name of Object.keys(change)) forgive(name);
      setWritten((known) => ({ ...known, ...change }));
    },
    setLast: (days: number) => setWritten((known) => ({ ...known, ...lastDays(days, now, zone) })),
  };
}

export type BackfillFormState = ReturnType<typeof useBackfillForm>;

/** Fields that the server means: `from`, `to`, `parallel`, and parameters as `/parameters/NAME`. */
function placesOf(items: readonly { pointer?: string | undefined; message?: string | undefined }[], whole: string): Refused {
  const places: Refused = {};
  for (const { pointer = "", message = whole } of items) {
    const [, group = "", name = ""] = pointer.split("/");
    if (group === "parameters") places[pointer] ??= message.replace(`\`${name}\` `, "");
    else if (["from", "to", "parallel"].includes(group)) places[group] ??= message;
  }
  return places;
}
