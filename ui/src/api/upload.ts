/** Uploads with progress, which `fetch` cannot tell. */
import { apiPath } from "../lib/project";
import { Problem } from "./problem";
import type { UploadView } from "./types";

export interface Upload {
  done: Promise<UploadView>;
  abort: () => void;
}

export function startUpload(file: File, onProgress: (fraction: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<UploadView>((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(Problem.unreachable());
    request.onabort = () => reject(new Problem(0, { title: "Stopped", detail: "The upload was stopped." }));
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as UploadView);
      else reject(new Problem(request.status, body));
    };
  });
  request.open("POST", apiPath(`/api/v1/uploads?name=${encodeURIComponent(file.name)}`));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return { done, abort: () => request.abort() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
