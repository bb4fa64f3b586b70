/** What a start form holds, what is wrong with it, and how it is sent. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";

import { api, idempotencyKey, ok } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { keys } from "../../api/keys";
import type { InputRef, PipelineView, RunView, ScheduleView } from "../../api/types";
import { rerunCommand, runCommand } from "../../lib/command";
import { readJson, writeJson } from "../../lib/json";
import { saidBy } from "../../lib/schedule";
import { fieldsOf, isObject, isOpen, type Field, type Schema } from "../../lib/schema/fields";
import { isOfFormat } from "../../lib/schema/formats";
import { changedValues, collect, initialRaws, mistakeOf, type Raw } from "../../lib/schema/values";
import { chosenDataset, type Chosen } from "./chosen";

export type CodeChoice = "same" | "current";

export interface MoreState {
  labels: string[];
  priority: string;
  /** Of a flow: former results of its steps do not count. */
  noCache: boolean;
}

function defaultsOf(fields: Field[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.filter((field) => field.schema.default !== undefined).map((field) => [field.name, field.schema.default]),
  );
}

function extrasOf(values: Record<string, unknown>, fields: Field[]): string {
  const extra = Object.entries(values).filter(([name]) => !fields.some((field) => field.name === name));
  return extra.length > 0 ? writeJson(Object.fromEntries(extra), 2) : "";
}

/** What a link to the form says: a set of values, and a version of a dataset for an input. */
export interface Given {
  preset?: string | undefined;
  dataset?: string | undefined;
  input?: string | undefined;
}

/** A link's dataset, for the input that it names or the first. */
function filesOf(pipeline: PipelineView, { dataset, input }: Given): Record<string, Chosen[]> {
  const name = input !== undefined && input in pipeline.inputs ? input : Object.keys(pipeline.inputs)[0];
  return dataset && name !== undefined ? { [name]: [chosenDataset(dataset)] } : {};
}

export function useStartForm(pipeline: PipelineView, from: RunView | null, link: Given) {
  const { preset } = link;
  const root = useMemo<Schema>(() => (isObject(pipeline.parameters) ? pipeline.parameters : {}), [pipeline.parameters]);
  const fields = useMemo(() => fieldsOf(pipeline.parameters), [pipeline.parameters]);
  const given = useMemo(
    () => from?.parameters ?? (preset ? pipeline.presets[preset]?.parameters : undefined) ?? {},
    [from, preset, pipeline.presets],
  );
  // What the fields were filled from: it is sent as it is until somebody changes it.
  const [source, setSource] = useState<Record<string, unknown>>(() => ({ ...defaultsOf(fields), ...given }));
  const [raws, setRaws] = useState(() => initialRaws(fields, given));
  const [extra, setExtra] = useState(() => extrasOf(given, fields));
  const [files, setFiles] = useState<Record<string, Chosen[]>>(() => filesOf(pipeline, link));
  const [more, setMore] = useState<MoreState>({
    labels: Object.entries(from?.labels ?? {}).map(([key, value]) => `${key}=${value}`),
    priority: "",
    noCache: false,
  });
  const [code, setCode] = useState<CodeChoice>("same");
  /** Entry of the spec's `schedules` whose words count. */
  const [as, setAs] = useState<string | null>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Record<string, string>>({});
  const touch = (name: string) => setTouched((known) => new Set(known).add(name));
  const kept = (name: string) => from?.inputs.filter((input) => input.input === name).map((input) => input.name) ?? [];

  const wrong = useMemo(() => {
    const found: Record<string, string> = {};
    for (const field of fields) {
      const mistake = mistakeOf(field, raws[field.name] ?? "", root, source[field.name]);
      if (mistake) found[`/parameters/${field.name}`] = mistake;
    }
    if (extra.trim() && parseObject(extra) === null) found["/parameters"] = "is not a JSON object";
    return found;
  }, [fields, raws, root, extra, source]);
  const missing: Record<string, string> = {};
  for (const [name, input] of Object.entries(pipeline.inputs)) {
    const chosen = files[name] ?? [];
    // A dataset's files have their own names: the server looks at them.
    const other = chosen.find((file) => file.dataset === null && !isOfFormat(file.name, input.formats ?? []));
    if (other) missing[`/inputs/${name}`] = `takes files of ${(input.formats ?? []).join(", ")}, not ${other.name}`;
    else if (chosen.some((file) => file.mistake !== null)) missing[`/inputs/${name}`] = "has a file that did not arrive";
    else if (chosen.some((file) => file.upload === null && file.dataset === null)) missing[`/inputs/${name}`] = "is still on its way";
    else if (input.required && chosen.length === 0 && kept(name).length === 0) missing[`/inputs/${name}`] = "is required";
  }
  const badLabel = more.labels.find((label) => !/^[^=]+=/.test(label));
  if (badLabel) missing["/labels"] = `must be written as name=value: ${badLabel}`;
  const mistakes = { ...wrong, ...missing };

  /** What to show at a place: what the server said, else what is wrong here once somebody was there. */
  const mistakeAt = (pointer: string, name: string): string | null =>
    refused[pointer] ?? (tried || touched.has(name) ? (mistakes[pointer] ?? null) : null);
  const forgive = (pointer: string) =>
    setRefused((known) => (pointer in known ? Object.fromEntries(Object.entries(known).filter(([key]) => key !== pointer)) : known));

  const parameters = { ...(parseObject(extra) ?? {}), ...collect(fields, raws, source) };
  const inputs: Record<string, InputRef[]> = {};
  for (const [name, chosen] of Object.entries(files)) {
    const refs = chosen.flatMap((file): InputRef[] =>
      file.dataset ? [{ dataset: file.dataset }] : file.upload ? [{ upload: file.upload.id }] : [],
    );
    if (refs.length > 0) inputs[name] = refs;
  }
  const labels = Object.fromEntries(more.labels.map((label) => [label.slice(0, label.indexOf("=")), label.slice(label.indexOf("=") + 1)]));
  const { noCache } = more;
  const priority = more.priority === "" ? undefined : Number(more.priority);
  const defaults = collect(fields, initialRaws(fields), defaultsOf(fields));
  const told = Object.fromEntries(Object.entries(parameters).filter(([name, value]) => writeJson(defaults[name]) !== writeJson(value)));
  const hideSecrets = (values: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        fields.some((field) => field.name === name && field.kind === "secret") ? "…" : value,
      ]),
    );
  const changed = from ? changedValues(from.parameters, parameters) : {};
  const unset = Object.keys(changed).filter((name) => !(name in parameters));
  const fileNames = Object.fromEntries(
    Object.entries(files).map(([name, chosen]) => [name, chosen.map((file) => (file.dataset ? `dataset:${file.dataset}` : file.name))]),
  );
  const command = from
    ? rerunCommand({
        run: from.short,
        parameters: hideSecrets(withoutKeys(changed, unset)),
        unset,
        inputs: fileNames,
        labels: Object.fromEntries(Object.entries(labels).filter(([name, value]) => from.labels[name] !== value)),
        code,
        noCache,
      })
    : runCommand({ pipeline: pipeline.name, parameters: hideSecrets(told), inputs: fileNames, labels, priority, schedule: as, noCache });

  const send = useSend(pipeline, from, (problem) => setRefused(placesOf(problem, fields, pipeline)));
  const submit = () => {
    setTried(true);
    setRefused({});
    if (Object.keys(mistakes).length > 0) return false;
    send.mutate({ parameters, inputs, labels, priority, noCache, code, as });
    return true;
  };

  /** Fills in what a named set of values says. */
  const fill = (values: Record<string, unknown>) => {
    setRefused({});
    setSource((known) => ({ ...known, ...values }));
    const said = fields.filter((field) => field.name in values);
    setRaws((known) => ({ ...known, ...initialRaws(said, values) }));
  };

  return {
    fields,
    raws,
    extra,
    files,
    more,
    code,
    command,
    kept,
    mistakeAt,
    submit,
    touch,
    // What the spec does not name can be given only where it allows for more.
    takesExtra: isOpen(pipeline.parameters) && (fields.length === 0 || extra !== ""),
    mistakeCount: tried ? Object.keys(mistakes).length : 0,
    problem: send.error ? asProblem(send.error) : null,
    sending: send.isPending,
    setRaw: (name: string, raw: Raw) => {
      forgive(`/parameters/${name}`);
      touch(name);
      setRaws((known) => ({ ...known, [name]: raw }));
    },
    setExtra: (text: string) => {
      touch("");
      setExtra(text);
    },
    setFiles: (name: string, change: (known: Chosen[]) => Chosen[]) => {
      forgive(`/inputs/${name}`);
      setFiles((known) => ({ ...known, [name]: change(known[name] ?? []) }));
    },
    setMore,
    setCode,
    usePreset: (name: string) => fill(pipeline.presets[name]?.parameters ?? {}),
    as,
    /** Runs as an entry of the spec's `schedules` says, or no more. */
    useEntry: (entry: ScheduleView) => {
      setAs(as === entry.id ? null : entry.id);
      if (as !== entry.id) fill(saidBy(entry).parameters ?? {});
    },
  };
}

export type StartFormState = ReturnType<typeof useStartForm>;

interface Sent {
  parameters: Record<string, unknown>;
  inputs: Record<string, InputRef[]>;
  labels: Record<string, string>;
  priority: number | undefined;
  noCache: boolean;
  code: CodeChoice;
  as: string | null;
}

function useSend(pipeline: PipelineView, from: RunView | null, onRefused: (problem: Problem) => void) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  // The same key for the same content: sending again after a lost answer starts one run, not two.
  const last = useRef({ content: "", key: "" });
  return useMutation({
    mutationFn: (sent: Sent) => {
      const content = writeJson(sent);
      if (last.current.content !== content) last.current = { content, key: idempotencyKey() };
      const headers = { "Idempotency-Key": last.current.key };
      const { parameters, inputs, labels, priority, noCache, code, as } = sent;
      const uncached = noCache ? { no_cache: true } : {};
      if (from) {
        const body = { parameters: changedValues(from.parameters, parameters), inputs, labels, code, ...uncached };
        return ok(api.POST("/api/v1/runs/{id}/rerun", { params: { path: { id: from.id } }, body, headers }));
      }
      const body = {
        parameters,
        inputs,
        labels,
        ...(priority === undefined ? {} : { priority }),
        ...(as === null ? {} : { schedule: as }),
        ...uncached,
      };
      return ok(api.POST("/api/v1/pipelines/{name}/runs", { params: { path: { name: pipeline.name } }, body, headers }));
    },
    onSuccess: (run) => {
      cache.setQueryData<RunView>(keys.run(run.id), run);
      void navigate({ to: "/runs/$id", params: { id: run.id } });
    },
    onError: (error) => {
      const problem = asProblem(error);
      // The server has answered: what is sent next is another request.
      if (problem.status > 0) last.current = { content: "", key: "" };
      onRefused(problem);
    },
  });
}

/** Places of the form that the server's mistakes belong to: `/parameters/years/0` is the field `years`. */
function placesOf(problem: Problem, fields: Field[], pipeline: PipelineView): Record<string, string> {
  const places: Record<string, string> = {};
  for (const item of problem.items) {
    const [, group = "", name = ""] = (item.pointer ?? "").split("/").map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
    const known = group === "parameters" ? fields.some((field) => field.name === name) : group === "inputs" && name in pipeline.inputs;
    const place = known ? `/${group}/${name}` : group === "parameters" ? "/parameters" : "";
    if (place) places[place] ??= stripName(item.message ?? problem.message, name);
  }
  return places;
}

/** The form puts the name in front itself. */
function stripName(message: string, name: string): string {
  return message.startsWith(`\`${name}\` `) ? message.slice(name.length + 3) : message;
}

function parseObject(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return {};
  try {
    const value = readJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function withoutKeys(values: Record<string, unknown>, keys: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));
}
