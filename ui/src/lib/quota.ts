/** What a project may have, in words and in the fields of a form; and how much of it is used. */
import type { ProjectUsage, QuotaView as WholeQuota, RetentionView as WholeRetention } from "../api/types";
import { bytes, count, duration, plural } from "./format";
import { cores, readBytes, readCores, readCount, readTime, writeBytes, writeTime, type Read } from "./quantity";

/** What is absent is not set. */
type QuotaView = Partial<WholeQuota>;
type RetentionView = Partial<WholeRetention>;
type Usage = Omit<ProjectUsage, "quota"> & { quota: QuotaView };

/** An amount that a form asks for, and what it is called. */
export interface AmountField<K extends string> {
  key: K;
  /** As the configuration calls it. */
  name: string;
  label: string;
  help: string;
  placeholder: string;
  read: (text: string) => Read<number>;
  /** So that it is read back exactly. */
  write: (amount: number) => string;
}

export type QuotaKey = Exclude<keyof QuotaView, "targets">;
type RetentionKey = keyof RetentionView;

/** Of all its runs together. */
export const TOGETHER: readonly AmountField<QuotaKey>[] = [
  { key: "runs", name: "runs", label: "Active runs", help: "Further ones wait.", placeholder: "none", read: readCount(), write: String },
  {
    key: "queued",
    name: "queued",
    label: "Waiting runs",
    help: "Further ones are refused.",
    placeholder: "none",
    read: readCount(),
    write: String,
  },
  {
    key: "cpu",
    name: "cpu",
    label: "Cores",
    help: "Asked for together. Further ones wait.",
    placeholder: "none",
    read: readCores,
    write: cores,
  },
  {
    key: "memory",
    name: "memory",
    label: "Memory",
    help: "Asked for together. Further ones wait.",
    placeholder: "none",
    read: readBytes,
    write: writeBytes,
  },
  {
    key: "storage",
    name: "storage",
    label: "Storage",
    help: "At more, runs and uploads are refused.",
    placeholder: "none",
    read: readBytes,
    write: writeBytes,
  },
  {
    key: "weight",
    name: "weight",
    label: "Share",
    help: "2 has twice the places that 1 has.",
    placeholder: "1",
    read: readCount(1),
    write: String,
  },
];

/** Of one run. */
export const EACH: readonly AmountField<QuotaKey>[] = [
  {
    key: "max_timeout_ms",
    name: "max_timeout",
    label: "Time limit",
    help: "Runs with more, or without, are refused.",
    placeholder: "none",
    read: readTime,
    write: writeTime,
  },
  {
    key: "max_cpu",
    name: "max_cpu",
    label: "Cores of a run",
    help: "Runs with more, or without, are refused.",
    placeholder: "none",
    read: readCores,
    write: cores,
  },
  {
    key: "max_memory",
    name: "max_memory",
    label: "Memory of a run",
    help: "Runs with more, or without, are refused.",
    placeholder: "none",
    read: readBytes,
    write: writeBytes,
  },
];

/** What is kept of the ended runs of each pipeline. */
export const KEPT: readonly AmountField<RetentionKey>[] = [
  { key: "runs", name: "runs", label: "Newest runs", help: "", placeholder: "the server’s", read: readCount(), write: String },
  { key: "age_ms", name: "age", label: "Younger than", help: "", placeholder: "the server’s", read: readTime, write: writeTime },
  { key: "bytes", name: "bytes", label: "Size", help: "", placeholder: "the server’s", read: readBytes, write: writeBytes },
];

export type Written<K extends string> = Readonly<Record<K, string>>;

/** Amounts as they stand in the fields of a form. */
export function writeAmounts<K extends string>(
  fields: readonly AmountField<K>[],
  view: { readonly [key in K]?: number | null },
): Written<K> {
  const text = ({ key, write }: AmountField<K>) => {
    const amount = view[key];
    return amount == null ? "" : write(amount);
  };
  return Object.fromEntries(fields.map((field) => [field.key, text(field)])) as Record<K, string>;
}

/** What the fields of a form say; what is wrong with those that say nothing that can be read. */
export function readAmounts<K extends string>(
  fields: readonly AmountField<K>[],
  written: Written<K>,
): { amounts: { [key in K]: number | null }; mistakes: { [key in K]?: string } } {
  const amounts: [K, number | null][] = [];
  const mistakes: [K, string][] = [];
  for (const { key, read } of fields) {
    const said = read(written[key]);
    if ("wrong" in said) mistakes.push([key, said.wrong]);
    else amounts.push([key, said.amount]);
  }
  return {
    amounts: Object.fromEntries(amounts) as { [key in K]: number | null },
    mistakes: Object.fromEntries(mistakes) as { [key in K]?: string },
  };
}

/** How much of something is used. */
export interface Bar {
  key: QuotaKey;
  label: string;
  used: string;
  /** Absent: as much as there is. */
  most: string | null;
  /** 0 to 1 of the most; null where one of both is not known. */
  fraction: number | null;
  /** What happens at the most, where it is reached. */
  full: string | null;
}

export function barsOf({ quota, active, queued, storage, cpu, memory }: Usage): Bar[] {
  const bar = (key: QuotaKey, used: number | null | undefined, show: (amount: number) => string): Bar => {
    const field = TOGETHER.find((one) => one.key === key);
    const most = quota[key] ?? null;
    const fraction = most === null || used == null ? null : most === 0 ? 1 : used / most;
    return {
      key,
      label: field?.label ?? key,
      used: used == null ? "not counted on this server" : show(used),
      most: most === null ? null : show(most),
      fraction: fraction === null ? null : Math.min(1, fraction),
      full: fraction !== null && fraction >= 1 ? (field?.help.split(". ").at(-1) ?? null) : null,
    };
  };
  return [
    bar("runs", active, count),
    bar("queued", queued, count),
    ...(quota.cpu == null ? [] : [bar("cpu", cpu, cores)]),
    ...(quota.memory == null ? [] : [bar("memory", memory, bytes)]),
    bar("storage", storage, bytes),
  ];
}

/** "1 h, 4 cores, 8 GiB": what each run may have at most. */
export function eachLine({ max_timeout_ms, max_cpu, max_memory }: QuotaView): string {
  const parts = [
    max_timeout_ms == null ? null : duration(max_timeout_ms),
    max_cpu == null ? null : cores(max_cpu),
    max_memory == null ? null : bytes(max_memory),
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** "20 runs, 16 cores, 64 GiB", as a line of a list; the first three of what is set. */
export function quotaLine(quota: QuotaView): string {
  const each = eachLine(quota);
  const parts = [
    quota.runs == null ? null : `${count(quota.runs)} active`,
    quota.queued == null ? null : `${count(quota.queued)} waiting`,
    quota.cpu == null ? null : cores(quota.cpu),
    quota.memory == null ? null : `${bytes(quota.memory)} memory`,
    quota.storage == null ? null : `${bytes(quota.storage)} stored`,
    quota.weight == null || quota.weight === 1 ? null : `share ${count(quota.weight)}`,
    each === "" ? null : `each run ${each}`,
    quota.targets == null ? null : `on ${quota.targets.join(", ")}`,
  ].filter((part) => part !== null);
  const rest = parts.length - 3;
  return parts.slice(0, 3).join(", ") + (rest > 0 ? ` and ${plural(rest, "other")}` : "");
}

/** What is kept of ended runs, in words. */
export function keptLine({ runs, age_ms, bytes: size }: RetentionView): string {
  const parts = [
    runs == null ? null : `the newest ${count(runs)}`,
    age_ms == null ? null : `those younger than ${duration(age_ms)}`,
    size == null ? null : `up to ${bytes(size)}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "as the server says" : `${parts.join(", ")} of each pipeline that says nothing`;
}
