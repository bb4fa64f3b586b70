/** What is chosen for an input: files on their way or there, and versions of datasets. */
import { asProblem } from "../../api/problem";
import type { UploadView } from "../../api/types";
import { LARGE, sendPatiently } from "../../api/tus";
import { startUpload, type Upload } from "../../api/upload";
import { markOf } from "../../lib/data/resume";

export interface Chosen {
  key: number;
  name: string;
  size: number;
  fraction: number;
  /** It continues behind so many bytes that were there. */
  from: number;
  upload: UploadView | null;
  /** A version of a dataset, or a part of one; then nothing is uploaded. */
  dataset: string | null;
  mistake: string | null;
  abort: () => void;
}

let nextKey = 1;

export function begin(file: File, onChange: (change: (files: Chosen[]) => Chosen[]) => void): Chosen {
  const key = nextKey++;
  const set = (change: Partial<Chosen>) => onChange((known) => known.map((one) => (one.key === key ? { ...one, ...change } : one)));
  const upload = file.size < LARGE ? startUpload(file, (fraction) => set({ fraction })) : startLarge(file, set);
  upload.done.then(
    (view) => set({ upload: view, fraction: 1 }),
    (error: unknown) => set({ mistake: asProblem(error).message }),
  );
  return { key, name: file.name, size: file.size, fraction: 0, from: 0, upload: null, dataset: null, mistake: null, abort: upload.abort };
}

function startLarge(file: File, set: (change: Partial<Chosen>) => void): Upload {
  const control = new AbortController();
  const tell = (sent: number, from: number) => set({ fraction: sent / file.size, from });
  const done = sendPatiently({ file, mark: markOf(file), tell, signal: control.signal });
  return { done, abort: () => control.abort() };
}

export function chosenDataset(reference: string): Chosen {
  return {
    key: nextKey++,
    name: reference,
    size: 0,
    fraction: 1,
    from: 0,
    upload: null,
    dataset: reference,
    mistake: null,
    abort: () => undefined,
  };
}
