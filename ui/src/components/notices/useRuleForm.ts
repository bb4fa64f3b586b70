/** What a form of a rule holds, what is wrong with it, and how it is sent. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { rulesQuery, setRule, useNoticesChange } from "../../api/notices";
import { asProblem } from "../../api/problem";
import type { RuleView } from "../../api/types";
import { ruleBody, ruleCommand, rulePlace, writtenRule, wrongRule, type WrittenRule } from "../../lib/telling";
import { ownZone } from "../../lib/zones";

type Places = Partial<Record<keyof WrittenRule, string | undefined>>;

export function useRuleForm(from: RuleView | null, channels: readonly string[], onSet: (rule: RuleView) => void) {
  // Where there is but one channel, it is that.
  const [written, setWritten] = useState<WrittenRule>(() => writtenRule(from, ownZone(), channels.length === 1 ? channels : []));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Places>({});
  const { data: others } = useQuery(rulesQuery);
  const send = useNoticesChange(setRule);
  const wrong = wrongRule(written, from ? [] : (others ?? []).map(({ name }) => name));
  const mistakes = Object.keys(wrong).length;
  const submit = () => {
    setTried(true);
    setRefused({});
    if (mistakes > 0) return false;
    send.mutate(
      { name: written.name, body: ruleBody(written, from?.paused ?? false) },
      {
        onSuccess: onSet,
        onError: (error) => {
          const problem = asProblem(error);
          const places: Places = {};
          for (const { pointer = "", message = problem.message } of problem.items) {
            const place = rulePlace(pointer);
            if (place) places[place] ??= message;
          }
          setRefused(places);
        },
      },
    );
    return true;
  };
  const problem = send.error ? asProblem(send.error) : null;
  return {
    written,
    submit,
    sending: send.isPending,
    mistakes: tried ? mistakes : 0,
    /** What is told at no field. */
    problem: problem?.items.some(({ pointer = "" }) => rulePlace(pointer) !== undefined) ? null : problem,
    command: ruleCommand(written),
    at: (field: keyof WrittenRule): string | null => refused[field] ?? (tried || touched.has(field) ? (wrong[field] ?? null) : null),
    touch: (field: string) => setTouched((known) => new Set(known).add(field)),
    set: (change: Partial<WrittenRule>) => {
      setRefused((known) => ({ ...known, ...Object.fromEntries(Object.keys(change).map((name) => [name, undefined])) }));
      setWritten((known) => ({ ...known, ...change }));
    },
  };
}

export type RuleFormState = ReturnType<typeof useRuleForm>;
