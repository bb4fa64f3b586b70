/** Servers of packages, images and credentials that are of little use. */
import { createServer, request as call, type RequestListener } from "node:http";
import { text } from "node:stream/consumers";

type AtEnd = (tidy: () => unknown) => void;

async function listen(atEnd: AtEnd, host: string, answer: RequestListener, port = 0): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(port, host, done));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `${host}:${typeof address === "object" && address ? address.port : 0}`;
}

/** Takes calls and never answers. */
export function stalled(atEnd: AtEnd, host: string): Promise<string> {
  return listen(atEnd, host, () => undefined);
}

/** A registry that has no image. */
export function empty(atEnd: AtEnd, host: string): Promise<string> {
  return listen(atEnd, host, (request, answer) => {
    answer.setHeader("docker-distribution-api-version", "registry/2.0").setHeader("content-type", "application/json");
    const home = request.url === "/v2/";
    answer.writeHead(home ? 200 : 404).end(home ? "{}" : '{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}');
  });
}

/** A registry that is out of order. */
export function broken(atEnd: AtEnd, host: string): Promise<string> {
  return listen(atEnd, host, (_request, answer) => void answer.writeHead(503).end("out of order"));
}

/** The registry beside the nodes of our cluster, at port 5000: it has no image, and below `broken/` it is out of order. */
export async function registry(atEnd: AtEnd, host: string): Promise<void> {
  await listen(atEnd, host, (request, answer) => {
    if (request.url?.includes("/broken/")) return void answer.writeHead(503).end("out of order");
    const home = request.url === "/v2/";
    answer.setHeader("content-type", "application/json");
    answer.writeHead(home ? 200 : 404).end(home ? "{}" : '{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}');
  }, 5000);
}

/** An STS whose credentials are said to end after so many seconds. They are another's, which lets them live longer. */
export async function hasty(atEnd: AtEnd, sts: string, seconds: number): Promise<string> {
  const address = await listen(atEnd, "127.0.0.1", (request, answer) => {
    // With all its headers, which are signed.
    const asked = call(sts, { method: request.method, path: request.url, headers: request.headers }, (made) => {
      const ends = new Date(Date.now() + seconds * 1000).toISOString();
      void text(made).then((xml) => answer.writeHead(made.statusCode ?? 502).end(xml.replace(/(?<=<Expiration>)[^<]*/, ends)));
    });
    asked.on("error", () => answer.writeHead(502).end());
    request.pipe(asked);
  });
  return `http://${address}`;
}
