/** The shape of a state: the same everywhere, so that colour is never needed to tell. */
import { isState, stateLabel, stateTone, type AnyState } from "../lib/states";
import classes from "./StateIcon.module.css";

const SHAPES = {
  queued: <circle cx="8" cy="8" r="5.25" />,
  starting: <circle cx="8" cy="8" r="5.25" strokeDasharray="0.1 3.2" strokeWidth="2" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.25" opacity="0.28" />
      <path d="M8 2.75a5.25 5.25 0 0 1 5.25 5.25" className={classes.turn} />
    </>
  ),
  retrying: <path d="M12.6 10.6A5.25 5.25 0 1 1 12.4 5.100M12.9 2.200v3.200H9.700" />,
  succeeded: <path d="m3 8.600 3.400 3.400L13 4.800" strokeWidth="2" />,
  failed: <path d="m4 4 8 8M12 4l-8 8" strokeWidth="2" />,
  timed_out: (
    <>
      <path d="M13.100 6.600A5.250 5.250 0 1 0 8.600 13.200M8 5v3.200l-1.800 1.500" />
      <path d="m10.600 10.600 3.400 3.400M14 10.600 10.600 14" strokeWidth="1.8" />
    </>
  ),
  cancelled: <path d="M3.500 8h9" strokeWidth="2.200" />,
  skipped: <path d="m3.500 4 4 4-4 4M8.500 4l4 4-4 4" />,
  lost: <path d="M5.800 6.200a2.200 2.200 0 1 1 3.300 1.900c-.7.400-1.100.8-1.100 1.600M8 12.400v.1" strokeWidth="1.800" />,
} satisfies Record<AnyState, unknown>;

interface StateIconProps {
  state: string;
  size?: number;
  /** False where the state's word stands beside it. */
  label?: boolean;
  /** Does not turn: it stands for the state as such, or for one that is past. */
  still?: boolean;
}

export function StateIcon({ state, size = 16, label = true, still = false }: StateIconProps) {
  const shape = isState(state) ? SHAPES[state] : SHAPES.lost;
  return (
    <svg
      className={`${classes.icon ?? ""} tone-${stateTone(state)}`}
      data-still={still || undefined}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(label ? { role: "img", "aria-label": stateLabel(state) } : { "aria-hidden": true })}
    >
      {shape}
    </svg>
  );
}
