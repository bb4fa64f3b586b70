/** A real OpenID provider: Keycloak, with a realm of the test's own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { promisify } from "node:util";

import type { Bed } from "./bed";
import { repository } from "./places";

export const PASSWORD = "seven quiet lanterns";

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}

export class Keycloak {
  private token = "";

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  get issuer(): string {
    return `${this.url}/realms/lab`;
  }

  static async start(bed: Bed): Promise<Keycloak> {
    const script = `${repository}/tests/keycloak.sh`;
    await promisify(execFile)("bash", [script, "fetch"], { timeout: 300_000 });
    const port = await freePort();
    const child = spawn("bash", [script, "run", String(port)], { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => said.push(text));
    bed.atEnd(() => process.kill(-child.pid!, "SIGKILL"));
    await new Promise<void>((ready, fail) => {
      const timer = setTimeout(() => fail(new Error(`Keycloak was not ready within 120 s:\n${said.join("")}`)), 120_000);
      child.stdout.on("data", () => {
        if (said.join("").includes("Listening on:")) {
          clearTimeout(timer);
          ready();
        }
      });
      child.once("close", () => fail(new Error(`Keycloak ended:\n${said.join("")}`)));
    });
    return new Keycloak(`http://127.0.0.1:${port}`, child);
  }

  /** A realm with people in groups, and a client that is the server at this address. */
  async realm(server: string, people: Record<string, string[]>): Promise<void> {
    const groups = [...new Set(Object.values(people).flat())];
    const mapper = { "full.path": "false", "id.token.claim": "true", "userinfo.token.claim": "true", "claim.name": "groups" };
    await this.admin("POST", "/realms", {
      realm: "lab",
      enabled: true,
      groups: groups.map((name) => ({ name })),
      users: Object.entries(people).map(([name, of]) => ({
        username: name.toLowerCase(),
        firstName: name,
        lastName: "Example",
        email: `${name.toLowerCase()}@example.org`,
        emailVerified: true,
        enabled: true,
        groups: of.map((group) => `/${group}`),
        credentials: [{ type: "password", value: PASSWORD, temporary: false }],
      })),
      clients: [
        {
          clientId: "rigi",
          secret: "of-the-client",
          enabled: true,
          redirectUris: [`${server}/api/auth/keycloak/callback`],
          attributes: {
            "pkce.code.challenge.method": "S256",
            "backchannel.logout.url": `${server}/api/auth/keycloak/logout`,
            "backchannel.logout.session.required": "true",
          },
          protocolMappers: [{ name: "groups", protocol: "openid-connect", protocolMapper: "oidc-group-membership-mapper", config: mapper }],
        },
      ],
    });
  }

  /** Ends all sessions of somebody at the provider. */
  async signOut(name: string): Promise<void> {
    const [user] = await this.admin<{ id: string }[]>("GET", `/realms/lab/users?exact=true&username=${name.toLowerCase()}`);
    await this.admin("POST", `/realms/lab/users/${user!.id}/logout`);
  }

  /** Takes somebody out of a group, or puts them into one. */
  async group(method: "PUT" | "DELETE", name: string, group: string): Promise<void> {
    const [user] = await this.admin<{ id: string }[]>("GET", `/realms/lab/users?exact=true&username=${name.toLowerCase()}`);
    const groups = await this.admin<{ id: string; name: string }[]>("GET", "/realms/lab/groups");
    const { id } = groups.find((one) => one.name === group)!;
    await this.admin(method, `/realms/lab/users/${user!.id}/groups/${id}`);
  }

  private async admin<T>(method: string, path: string, body?: object): Promise<T> {
    const form = { client_id: "admin-cli", grant_type: "password", username: "admin", password: "admin" };
    const answer = await fetch(`${this.url}/realms/master/protocol/openid-connect/token`, { method: "POST", body: new URLSearchParams(form) });
    this.token = ((await answer.json()) as { access_token: string }).access_token;
    const response = await fetch(`${this.url}/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Keycloak answered ${response.status} for ${method} ${path}: ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
}
