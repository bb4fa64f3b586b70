/** Engines that are called by an address, as if this machine's files were not theirs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";

import { file, said, type Scenario, type Stage } from "../scenario";

const SHELL = 'id -u; echo "hello $name"; touch mine && echo writable; echo kept > "$RIGI_OUTPUTS/kept.txt"';

/** Certificates as an engine has them: `ca.pem`, `cert.pem`, `key.pem`, for either side. */
function certificates(folder: string): void {
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests");
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=engine");
  execFileSync("sh", ["-c", "printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >ext"], { cwd: folder });
  openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "cert.pem");
}

/** Passes calls on to the engine's socket. */
async function passOn(stage: Stage, make: (pass: (caller: Socket) => void) => Server): Promise<number> {
  const server = make((caller) => {
    const engine = connect(process.env.RIGI_TEST_DOCKER ?? "");
    caller.pipe(engine).pipe(caller);
    for (const [one, other] of [[caller, engine], [engine, caller]] as const) one.on("error", () => other.destroy()).on("close", () => other.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  stage.bed.atEnd(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function far(stage: Stage, port: number, more: NodeJS.ProcessEnv = {}): Promise<void> {
  await stage.server.stop();
  await stage.restart({
    RIGI_TARGETS__FAR__KIND: "container",
    RIGI_TARGETS__FAR__ADDRESS: `tcp://127.0.0.1:${port}`,
    RIGI_TARGETS__FAR__IMAGE: process.env.RIGI_TARGETS__CONTAINER__IMAGE ?? "rigi-test/worker:1",
    RIGI_TARGETS__FAR__NETWORK: "host",
    RIGI_RUNNERS__BIND: `127.0.0.1:${await freePort()}`,
    ...more,
  });
}

const COMMON = {
  only: ["container"],
  server: "own",
  shell: SHELL,
  submit: { target: "far", parameters: { name: "Ada" } },
  expect: { ...said("1001", "hello Ada", "writable"), files: [file("kept.txt", "kept\n")] },
} satisfies Partial<Scenario>;

export const elsewhere: Scenario[] = [
  {
    ...COMMON,
    name: "engine-by-address",
    before: async (stage) => far(stage, await passOn(stage, (pass) => createServer(pass))),
  },
  {
    ...COMMON,
    name: "engine-by-address-with-tls",
    before: async (stage) => {
      const folder = stage.bed.folder("certificates");
      certificates(folder);
      const read = (name: string): Buffer => readFileSync(join(folder, name));
      const options = { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem"), requestCert: true, rejectUnauthorized: true };
      await far(stage, await passOn(stage, (pass) => createTlsServer(options, pass)), { RIGI_TARGETS__FAR__CERTIFICATES: folder });
    },
  },
];
