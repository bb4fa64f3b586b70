/** Short names for the API's types, which are generated from `docs/reference/openapi.json`. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type AccountView = Schemas["AccountView"];
export type ApprovalView = Schemas["ApprovalView"];
export type ArtifactView = Schemas["ArtifactView"];
export type AttemptView = Schemas["AttemptView"];
export type AuditView = Schemas["AuditView"];
export type ChangeProject = Schemas["ChangeProject"];
export type CodeFile = Schemas["CodeFile"];
export type CreateInvitation = Schemas["CreateInvitation"];
export type CreateProject = Schemas["CreateProject"];
export type CreateToken = Schemas["CreateToken"];
export type EventView = Schemas["EventView"];
export type FactorBegun = Schemas["FactorBegun"];
export type ExplainView = Schemas["ExplainView"];
export type FireView = Schemas["FireView"];
export type GrantView = Schemas["GrantView"];
export type GroupView = Schemas["GroupView"];
export type InputField = Schemas["InputField"];
export type InputRef = Schemas["InputRef"];
export type InvitationView = Schemas["InvitationView"];
export type ImportedView = Schemas["ImportedView"];
export type JoinableView = Schemas["JoinableView"];
export type JoinRequestView = Schemas["JoinRequestView"];
export type LinkLook = Schemas["LinkLook"];
export type LogLine = Schemas["LogLine"];
export type LogMatches = Schemas["LogMatches"];
export type LogPage = Schemas["LogPage"];
export type MadeLink = Schemas["MadeLink"];
export type MemberView = Schemas["MemberView"];
export type MistakeView = Schemas["MistakeView"];
export type PersonView = Schemas["PersonView"];
export type PipelineSummary = Schemas["PipelineSummary"];
export type PipelineView = Schemas["PipelineView"];
export type ProjectUsage = Schemas["ProjectUsage"];
export type ProjectView = Schemas["ProjectView"];
export type QuotaView = Schemas["QuotaView"];
export type RerunRun = Schemas["RerunRun"];
export type RetentionView = Schemas["RetentionView"];
export type RunMark = Schemas["RunMark"];
export type RunSummary = Schemas["RunSummary"];
export type RunView = Schemas["RunView"];
export type ScheduleView = Schemas["ScheduleView"];
export type SecretView = Schemas["SecretView"];
export type SessionView = Schemas["SessionView"];
export type SetSchedule = Schemas["SetSchedule"];
export type SignedOut = Schemas["SignedOut"];
export type StepRunView = Schemas["Page_StepRunView"]["items"][number];
export type StepView = Schemas["StepView"];
export type SubmitRun = Schemas["SubmitRun"];
export type SystemView = Schemas["SystemView"];
export type MailServerView = Schemas["MailServerView"];
export type MailView = Schemas["MailView"];
export type TakeLink = Schemas["TakeLink"];
export type TargetView = Schemas["TargetView"];
export type TokenView = Schemas["TokenView"];
export type UploadView = Schemas["UploadView"];
export type UsageSample = Schemas["UsageSample"];
export type WaysIn = Schemas["WaysIn"];
export type WhyNotCached = Schemas["WhyNotCached"];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
