/** What a container engine says, by its API. */
import { request } from "node:http";

export interface Container {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string>;
  Mounts: { Source?: string }[];
}

export class Engine {
  constructor(readonly socket: string) {}

  async call<T>(method: string, path: string): Promise<T> {
    const { status, text } = await this.ask(method, path);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  private ask(method: string, path: string): Promise<{ status: number; text: string }> {
    return new Promise((done, fail) => {
      const asked = request({ socketPath: this.socket, method, path: `/v1.41${path}`, timeout: 60_000 }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        answer.on("end", () => done({ status: answer.statusCode ?? 0, text }));
      });
      asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer within a minute`)));
      asked.on("error", fail).end();
    });
  }

  /** Every container with a label (`rigi.server`, or `rigi.attempt=…`), whatever it does. */
  labelled(label: string): Promise<Container[]> {
    return this.call("GET", `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`);
  }

  /** All that the engine tells of a container. */
  inspect(name: string): Promise<Record<string, unknown>> {
    return this.call("GET", `/containers/${name}/json`);
  }

  /** The processes within, by their pids on this machine. */
  async processes(name: string): Promise<{ pid: number; command: string }[]> {
    const top = await this.call<{ Titles: string[]; Processes: string[][] }>("GET", `/containers/${name}/top?ps_args=${encodeURIComponent("-eo pid,args")}`);
    return top.Processes.map((process) => ({ pid: Number(process[0]), command: process.slice(1).join(" ") }));
  }

  remove(name: string): Promise<void> {
    return this.call("DELETE", `/containers/${name}?force=true`);
  }

  kill(name: string, signal: string): Promise<void> {
    return this.call("POST", `/containers/${name}/kill?signal=${signal}`);
  }

  stop(name: string, seconds: number): Promise<void> {
    return this.call("POST", `/containers/${name}/stop?t=${seconds}`);
  }
}
