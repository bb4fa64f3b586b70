/** Certificates of tests, and an authority that speaks ACME. */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";

import type { Bed } from "./bed";
import { freePort } from "./keycloak";
import { repository } from "./places";

function script(...args: string[]): string {
  return execFileSync(join(repository, "tests/pebble.sh"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** Writes `certificate.pem` and `key.pem` for this name, signed by the `ca.pem` beside them. */
export function certificate(folder: string, name: string): void {
  script("certificate", folder, name);
}

/** What a server shows whoever comes by TLS. */
export function shown(port: number): Promise<PeerCertificate> {
  return new Promise((found, fail) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", rejectUnauthorized: false }, () => {
      found(socket.getPeerCertificate());
      socket.end();
    });
    socket.once("error", fail);
  });
}

/** An authority that looks at this port of each name; its directory, and how often it has signed something. */
export async function startAuthority(bed: Bed, tlsPort: number): Promise<{ directory: string; root: string; issued: () => number }> {
  const folder = bed.folder("authority");
  certificate(folder, "authority");
  const [port, management] = [await freePort(), await freePort()];
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: join(folder, "certificate.pem"),
    privateKey: join(folder, "key.pem"),
    httpPort: 1,
    tlsPort,
    profiles: { default: { description: "of tests", validityPeriod: 7776000 } },
  };
  writeFileSync(join(folder, "pebble.json"), JSON.stringify({ pebble }));
  const child = spawn(script("build"), ["-config", join(folder, "pebble.json")], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "10" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  bed.atEnd(() => child.kill("SIGKILL"));
  let log = "";
  await new Promise<void>((ready, fail) => {
    child.once("exit", (code) => fail(new Error(`the authority ended with ${code}:\n${log}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("ACME directory available")) ready();
      });
    }
  });
  return { directory: `https://localhost:${port}/dir`, root: join(folder, "ca.pem"), issued: () => log.split("Issued certificate").length - 1 };
}
