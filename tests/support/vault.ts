/** As much of Vault's protocol as Rigi uses: KV version 2 at `secret`, transit at `transit`, and a token that is renewed. It is no Vault: what
 *  it answers is after Vault's API documentation. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export class Vault {
  readonly token = "hvs.test";
  /** Versions of each secret, oldest first. */
  readonly secrets = new Map<string, Record<string, unknown>[]>();
  asked: string[] = [];
  sealed = false;
  readonly #key = randomBytes(32);
  readonly #server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const [status, body] = this.#answer(request.url ?? "", request.headers["x-vault-token"], Buffer.concat(pieces).toString());
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });

  static async start(): Promise<Vault> {
    const vault = new Vault();
    await new Promise<void>((done) => vault.#server.listen(0, "127.0.0.1", done));
    return vault;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  put(path: string, data: Record<string, unknown>): void {
    this.secrets.set(path, [...(this.secrets.get(path) ?? []), data]);
  }

  #answer(url: string, token: unknown, body: string): [number, unknown] {
    this.asked.push(url);
    if (this.sealed) return [503, { errors: ["Vault is sealed"] }];
    if (token !== this.token) return [403, { errors: ["permission denied"] }];
    const { pathname, searchParams } = new URL(url, "http://vault");
    if (pathname === "/v1/auth/token/renew-self") return [200, { auth: { lease_duration: 3600, renewable: true } }];
    const data = (body === "" ? {} : JSON.parse(body)) as Record<string, string>;
    if (pathname === "/v1/transit/encrypt/rigi") return [200, { data: { ciphertext: this.#wrap(data.plaintext ?? "") } }];
    if (pathname === "/v1/transit/decrypt/rigi") return [200, { data: { plaintext: this.#unwrap(data.ciphertext ?? "") } }];
    const path = /^\/v1\/secret\/data\/(.*)$/.exec(pathname)?.[1];
    const versions = this.secrets.get(path ?? "") ?? [];
    const version = Number(searchParams.get("version") ?? versions.length);
    const found = versions[version - 1];
    return found ? [200, { data: { data: found, metadata: { version } } }] : [404, { errors: [] }];
  }

  #wrap(text: string): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return `vault:v1:${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64")}`;
  }

  #unwrap(text: string): string {
    const all = Buffer.from(text.replace("vault:v1:", ""), "base64");
    const cipher = createDecipheriv("aes-256-gcm", this.#key, all.subarray(0, 12)).setAuthTag(all.subarray(12, 28));
    return Buffer.concat([cipher.update(all.subarray(28)), cipher.final()]).toString();
  }
}
