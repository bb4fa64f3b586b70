/** What starts what: schedules, webhooks, files that come and pipelines that others follow, and where they stand in a drawing. */
import type { StartsView } from "../api/types";
import { cronWords } from "./cron";
import { layoutSteps, NODE, pathOf, type Edge } from "./flow/layout";

export type StarterKind = "schedule" | "webhook" | "key" | "files" | "pipeline";

export interface Starter {
  id: string;
  kind: StarterKind;
  name: string;
  /** Of a schedule or files: the pipeline. */
  of?: string | undefined;
  /** When it starts something, or what it is. */
  words: string;
  /** It starts nothing for now, with the word for it. */
  still?: string | undefined;
}

export interface Start {
  from: string;
  to: string;
  /** On what; "": whenever it can. */
  words: string;
  /** After a failure. */
  bad: boolean;
}

export interface Starts {
  nodes: readonly Starter[];
  edges: readonly Start[];
}

export const pipelineId = (name: string) => `pipeline ${name}`;

type Told = StartsView["starts"][number];

/** The name of what starts a run by a key in its address, which is said in a spec. */
const BY_KEY = "webhook_key";

/** "0 3 * * *, UTC" in words, where there are some. */
function timesOf(when: string): string {
  const [cron = "", ...zone] = when.split(", ");
  const words = cronWords(cron);
  return words === null ? when : [words, ...zone].join(", ");
}

function starterOf({ kind, by, pipeline, when = "", off }: Told): Starter | null {
  const still = off ? { still: "off" } : {};
  if (kind === "schedule" || (kind === "restart" && by !== pipeline))
    return { id: `schedule ${pipeline}/${by}`, kind: "schedule", name: by, of: pipeline, words: timesOf(when ?? ""), ...still };
  if (kind === "webhook" && by === BY_KEY)
    return { id: `key ${pipeline}`, kind: "key", name: "key in the address", of: pipeline, words: "", ...still };
  if (kind === "files") return { id: `files ${pipeline}/${by}`, kind: "files", name: by, of: pipeline, words: when ?? "", ...still };
  if (kind === "webhook") return { id: `webhook ${by}`, kind: "webhook", name: by, words: when ?? "", ...still };
  return null;
}

/** What stands on a line that leads from one pipeline to another. */
function wordsOf({ kind, when = "" }: Told): string {
  if (kind === "step") return `step ${when ?? ""}`;
  if (kind === "after") return (when ?? "").replace(/^all: (\w+)$/, "$1 of all").replace(/^success$/, "");
  return when === "success" ? "" : (when ?? "");
}

/** What the server tells, as nodes and lines. */
export function startsOf({ pipelines, starts }: StartsView): Starts {
  const nodes = new Map<string, Starter>(
    pipelines.map((name) => [pipelineId(name), { id: pipelineId(name), kind: "pipeline", name, words: "" }]),
  );
  const edges = starts.map((start): Start => {
    const { by, pipeline, missing } = start;
    const to = pipelineId(pipeline);
    if (missing) nodes.set(to, { id: to, kind: "pipeline", name: pipeline, words: "", still: "there is none" });
    const starter = starterOf(start);
    if (starter) {
      nodes.set(starter.id, starter);
      return { from: starter.id, to, words: "", bad: false };
    }
    const words = wordsOf(start);
    return { from: pipelineId(by), to, words, bad: ["failure", "crash", "failure of all"].includes(words) };
  });
  return { nodes: [...nodes.values()], edges };
}

/** All that leads to one of them, and all that follows. */
export function around({ nodes, edges }: Starts, id: string): Starts {
  const reach = (next: (edge: Start) => [string, string]) => {
    const found = new Set([id]);
    for (let grew = true; grew;) {
      grew = false;
      for (const edge of edges) {
        const [here, there] = next(edge);
        if (!found.has(here) || found.has(there)) continue;
        found.add(there);
        grew = true;
      }
    }
    return found;
  };
  const after = reach(({ from, to }) => [from, to]);
  const before = reach(({ from, to }) => [to, from]);
  const kept = (one: string) => after.has(one) || before.has(one);
  return {
    nodes: nodes.filter((node) => kept(node.id)),
    edges: edges.filter(({ from, to }) => (after.has(from) && after.has(to)) || (before.has(from) && before.has(to))),
  };
}

/** Those that start something or are started; the others are left out. */
export function connected({ nodes, edges }: Starts): Starts {
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  return { nodes: nodes.filter(({ id }) => used.has(id)), edges };
}

export interface Line {
  start: Start;
  path: string;
  /** Where its words stand. */
  at: readonly [number, number];
  end: readonly [number, number];
}

export interface Drawn {
  places: { node: Starter; x: number; y: number }[];
  lines: Line[];
  width: number;
  height: number;
}

/** How far a line that leads back goes aside, and how far below the rest; of several each is lower. */
const ASIDE = 16;
const BELOW = 18;
const APART = 12;

export function drawStarts({ nodes, edges }: Starts): Drawn {
  // A layout knows its nodes by words without spaces.
  const numbers = new Map(nodes.map(({ id }, index) => [id, String(index)]));
  const number = (id: string) => numbers.get(id) ?? "";
  const layout = layoutSteps(
    nodes.map(({ id }) => {
      const own = edges.filter(({ to }) => to === id);
      return {
        name: number(id),
        needs: [...new Set(own.map(({ from }) => number(from)))],
        labelled: own.some(({ words }) => words !== ""),
      };
    }),
  );
  const drawn = new Map(layout.edges.map((edge) => [`${edge.from} ${edge.to}`, edge]));
  const placed = new Map(layout.places.map((place) => [place.name, place]));
  const places = nodes.flatMap((node) => {
    const place = placed.get(number(node.id));
    return place ? [{ node, x: place.x, y: place.y }] : [];
  });
  const at = (id: string) => placed.get(number(id)) ?? { x: 0, y: 0 };
  let height = layout.height;
  const lines = joinEdges(edges).map((start) => {
    const edge = drawn.get(`${number(start.from)} ${number(start.to)}`);
    if (edge) return forth(start, edge);
    height += height === layout.height ? BELOW : APART;
    return back(start, at(start.from), at(start.to), height);
  });
  return { places, lines, width: layout.width, height: height + 8 };
}

/** Of two with the same ends there is one line, which says both. */
function joinEdges(edges: readonly Start[]): Start[] {
  const joined = new Map<string, Start>();
  for (const edge of edges) {
    const key = `${edge.from}\n${edge.to}`;
    const known = joined.get(key);
    if (!known) joined.set(key, edge);
    else joined.set(key, { ...known, words: [known.words || "success", edge.words || "success"].join(", "), bad: known.bad && edge.bad });
  }
  return [...joined.values()];
}

function forth(start: Start, edge: Edge): Line {
  const [x, y] = edge.points.at(-1) ?? [0, 0];
  const [[x0, y0], [x1, y1]] = [edge.points[0] ?? [0, 0], edge.points[1] ?? [0, 0]];
  return { start, path: pathOf(edge, 8), at: [(x0 + x1) / 2, (y0 + y1) / 2], end: [x, y] };
}

/** What leads back goes below all the rest: between columns, where nothing stands. */
function back(start: Start, from: { x: number; y: number }, to: { x: number; y: number }, low: number): Line {
  const [x0, y0] = [from.x + NODE.width, from.y + NODE.height / 2 + 8];
  const [x1, y1] = [to.x, to.y + NODE.height / 2 + 8];
  const path = `M${x0} ${y0}h${ASIDE - 8}q8 0 8 8V${low - 8}q0 8 -8 8H${x1 - ASIDE + 8}q-8 0 -8 -8V${y1 + 8}q0 -8 8 -8H${x1}`;
  return { start, path, at: [(x0 + x1) / 2, low], end: [x1, y1] };
}
