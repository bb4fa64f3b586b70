/** What is in a day or an hour: a shape and a number for each kind; and how one goes from one to another by arrows. */
import type { KeyboardEvent, ReactNode } from "react";

import type { Tally } from "../../lib/calendar";
import { count, plural } from "../../lib/format";
import { Icon } from "../Icon";
import { StateIcon } from "../StateIcon";
import classes from "./Calendar.module.css";
import type { Place } from "./useCalendar";

export type Kind = keyof Tally;

/** Worst first: where there is little room, it stands for all. */
export const KINDS: readonly Kind[] = ["missed", "skipped", "run", "coming"];

export function KindIcon({ kind, size = 12 }: { kind: Kind; size?: number }): ReactNode {
  if (kind === "missed") {
    return (
      <span className="tone-warn">
        <Icon name="clock" size={size} />
      </span>
    );
  }
  if (kind === "run") {
    return (
      <span className={classes.ran}>
        <Icon name="play" size={size} />
      </span>
    );
  }
  return <StateIcon state={kind === "skipped" ? "skipped" : "queued"} size={size} label={false} still />;
}

const WORDS: Record<Kind, (n: number) => string> = {
  coming: (n) => `${count(n)} to come`,
  run: (n) => plural(n, "run"),
  skipped: (n) => `${count(n)} skipped`,
  missed: (n) => `${count(n)} missed`,
};

/** "3 to come, 2 runs, 1 missed". */
export function inWords(tally: Tally): string {
  const parts = [...KINDS].reverse().filter((kind) => tally[kind] > 0);
  return parts.length === 0 ? "nothing due" : parts.map((kind) => WORDS[kind](tally[kind])).join(", ");
}

/** Large numbers, in little room: 1.2k. */
function brief(n: number): string {
  if (n < 1000) return String(n);
  return n < 9950 ? `${(n / 1000).toFixed(1).replace(/\.0$/, "")}k` : `${Math.round(n / 1000)}k`;
}

export function Chips({ tally }: { tally: Tally }) {
  const shown = [...KINDS].reverse().filter((kind) => tally[kind] > 0);
  return (
    <span className={classes.chips} aria-hidden>
      {shown.map((kind) => (
        <span key={kind} className={classes.chip}>
          <KindIcon kind={kind} size={10} />
          {brief(tally[kind])}
        </span>
      ))}
    </span>
  );
}

/** What the shapes mean, with how much there is of each. */
export function Legend({ tally }: { tally: Tally }) {
  return (
    <ul className={classes.legend} aria-label="In all">
      {[...KINDS].reverse().map((kind) => (
        <li key={kind}>
          <KindIcon kind={kind} />
          {WORDS[kind](tally[kind])}
        </li>
      ))}
    </ul>
  );
}

interface Spot {
  x: number;
  y: number;
  element: HTMLElement;
}

/** Takes the focus to the next cell in the direction of an arrow; pages lead to the next week or month. */
export function onArrow(event: KeyboardEvent<HTMLElement>, place: Place): void {
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    place.step(event.key === "PageUp" ? -1 : 1);
    return;
  }
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("button[data-x]")];
  const spots = all.map((element): Spot => ({ x: Number(element.dataset.x), y: Number(element.dataset.y), element }));
  const own = spots.find(({ element }) => element === event.target);
  if (!own) return;
  const nearest = (found: Spot[], far: (spot: Spot) => number) => found.sort((one, other) => far(one) - far(other))[0];
  const beside = (sign: 1 | -1) =>
    nearest(
      spots.filter(({ x }) => (x - own.x) * sign > 0),
      ({ x, y }) => Math.abs(x - own.x) * 100 + Math.abs(y - own.y),
    );
  const below = (sign: 1 | -1) =>
    nearest(
      spots.filter(({ x, y }) => x === own.x && (y - own.y) * sign > 0),
      ({ y }) => Math.abs(y - own.y),
    );
  const ways: Record<string, () => Spot | undefined> = {
    ArrowRight: () => beside(1),
    ArrowLeft: () => beside(-1),
    ArrowDown: () => below(1),
    ArrowUp: () => below(-1),
    Home: () => spots[0],
    End: () => spots.at(-1),
  };
  const way = ways[event.key];
  if (!way) return;
  event.preventDefault();
  way()?.element.focus();
}
