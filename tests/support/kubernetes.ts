/** Talks to a cluster as programs do: by its API, with what a kubeconfig says. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";

import { parse } from "yaml";

/** An object of a cluster, as far as tests look into it. */
export interface Thing {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string }[];
    deletionTimestamp?: string;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

interface Kubeconfig {
  clusters: { cluster: { server: string; "certificate-authority"?: string; "certificate-authority-data"?: string } }[];
  users: { user: { token?: string; "client-certificate"?: string; "client-key"?: string; "client-certificate-data"?: string; "client-key-data"?: string } }[];
}

export interface Answer {
  status: number;
  text: string;
}

/** Where objects of a kind are: `/apis/batch/v1/namespaces/x/jobs`. */
export function pathOf(apiVersion: string, plural: string, namespace?: string, name?: string): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${group}${namespace ? `/namespaces/${namespace}` : ""}/${plural}${name ? `/${name}` : ""}`;
}

function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith("s")) return `${lower}es`;
  return lower.endsWith("y") ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

export class Kube {
  readonly server: string;
  /** Of the cluster's certificate. */
  readonly authority: Buffer | undefined;
  private readonly agent: Agent;
  private readonly headers: Record<string, string>;

  constructor(kubeconfig: string) {
    const read = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    const { cluster } = read.clusters[0]!;
    const { user } = read.users[0]!;
    const data = (file: string | undefined, inline: string | undefined): Buffer | undefined =>
      inline ? Buffer.from(inline, "base64") : file ? readFileSync(file) : undefined;
    this.server = cluster.server;
    this.authority = data(cluster["certificate-authority"], cluster["certificate-authority-data"]);
    const cert = data(user["client-certificate"], user["client-certificate-data"]);
    const key = data(user["client-key"], user["client-key-data"]);
    this.agent = new Agent({ keepAlive: false, ...(this.authority ? { ca: this.authority } : {}), ...(cert && key ? { cert, key } : {}) });
    this.headers = user.token ? { authorization: `Bearer ${user.token}` } : {};
  }

  ask(method: string, path: string, body?: unknown, type = "application/json"): Promise<Answer> {
    return new Promise((done, fail) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      // The length as well: a DELETE has none of its own.
      const headers = { ...this.headers, ...(text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) }) };
      const asked = request(`${this.server}${path}`, { method, agent: this.agent, headers, timeout: 30_000 }, (answer) => {
        let said = "";
        answer.setEncoding("utf8").on("data", (piece: string) => (said += piece));
        answer.on("end", () => done({ status: answer.statusCode ?? 0, text: said }));
        answer.on("error", fail);
      });
      asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer within 30 s`)));
      asked.on("error", fail).end(text);
    });
  }

  async call<T>(method: string, path: string, body?: unknown, type?: string): Promise<T> {
    const { status, text } = await this.ask(method, path, body, type);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  get<T = Thing>(path: string): Promise<T> {
    return this.call<T>("GET", path);
  }

  async list(path: string): Promise<Thing[]> {
    return (await this.call<{ items: Thing[] }>("GET", path)).items;
  }

  /** Makes an object, or leaves the one that is there. */
  async make(object: object, namespace?: string): Promise<Thing> {
    const { apiVersion, kind } = object as { apiVersion: string; kind: string };
    const path = pathOf(apiVersion, pluralOf(kind), namespace);
    const { status, text } = await this.ask("POST", path, object);
    if (status >= 300 && status !== 409) throw new Error(`POST ${path}: ${status} ${text}`);
    return JSON.parse(text) as Thing;
  }

  /** Changes some fields of an object, or of a part such as `/status`. */
  merge(path: string, change: object): Promise<Thing> {
    return this.call("PATCH", path, change, "application/merge-patch+json");
  }

  /** Removes an object that may be gone already. */
  async remove(path: string, options?: object): Promise<void> {
    const { status, text } = await this.ask("DELETE", path, options);
    if (status >= 300 && status !== 404) throw new Error(`DELETE ${path}: ${status} ${text}`);
  }

  close(): void {
    this.agent.destroy();
  }
}
