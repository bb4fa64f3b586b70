/** What is said of packages, and of what is known against them. */
import type { PackageAuditView, PackagesView } from "../api/types";
import { plural } from "./format";

export type Tone = "ok" | "bad" | "warn" | "idle";

/** What an audit came to. What could not be checked is never told as nothing. */
export function outcomeOf(audit: Pick<PackageAuditView, "outcome" | "findings" | "packages">): { word: string; tone: Tone } {
  const counting = audit.findings.filter(({ ignored }) => !ignored).length;
  if (audit.outcome === "vulnerable") return { word: plural(counting, "finding"), tone: "bad" };
  if (audit.outcome === "clean") return { word: `nothing is known against ${plural(audit.packages, "package")}`, tone: "ok" };
  return { word: "not all could be checked", tone: "warn" };
}

/** Where it is known from which packages there are. */
export function originOf({ origin, environment, packages }: PackagesView): string {
  if (origin === "environment") return environment ?? plural(packages.length, "package");
  if (origin === "files") return `${plural(packages.length, "package")} that its files name; what is installed is known after its next run`;
  return "";
}

export function severityTone(severity: string | null | undefined): Tone {
  if (severity === "critical" || severity === "high") return "bad";
  return severity ? "warn" : "idle";
}
