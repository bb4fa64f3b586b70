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
  own: ["projects", "own"] as const,
  projectUsage: ["projects", "usage"] as const,
  targets: ["targets"] as const,
  account: ["account"] as const,
  sessions: ["account", "sessions"] as const,
  tokens: ["account", "tokens"] as const,
  waysIn: ["sign-in"] as const,
  members: ["members"] as const,
  invitations: ["invitations"] as const,
  requests: ["requests"] as const,
  joinable: ["joinable"] as const,
  activity: ["activity"] as const,
  people: ["people"] as const,
  person: (id: string) => ["person", id] as const,
  groups: ["groups"] as const,
  group: (id: string) => ["groups", id] as const,
  audit: ["audit"] as const,
  mails: ["mails"] as const,
  pipelines: ["pipelines"] as const,
  processTypes: ["process-types"] as const,
  anyPipeline: ["pipeline"] as const,
  pipeline: (name: string) => ["pipeline", name] as const,
  runLists: ["runs"] as const,
  run: (id: string) => ["run", id] as const,
  steps: (id: string) => ["run", id, "steps"] as const,
  stepRuns: (id: string, step: string) => ["run", id, "steps", step] as const,
  secrets: ["secrets"] as const,
  packages: (pipeline: string) => ["packages", pipeline] as const,
  packageAudits: ["packages"] as const,
  repositories: ["repositories"] as const,
  repository: (name: string) => ["repositories", name] as const,
  schedules: ["schedules"] as const,
  schedule: (pipeline: string, id: string) => ["schedules", `${pipeline}/${id}`] as const,
  webhooks: ["webhooks"] as const,
  webhook: (name: string) => ["webhooks", name] as const,
  triggers: ["triggers"] as const,
  trigger: (pipeline: string, id: string) => ["triggers", `${pipeline}/${id}`] as const,
  cursor: (pipeline: string) => ["triggers", pipeline, "cursor"] as const,
  datasets: ["datasets"] as const,
  dataset: (name: string) => ["datasets", "one", name] as const,
  backfills: ["backfills"] as const,
  starts: ["starts"] as const,
  notices: ["notices"] as const,
  usage: (id: string, attempt: number) => ["run", id, "usage", attempt] as const,
};
