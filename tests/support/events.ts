/** Server-sent events, read one by one with a bound on the wait. */

export interface ServerEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

function parse(block: string): ServerEvent | undefined {
  let event = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "event") event = value ?? "";
    if (name === "id") id = value;
    if (name === "data") data.push(value ?? "");
  }
  return data.length === 0 ? undefined : { event, id, data: JSON.parse(data.join("\n")) };
}

export class Events {
  private buffer = "";
  private readonly decoder = new TextDecoder();

  private constructor(
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    private readonly abort: AbortController,
  ) {}

  static async open(url: string, headers: Record<string, string>): Promise<Events> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { ...headers, accept: "text/event-stream" }, signal: abort.signal });
    if (!response.ok || !response.body) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    return new Events(response.body.getReader(), abort);
  }

  /** The next event; `undefined` when the stream ended. */
  async next(ms = 30_000): Promise<ServerEvent | undefined> {
    const deadline = Date.now() + ms;
    for (;;) {
      const end = this.buffer.indexOf("\n\n");
      if (end >= 0) {
        const event = parse(this.buffer.slice(0, end));
        this.buffer = this.buffer.slice(end + 2);
        if (event) return event;
        continue;
      }
      // Comments that keep the stream alive are no events.
      const late = (): void => this.abort.abort(new Error(`no event within ${ms} ms`));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      try {
        const { done, value } = await this.reader.read();
        if (done) return undefined;
        this.buffer += this.decoder.decode(value, { stream: true }).replaceAll("\r\n", "\n");
      } finally {
        clearTimeout(timer);
      }
    }
  }

  close(): void {
    this.abort.abort();
  }
}
