/** An upload of files as the next version of a dataset: hashed, asked for, sent in portions, named. Begun again, it sends what is missing. */
import { addVersion, missingContents } from "../../api/datasets";
import { Problem } from "../../api/problem";
import type { ContentRef, DatasetVersionView } from "../../api/types";
import { LARGE, sendLarge } from "../../api/tus";
import { sendContents } from "../../api/upload";
import type { Found } from "./gather";
import { hashOf } from "./hash";
import { portionsOf } from "./portions";
import { tarOf } from "./tar";

/** Times that what broke off is begun again by itself, and how long before that, in milliseconds. */
const TRIES = 5;
const PATIENCE_MS = 1000;
/** How often at most the page is told, in milliseconds. */
const TELL_MS = 100;

export type Phase = "reading" | "sending" | "naming" | "paused" | "failed" | "done" | "stopped";

export interface Progress {
  phase: Phase;
  files: number;
  bytes: number;
  /** Bytes whose hash is known. */
  read: number;
  /** Bytes that were missing, and those of them that have been sent. */
  missing: number;
  sent: number;
  /** The large file that is sent continues behind so many bytes. */
  continues: { path: string; from: number } | null;
  error: unknown;
  version: DatasetVersionView | null;
}

export interface Wanted {
  name: string;
  found: readonly Found[];
  note: string;
  /** The files are put on top of what the newest version has. */
  onTop: boolean;
}

export class Upload {
  private control = new AbortController();
  private readonly hashes = new Map<string, string>();
  private readonly listeners = new Set<() => void>();
  private told = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private now: Progress;

  constructor(readonly wanted: Wanted) {
    const bytes = wanted.found.reduce((sum, { file }) => sum + file.size, 0);
    this.now = {
      phase: "reading",
      files: wanted.found.length,
      bytes,
      read: 0,
      missing: 0,
      sent: 0,
      continues: null,
      error: null,
      version: null,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly progress = (): Progress => this.now;

  get isOpen(): boolean {
    return ["reading", "sending", "naming"].includes(this.now.phase);
  }

  /** Begins, or goes on where it was paused or failed. */
  start(): void {
    this.control = new AbortController();
    const { signal } = this.control;
    this.tell({ phase: "reading", error: null }, "now");
    this.work(signal).catch((error: unknown) => {
      if (!signal.aborted) this.tell({ phase: "failed", error }, "now");
    });
  }

  pause(): void {
    this.control.abort();
    this.tell({ phase: "paused" }, "now");
  }

  stop(): void {
    this.control.abort();
    this.tell({ phase: "stopped" }, "now");
  }

  private async work(signal: AbortSignal): Promise<void> {
    await this.readAll(signal);
    await this.sendAll(signal);
    signal.throwIfAborted();
    this.tell({ phase: "naming" }, "now");
    const { name, found, note, onTop } = this.wanted;
    const files = found.map(({ path, file }) => ({ path, size: file.size, sha256: this.hashes.get(path) ?? "" }));
    const version = await addVersion(name, { files, ...(onTop ? { base: "latest" } : {}), ...(note ? { note } : {}) });
    this.tell({ phase: "done", version }, "now");
  }

  private async readAll(signal: AbortSignal): Promise<void> {
    for (const { path, file } of this.wanted.found) {
      if (this.hashes.has(path)) continue;
      let bytes = 0;
      try {
        const note = (more: number) => {
          bytes += more;
          this.tell({ read: this.now.read + more });
        };
        this.hashes.set(path, await hashOf(file, note, signal));
      } catch (error) {
        this.tell({ read: this.now.read - bytes });
        if (signal.aborted) throw error;
        throw new Error(`${path} cannot be read: it was changed, moved or removed after it was chosen.`, { cause: error });
      }
    }
  }

  private async sendAll(signal: AbortSignal): Promise<void> {
    const files = new Map(this.wanted.found.map(({ path, file }) => [this.hashes.get(path) ?? "", { path, file }]));
    let wanted: ContentRef[] = [...files].map(([sha256, { file }]) => ({ sha256, size: file.size }));
    for (let tries = 1; ; tries++) {
      try {
        wanted = await missingContents(wanted, signal);
        const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
        const missing = Math.max(this.now.missing, bytes);
        this.tell({ phase: "sending", missing, sent: missing - bytes }, "now");
        for (const content of wanted) if (content.size >= LARGE) await this.sendLarge(content, files, signal);
        const small = wanted.filter(({ size }) => size < LARGE);
        for (const portion of portionsOf(small)) await this.send(portion, files, signal);
        return;
      } catch (error) {
        const mayPass = error instanceof Problem && (error.status === 0 || error.status >= 500);
        if (signal.aborted || tries >= TRIES || !mayPass) throw error;
        await pass(PATIENCE_MS * tries, signal);
      }
    }
  }

  private async sendLarge({ sha256, size }: ContentRef, files: ReadonlyMap<string, Found>, signal: AbortSignal): Promise<void> {
    const found = files.get(sha256);
    if (!found) return;
    const { path, file } = found;
    const before = this.now.sent;
    const tell = (sent: number, from: number) => this.tell({ sent: before + sent, continues: from > 0 ? { path, from } : null });
    const stored = await sendLarge({ file, mark: sha256, tell, signal });
    if (stored.sha256 !== sha256) throw new Changed(path);
    this.tell({ sent: before + size, continues: null });
  }

  private async send(portion: readonly ContentRef[], files: ReadonlyMap<string, Found>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const some = portion.flatMap(({ sha256 }) => files.get(sha256) ?? []);
    const bytes = portion.reduce((sum, { size }) => sum + size, 0);
    const before = this.now.sent;
    const sending = sendContents(tarOf(some.map(({ file }) => file)), (fraction) =>
      this.tell({ sent: before + Math.min(1, fraction) * bytes }),
    );
    signal.addEventListener("abort", sending.abort, { once: true });
    try {
      const stored = new Set((await sending.done).contents.map(({ sha256 }) => sha256));
      const changed = portion.find(({ sha256 }) => !stored.has(sha256));
      if (changed) throw new Changed(files.get(changed.sha256)?.path ?? "A file");
    } finally {
      signal.removeEventListener("abort", sending.abort);
    }
    this.tell({ sent: before + bytes });
  }

  private tell(change: Partial<Progress>, when: "now" | "soon" = "soon"): void {
    this.now = { ...this.now, ...change };
    clearTimeout(this.timer);
    const wait = when === "now" ? 0 : this.told + TELL_MS - Date.now();
    if (wait > 0) {
      this.timer = setTimeout(() => this.tell({}, "now"), wait);
      return;
    }
    this.told = Date.now();
    for (const listener of this.listeners) listener();
  }
}

class Changed extends Error {
  constructor(path: string) {
    super(`${path} has changed while it was read. Choose it again.`);
  }
}

function pass(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("stopped"));
    });
  });
}

/** The upload of this page: it goes on while one looks at something else. */
let current: Upload | null = null;
const watchers = new Set<() => void>();

export const currentUpload = (): Upload | null => current;

export function watchCurrent(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function setUpload(upload: Upload | null): void {
  current = upload;
  for (const watcher of watchers) watcher();
}

if (typeof window !== "undefined") {
  window.addEventListener("beforeunload", (event) => {
    if (current?.isOpen) event.preventDefault();
  });
}
