/** Servers of packages and images that are of little use. */
import { createServer, type RequestListener } from "node:http";

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
