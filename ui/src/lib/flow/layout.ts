/** Where the steps of a flow stand in its drawing: from left to right by what they need, with few crossings. */

export interface Drawn {
  name: string;
  needs: readonly string[];
  /** Something stands before it, at the end of its edges. */
  labelled?: boolean;
}

export interface Place {
  name: string;
  /** How many steps come one after the other before it. */
  depth: number;
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  /** Points that it goes through, from the right side of one to the left side of the other. */
  points: readonly (readonly [number, number])[];
}

export interface Layout {
  places: Place[];
  edges: Edge[];
  width: number;
  height: number;
}

export const NODE = { width: 180, height: 52 };
const GAP = { x: 44, labelled: 120, y: 16, edge: 12 };
/** Rounds in which each layer is put in order by its neighbours. */
const ROUNDS = 4;

/** A step, or the place where an edge passes a layer between its ends. */
interface Spot {
  name: string | null;
  y: number;
  before: Spot[];
  after: Spot[];
}

/** How many steps come before each at least; what needs itself, or what is not there, counts as no need. */
export function depthsOf(steps: readonly Drawn[]): Map<string, number> {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const depths = new Map<string, number>();
  const open = new Set<string>();
  const depthOf = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    open.add(name);
    const needs = (byName.get(name)?.needs ?? []).filter((need) => byName.has(need) && !open.has(need));
    const depth = Math.max(0, ...needs.map((need) => depthOf(need) + 1));
    open.delete(name);
    depths.set(name, depth);
    return depth;
  };
  for (const { name } of steps) depthOf(name);
  return depths;
}

export function layoutSteps(steps: readonly Drawn[]): Layout {
  const depths = depthsOf(steps);
  const layers: Spot[][] = [];
  const spots = new Map<string, Spot>();
  for (const { name } of steps) {
    const spot: Spot = { name, y: 0, before: [], after: [] };
    spots.set(name, spot);
    (layers[depths.get(name) ?? 0] ??= []).push(spot);
  }
  const paths = new Map<string, Spot[]>();
  for (const step of steps) {
    for (const need of step.needs) {
      const from = depths.get(need);
      const to = depths.get(step.name) ?? 0;
      if (from === undefined || from >= to) continue;
      paths.set(`${need} ${step.name}`, lead(layers, [spots.get(need), spots.get(step.name)], from, to));
    }
  }
  order(layers);
  const height = settle(layers);
  const xs = columns(steps, depths, layers.length);
  const places = steps.map(({ name }) => {
    const depth = depths.get(name) ?? 0;
    return { name, depth, x: xs[depth] ?? 0, y: (spots.get(name)?.y ?? 0) - NODE.height / 2 };
  });
  const edges = [...paths].map(([key, path]) => edgeOf(key, path, xs, depths));
  return { places, edges, width: (xs.at(-1) ?? 0) + NODE.width, height };
}

/** The way of an edge, with a spot in each layer that it passes. */
function lead(layers: Spot[][], [first, last]: [Spot | undefined, Spot | undefined], from: number, to: number): Spot[] {
  if (!first || !last) return [];
  const path = [first];
  for (let depth = from + 1; depth < to; depth += 1) {
    const spot: Spot = { name: null, y: 0, before: [], after: [] };
    layers[depth]?.push(spot);
    path.push(spot);
  }
  path.push(last);
  for (const [index, spot] of path.entries()) {
    const next = path[index + 1];
    if (!next) continue;
    spot.after.push(next);
    next.before.push(spot);
  }
  return path;
}

/** Each layer by the mean place of its neighbours in the one before, then in the one after; what ties stays as it is written. */
function order(layers: Spot[][]): void {
  const at = new Map<Spot, number>();
  const number = (layer: Spot[]) => layer.forEach((spot, index) => at.set(spot, index / Math.max(1, layer.length - 1) - 0.5));
  layers.forEach(number);
  for (let round = 0; round < ROUNDS; round += 1) {
    const forward = round % 2 === 0;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const wish = new Map(layer.map((spot) => [spot, mean(forward ? spot.before : spot.after, at) ?? at.get(spot) ?? 0]));
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      number(layer);
    }
  }
}

function mean(spots: readonly Spot[], at: Map<Spot, number>): number | null {
  if (spots.length === 0) return null;
  return spots.reduce((sum, spot) => sum + (at.get(spot) ?? 0), 0) / spots.length;
}

const tall = (spot: Spot) => (spot.name === null ? GAP.edge : NODE.height);

/** Sets the middle of each spot: as near to its neighbours as those of its layer allow. Says how high all of it is. */
function settle(layers: Spot[][]): number {
  for (const layer of layers)
    place(
      layer,
      layer.map(() => 0),
    );
  for (let round = 0; round < ROUNDS * 2; round += 1) {
    const forward = round % 2 === 0;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const ys = new Map(layer.flatMap((spot) => [...spot.before, ...spot.after]).map((spot) => [spot, spot.y]));
      place(
        layer,
        layer.map((spot) => mean(forward ? spot.before : spot.after, ys) ?? mean([...spot.before, ...spot.after], ys) ?? spot.y),
      );
    }
  }
  const all = layers.flat();
  if (all.length === 0) return 0;
  const top = Math.min(...all.map((spot) => spot.y - tall(spot) / 2));
  for (const spot of all) spot.y -= top;
  return Math.max(...all.map((spot) => spot.y + tall(spot) / 2));
}

/** The places nearest to what each wishes, in this order and apart: neighbours that would overlap move as one. */
function place(layer: Spot[], wishes: readonly number[]): void {
  const offsets: number[] = [];
  let offset = 0;
  for (const [index, spot] of layer.entries()) {
    const before = layer[index - 1];
    if (before) offset += (tall(before) + tall(spot)) / 2 + GAP.y;
    offsets.push(offset);
  }
  const blocks: { sum: number; count: number }[] = [];
  for (const [index, wish] of wishes.entries()) {
    let block = { sum: wish - (offsets[index] ?? 0), count: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.count > block.sum / block.count; last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  }
  let index = 0;
  for (const { sum, count } of blocks) {
    for (const end = index + count; index < end; index += 1) {
      const spot = layer[index];
      if (spot) spot.y = sum / count + (offsets[index] ?? 0);
    }
  }
}

/** The left side of each layer; one whose edges say something stands further off. */
function columns(steps: readonly Drawn[], depths: Map<string, number>, layers: number): number[] {
  const wide = new Set(steps.filter((step) => step.labelled).map((step) => depths.get(step.name)));
  const xs: number[] = [];
  for (let depth = 0, x = 0; depth < layers; depth += 1) {
    if (depth > 0) x += NODE.width + (wide.has(depth) ? GAP.labelled : GAP.x);
    xs.push(x);
  }
  return xs;
}

function edgeOf(key: string, path: readonly Spot[], xs: readonly number[], depths: Map<string, number>): Edge {
  const [from = "", to = ""] = key.split(" ");
  const begin = depths.get(from) ?? 0;
  const points: [number, number][] = [];
  for (const [index, spot] of path.entries()) {
    const x = xs[begin + index] ?? 0;
    if (index > 0) points.push([x, spot.y]);
    if (index < path.length - 1) points.push([x + NODE.width, spot.y]);
  }
  return { from, to, points };
}

/** How far before its end an edge is straight, so that what stands there lies on it. */
export function pathOf({ points }: Edge, straight = 0): string {
  const [first] = points;
  if (!first) return "";
  let path = `M${first[0]} ${first[1]}`;
  for (const [index, [x, y]] of points.entries()) {
    const before = points[index - 1];
    if (!before) continue;
    const last = index === points.length - 1;
    const end = last ? x - straight : x;
    const middle = (before[0] + end) / 2;
    if (before[1] === y) path += `H${x}`;
    else path += `C${middle} ${before[1]} ${middle} ${y} ${end} ${y}${end === x ? "" : `H${x}`}`;
  }
  return path;
}
