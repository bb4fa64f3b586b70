/** Server-sent events over `fetch`, which, unlike `EventSource`, can resume after being closed and tells a 401 from a gap. */

export interface SseMessage {
  event: string;
  data: string;
  id: string;
}

/** Takes text as it comes and gives whole messages. */
export class SseParser {
  private rest = "";
  /** The last id seen, also of blocks without data. */
  id = "";

  push(text: string): SseMessage[] {
    this.rest += text;
    const blocks = this.rest.split(/\r\n\r\n|\n\n|\r\r/);
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => this.parse(block));
  }

  private parse(block: string): SseMessage[] {
    let event = "message";
    const data: string[] = [];
    for (const line of block.split(/\r\n|\n|\r/)) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "id" && !value.includes("\0")) this.id = value;
    }
    return data.length > 0 ? [{ event, data: data.join("\n"), id: this.id }] : [];
  }
}

export interface SseHandlers {
  /** Address; asked again before each connection, so that it may name where to go on. */
  url: () => string;
  /** The id to begin behind. */
  after?: string;
  onMessage: (message: SseMessage) => void;
  /** The connection stands (true), or is lost and tried again (false). */
  onConnected?: (connected: boolean) => void;
  /** The server refused with this status; no further try. */
  onRefused?: (status: number) => void;
}

/** The server says at least so often that it is still there, in milliseconds; with no word for much longer the line is dead. */
const BEAT_MS = 30_000;
const SILENCE_MS = BEAT_MS * 1.5;
/** Longest wait between two tries. */
const LONGEST_WAIT_MS = 15_000;

/** One stream that comes back by itself. Hidden pages hold none, since browsers allow few connections to a server. */
export class SseStream {
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastId: string;
  private failures = 0;
  private closed = false;
  private connected = false;
  private heardAt = Date.now();
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly handlers: SseHandlers) {
    this.lastId = handlers.after ?? "";
    document.addEventListener("visibilitychange", this.onVisibility);
    window.addEventListener("online", this.onOnline);
    window.addEventListener("offline", this.onOffline);
    // A machine that slept or changed its network keeps a connection on which nothing comes any more.
    this.watch = setInterval(() => this.listen(), SILENCE_MS / 6);
    if (!document.hidden) void this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.abort?.abort();
    document.removeEventListener("visibilitychange", this.onVisibility);
    window.removeEventListener("online", this.onOnline);
    window.removeEventListener("offline", this.onOffline);
    clearInterval(this.watch);
  }

  /** When the server was last heard, in milliseconds. */
  get heard(): number {
    return this.heardAt;
  }

  /** Connects anew, for instance because the address changed; what was missed is sent. */
  reconnect(): void {
    clearTimeout(this.timer);
    this.connected = false;
    this.abort?.abort();
    if (!this.closed && !document.hidden) void this.connect();
  }

  private readonly onVisibility = (): void => {
    clearTimeout(this.timer);
    if (this.closed) return;
    if (!document.hidden) {
      if (this.abort) this.listen();
      else void this.connect();
    } else this.timer = setTimeout(() => this.abort?.abort(), 5000);
  };

  private readonly onOnline = (): void => {
    if (!this.abort) this.reconnect();
  };

  private readonly onOffline = (): void => {
    this.handlers.onConnected?.(false);
    this.abort?.abort();
  };

  private listen(): void {
    if (!this.connected || document.hidden || Date.now() - this.heardAt < SILENCE_MS) return;
    this.handlers.onConnected?.(false);
    this.reconnect();
  }

  private async connect(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    // Connecting is given as long as a silence.
    const patience = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const response = await fetch(this.handlers.url(), { headers, signal: abort.signal, cache: "no-store" });
      if (!response.ok || !response.body) {
        if (response.status >= 400 && response.status < 500 && response.status !== 429) {
          this.close();
          this.handlers.onRefused?.(response.status);
          return;
        }
        throw new Error(`status ${response.status}`);
      }
      clearTimeout(patience);
      this.failures = 0;
      this.connected = true;
      this.heardAt = Date.now();
      this.handlers.onConnected?.(true);
      await this.read(response.body);
    } catch {
      // Falls through to the next try.
    }
    clearTimeout(patience);
    if (this.abort !== abort) return;
    this.connected = false;
    this.abort = null;
    if (!this.closed && !document.hidden) this.retry();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const parser = new SseParser();
    const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.heardAt = Date.now();
      const messages = parser.push(value);
      this.lastId = parser.id || this.lastId;
      for (const message of messages) {
        this.handlers.onMessage(message);
        if (this.closed) return;
      }
    }
  }

  private retry(): void {
    this.failures += 1;
    // One quick try is silent: servers close streams when they restart.
    if (this.failures > 1) this.handlers.onConnected?.(false);
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** Math.min(this.failures, 7));
    this.timer = setTimeout(() => void this.connect(), wait * (0.75 + Math.random() / 2));
  }
}
