/** A pipeline's last runs as marks: shape and colour are the state, height is the duration. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { RunMark } from "../api/types";
import { ago, duration, plural } from "../lib/format";
import { useNow } from "../lib/now";
import { isEnd, stateLabel, stateTone } from "../lib/states";
import classes from "./Strip.module.css";

const SLOTS = 30;
const STEP = 8;
const WIDTH = 5;

interface StripProps {
  marks: RunMark[];
  height?: number;
  /** Each mark is a link to its run; else the strip is one picture. */
  links?: boolean;
}

export function Strip({ marks, height = 20, links = false }: StripProps) {
  const shown = marks.slice(-SLOTS);
  const longest = Math.max(1, ...shown.map((mark) => mark.duration_ms ?? 0));
  const offset = SLOTS - shown.length;
  const width = SLOTS * STEP;
  const drawn = shown.map((mark, index) => {
    const x = (offset + index) * STEP + 1.5;
    // The root makes short runs visible beside long ones.
    const tall = Math.sqrt((mark.duration_ms ?? 0) / longest);
    const shape = drawMark(mark.state, x, height, Math.max(5, Math.round(tall * (height - 7)) + 2));
    return links ? (
      <MarkLink key={mark.id} mark={mark} x={x} height={height}>
        {shape}
      </MarkLink>
    ) : (
      <g key={mark.id} className={toneOf(mark)}>
        {shape}
      </g>
    );
  });
  return (
    <svg
      className={classes.strip}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role={links ? "group" : "img"}
      aria-label={describe(shown)}
    >
      {shown.length > 0 && <path d={`M0 ${height - 0.5}H${width}`} className={classes.base} />}
      {drawn}
    </svg>
  );
}

function toneOf(mark: RunMark): string {
  return `tone-${stateTone(mark.state)}`;
}

function MarkLink({ mark, x, height, children }: { mark: RunMark; x: number; height: number; children: ReactNode }) {
  const now = useNow(false);
  const took = mark.duration_ms == null ? "" : `, ${duration(mark.duration_ms)}`;
  const label = `${mark.id.slice(-4)} ${stateLabel(mark.state).toLowerCase()}${took}, ${ago(Date.parse(mark.created_at), now)}`;
  return (
    <Link to="/runs/$id" params={{ id: mark.id }} className={`${classes.mark ?? ""} ${toneOf(mark)}`} aria-label={label}>
      <title>{label}</title>
      <rect x={x - 1.5} y={0} width={STEP} height={height} className={classes.target} />
      {children}
    </Link>
  );
}

/** The form of one mark, standing on the base line, `tall` pixels high. */
function drawMark(state: string, x: number, height: number, tall: number): ReactNode {
  const base = height - 1;
  const top = base - tall;
  const middle = x + WIDTH / 2;
  switch (state) {
    case "succeeded":
      return (
        <path d={`M${x} ${base}V${top + 1.5}a1.500 1.500 0 0 1 1.500-1.500h2a1.500 1.500 0 0 1 1.500 1.500V${base}z`} fill="currentColor" />
      );
    case "failed":
      return (
        <>
          <rect x={x} y={top + 4} width={WIDTH} height={Math.max(1, tall - 4)} fill="currentColor" />
          <path d={`M${x} ${top - 2.5}l5 5M${x + 5} ${top - 2.5}l-5 5`} stroke="currentColor" strokeWidth="1.500" />
        </>
      );
    case "timed_out":
      return (
        <>
          <rect x={x} y={top + 4} width={WIDTH} height={Math.max(1, tall - 4)} fill="currentColor" />
          <circle cx={middle} cy={top} r="2" fill="none" stroke="currentColor" strokeWidth="1.300" />
        </>
      );
    case "running":
      return (
        <rect
          x={x + 0.75}
          y={top + 0.75}
          width={WIDTH - 1.5}
          height={tall - 0.75}
          rx="1"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.500"
        />
      );
    case "retrying":
      return (
        <path
          d={`M${x + 0.75} ${base}V${top + 1}h3.500V${base}`}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.500"
          strokeDasharray="2 1.500"
        />
      );
    case "queued":
    case "starting":
      return (
        <circle
          cx={middle}
          cy={base - 3}
          r="1.900"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.300"
          strokeDasharray={state === "starting" ? "1.500 1.500" : undefined}
        />
      );
    case "skipped":
      return (
        <path
          d={`M${x} ${base - 6}l2.500 2.500-2.500 2.500M${x + 2.5} ${base - 6}l2.500 2.500-2.500 2.500`}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.200"
        />
      );
    default:
      return <rect x={x} y={base - 4} width={WIDTH} height={2} fill="currentColor" />;
  }
}

function describe(marks: RunMark[]): string {
  if (marks.length === 0) return "No runs yet";
  const counts = new Map<string, number>();
  for (const mark of marks) counts.set(mark.state, (counts.get(mark.state) ?? 0) + 1);
  const parts = [...counts].map(([state, n]) => `${n} ${stateLabel(state).toLowerCase()}`);
  const open = marks.some((mark) => !isEnd(mark.state)) ? "" : ", none going on";
  return `Last ${plural(marks.length, "run")}: ${parts.join(", ")}${open}`;
}
