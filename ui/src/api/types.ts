/** Short names for the API's types, which are generated from `docs/reference/openapi.json`. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type ArtifactView = Schemas["ArtifactView"];
export type AttemptView = Schemas["AttemptView"];
export type CodeFile = Schemas["CodeFile"];
export type EventView = Schemas["EventView"];
export type InputField = Schemas["InputField"];
export type InputRef = Schemas["InputRef"];
export type LogLine = Schemas["LogLine"];
export type LogMatches = Schemas["LogMatches"];
export type LogPage = Schemas["LogPage"];
export type MistakeView = Schemas["MistakeView"];
export type PipelineSummary = Schemas["PipelineSummary"];
export type PipelineView = Schemas["PipelineView"];
export type ProjectView = Schemas["ProjectView"];
export type RerunRun = Schemas["RerunRun"];
export type RunMark = Schemas["RunMark"];
export type RunSummary = Schemas["RunSummary"];
export type RunView = Schemas["RunView"];
export type SecretView = Schemas["SecretView"];
export type SubmitRun = Schemas["SubmitRun"];
export type SystemView = Schemas["SystemView"];
export type UploadView = Schemas["UploadView"];
export type UsageSample = Schemas["UsageSample"];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
