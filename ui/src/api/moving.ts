/** Projects as archives: where one is fetched, and how one is brought in, with its progress. */
import { readAnswer } from "../lib/json";
import { apiPath } from "../lib/project";
import { Problem } from "./problem";
import type { ImportedView } from "./types";
import { sendFile, type Sending } from "./upload";

export function exportUrl(project: string): string {
  return apiPath(`/api/v1/projects/${encodeURIComponent(project)}/export`);
}

/** Sends an archive. All of it comes, or nothing: also where it is stopped. */
export function startImport(file: File, name: string, onProgress: (fraction: number) => void): Sending<ImportedView> {
  const query = name ? `?name=${encodeURIComponent(name)}` : "";
  return sendFile(apiPath(`/api/v1/projects/import${query}`), file, onProgress, (text) => {
    const view = readAnswer(text) as ImportedView | null;
    if (view?.project) return view;
    throw new Problem(0, { title: "The answer cannot be read", detail: "The server’s answer is no project." });
  });
}
