/** An API of advisories on this machine, in OSV's format: for Rigi, which asks by batches, and for pip-audit, which asks for one at a time. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";

import { testCache } from "./places";

interface Query {
  package: { name: string };
  version: string;
}

/** pip-audit, installed once beside the tests' cache. */
export function pipAudit(): string {
  const tools = join(testCache, "pip-audit");
  const program = join(tools, "bin/pip-audit");
  if (!existsSync(program)) {
    execFileSync("python3", ["-m", "venv", tools], { stdio: "inherit" });
    execFileSync(join(tools, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", "pip-audit==2.10.1"], { stdio: "inherit" });
  }
  return program;
}

/** A record about all versions of a package before one. */
export function advisory(id: string, name: string, fixed: string): object {
  return {
    schema_version: "1.6.0",
    id,
    modified: "2026-01-02T03:04:05Z",
    published: "2026-01-01T00:00:00Z",
    aliases: ["CVE-2026-1234"],
    summary: "Tables tell too much",
    severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N" }],
    affected: [
      { package: { ecosystem: "PyPI", name }, ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] }] },
    ],
  };
}

export class Osv {
  /** Package names that were asked about. */
  readonly asked: string[] = [];
  /** It answers with an error instead. */
  broken = false;
  private records = new Map<string, { id: string; record: object }>();

  private constructor(private readonly server: Server) {}

  static async listen(): Promise<Osv> {
    const server = createServer();
    const osv = new Osv(server);
    server.on("request", (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const answer = osv.broken ? undefined : osv.answer(request.url ?? "", Buffer.concat(parts).toString());
        response.writeHead(answer ? 200 : 500, { "content-type": "application/json" }).end(JSON.stringify(answer ?? {}));
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return osv;
  }

  get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  /** It knows this of a package of a version. */
  knows(name: string, version: string, id: string, record: object): void {
    this.records.set(`${name} ${version}`, { id, record });
  }

  private about({ package: { name }, version }: Query): { id: string; record: object } | undefined {
    this.asked.push(name);
    return this.records.get(`${name} ${version}`);
  }

  private answer(path: string, body: string): object | undefined {
    if (path === "/v1/querybatch") {
      const { queries } = JSON.parse(body) as { queries: Query[] };
      return { results: queries.map((query) => ({ vulns: [this.about(query)].flatMap((found) => (found ? [{ id: found.id }] : [])) })) };
    }
    if (path === "/v1/query") {
      const found = this.about(JSON.parse(body) as Query);
      return found ? { vulns: [found.record] } : {};
    }
    return [...this.records.values()].find(({ id }) => path === `/v1/vulns/${id}`)?.record;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
