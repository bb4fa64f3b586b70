/** Under which keys the page keeps what it was told. */

export interface RunFilter {
  pipeline?: string | undefined;
  /** State names joined by commas. */
  state?: string | undefined;
  /** `key=value`. */
  label?: string[] | undefined;
  q?: string | undefined;
}

export const keys = {
  system: ["system"] as const,
  projects: ["projects"] as const,
  pipelines: ["pipelines"] as const,
  pipeline: (name: string) => ["pipeline", name] as const,
  runLists: ["runs"] as const,
  run: (id: string) => ["run", id] as const,
  secrets: ["secrets"] as const,
  usage: (id: string, attempt: number) => ["run", id, "usage", attempt] as const,
};
