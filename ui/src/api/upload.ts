/** Files that are sent with their progress, which `fetch` cannot tell. */
import { apiPath } from "../lib/project";
import { Problem } from "./problem";
import type { Contents, UploadView } from "./types";

export interface Sending<T> {
  done: Promise<T>;
  abort: () => void;
}

export type Upload = Sending<UploadView>;

/** How it is sent, where that is not said. */
const POSTED = { method: "POST", headers: { "Content-Type": "application/octet-stream" } };

/** Sends a file as it is; what is answered is read by `read`. */
export function sendFile<T>(
  path: string,
  file: Blob,
  onProgress: (fraction: number) => void,
  read: (text: string) => T,
  { method, headers }: { method: string; headers: Record<string, string> } = POSTED,
): Sending<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(Problem.unreachable());
    request.onabort = () => reject(new Problem(0, { title: "Stopped", detail: "It was stopped." }));
    request.onload = () => {
      if (request.status < 200 || request.status >= 300) {
        reject(new Problem(request.status, parse(request.responseText)));
        return;
      }
      try {
        resolve(read(request.responseText));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
  });
  request.open(method, path);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.send(file);
  return { done, abort: () => request.abort() };
}

export function startUpload(file: File, onProgress: (fraction: number) => void): Upload {
  const path = apiPath(`/api/v1/uploads?name=${encodeURIComponent(file.name)}`);
  return sendFile(path, file, onProgress, (text) => parse(text) as UploadView);
}

/** Sends files of any kind in one stream. */
export function sendContents(tar: Blob, onProgress: (fraction: number) => void): Sending<Contents> {
  return sendFile(apiPath("/api/v1/contents"), tar, onProgress, (text) => parse(text) as Contents);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
