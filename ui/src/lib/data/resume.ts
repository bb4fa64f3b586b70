/** What a file continues that was not sent to its end. */
import type { OpenUploadView } from "../../api/types";

/** What a file is known by that was not hashed. */
export const markOf = (file: File): string => `${file.lastModified}-${file.name}`;

/** The one that a file continues: of those that fit, that which has come furthest. */
export function continued(open: readonly OpenUploadView[], size: number, mark: string): OpenUploadView | undefined {
  const fitting = open.filter((one) => one.size === size && !one.is_part && one.metadata.mark === mark);
  return fitting.sort((one, other) => other.offset - one.offset)[0];
}

/** What is said of a file, as the protocol has it. */
export function metadataOf(said: Record<string, string>): string {
  const encoded = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return Object.entries(said)
    .map(([key, value]) => `${key} ${encoded(value)}`)
    .join(",");
}
