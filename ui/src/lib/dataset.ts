/** Words and addresses of datasets. */
import type { DatasetView, LineageView } from "../api/types";

/** A version, or a folder or file in it, as people write it: `sea/level@3:2024`. */
export function referenceTo(name: string, version: number | string, path = ""): string {
  return `${name}@${version}${path ? `:${path}` : ""}`;
}

/** The dataset and the version that a reference leads to. */
export function partsOf(reference: string): { name: string; version: string } {
  const [whole = ""] = reference.split(":");
  const [name = "", version = ""] = whole.split("@");
  return { name, version };
}

/** The folders that lead to a path, each with its own. */
export function foldersOf(path: string): { name: string; path: string }[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((name, index) => ({ name, path: parts.slice(0, index + 1).join("/") }));
}

/** The tags that lead to a version. */
export function tagsOf(dataset: Pick<DatasetView, "tags">, version: number): string[] {
  return Object.keys(dataset.tags).filter((tag) => dataset.tags[tag] === version);
}

/** Whether a tag may be called so; the server has the same rule. */
export function isTag(text: string): boolean {
  return /^[a-z][\w.-]{0,63}$/i.test(text) && text !== "latest";
}

/** Whether a dataset may be called so; the server has the same rule. */
export function isName(text: string): boolean {
  return text.length <= 128 && text.split("/").every((part) => /^[a-z0-9][a-z0-9._-]*$/.test(part));
}

/** What came right before something, and what came right after it. */
export function around(view: LineageView, id: string) {
  const nodes = new Map(view.nodes.map((node) => [node.id, node]));
  const pick = (ids: [string, string][]) =>
    ids.flatMap(([one, by]) => {
      const node = nodes.get(one);
      return node ? [{ node, by }] : [];
    });
  return {
    before: pick(view.edges.filter(({ to }) => to === id).map(({ from, by }) => [from, by])),
    after: pick(view.edges.filter(({ from }) => from === id).map(({ to, by }) => [to, by])),
  };
}

/** References to versions of datasets in what is said of a run: "`result.d` is `made@1`". */
export function leftBy(messages: readonly string[]): { output: string; dataset: string; isNew: boolean }[] {
  const found = messages.map((text) => /`([^`]+)` is (the same as )?`([a-z0-9][a-z0-9._/-]*@\d+)`/.exec(text));
  return found.flatMap((match) => (match ? [{ output: match[1] ?? "", isNew: match[2] === undefined, dataset: match[3] ?? "" }] : []));
}
