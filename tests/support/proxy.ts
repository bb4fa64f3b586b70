/** A network between a server and its database that can be cut, stalled and led elsewhere. */
import { createServer, connect, type Server, type Socket } from "node:net";

export class Proxy {
  private readonly links = new Set<{ near: Socket; far: Socket }>();
  private mode: "open" | "refusing" | "stalled" = "open";

  private constructor(
    private readonly server: Server,
    private to: { host: string; port: number },
  ) {}

  static async before(url: string): Promise<Proxy> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    const proxy = new Proxy(server, { host: hostname, port: Number(port) });
    server.on("connection", (near) => proxy.accept(near));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return proxy;
  }

  /** The URL that leads through it. */
  through(url: string): string {
    const address = this.server.address();
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    through.port = String(typeof address === "object" && address ? address.port : 0);
    return through.href;
  }

  private accept(near: Socket): void {
    if (this.mode === "refusing") {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.to);
    const link = { near, far };
    this.links.add(link);
    const end = (): void => {
      this.links.delete(link);
      near.destroy();
      far.destroy();
    };
    for (const [from, into] of [[near, far], [far, near]] as const) {
      from.pipe(into, { end: false });
      from.on("error", end).on("close", () => this.mode !== "stalled" && end());
    }
    if (this.mode === "stalled") this.hold(link);
  }

  private hold({ near, far }: { near: Socket; far: Socket }): void {
    near.unpipe(far).pause();
    far.unpipe(near).pause();
  }

  /** Every connection is reset, and new ones too. */
  cut(): void {
    this.mode = "refusing";
    for (const { near, far } of this.links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.links.clear();
  }

  /** Nothing gets through any more, and nobody is told. */
  stall(): void {
    this.mode = "stalled";
    for (const link of this.links) this.hold(link);
  }

  /** New connections get through. Those that were stalled stay as dead as behind a torn cable. */
  mend(to?: string): void {
    if (to) this.to = { host: new URL(to).hostname, port: Number(new URL(to).port) };
    this.mode = "open";
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
