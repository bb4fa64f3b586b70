/** What is known to differ from target to target, with its reason. What is not listed here must be the same. */
import type { Target } from "./scenario";

export interface Known {
  scenario: string;
  target: Target;
  /** What differs: a path into what is seen, such as `logs.0.system`. */
  what: string;
  reason: string;
}

export const known: Known[] = [
  {
    scenario: "executor-vanishes",
    target: "container",
    what: "logs.0.system",
    reason: "the last line says what vanished: a supervisor there, a container here",
  },
  {
    scenario: "executor-vanishes",
    target: "kubernetes",
    what: "logs.0.system",
    reason: "the last line says what vanished: a supervisor there, a pod here",
  },
];
