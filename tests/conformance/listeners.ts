/** Servers of packages and images that are of little use. */
import { createServer, type RequestListener } from "node:http";

type AtEnd = (tidy: () => unknown) => void;

async function listen(atEnd: AtEnd, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}

/** Takes calls and never answers. */
export function stalled(atEnd: AtEnd): Promise<string> {
  return listen(atEnd, () => undefined);
}

/** A registry that has no image. */
export function empty(atEnd: AtEnd): Promise<string> {
  return listen(atEnd, (request, answer) => {
    answer.setHeader("docker-distribution-api-version", "registry/2.0").setHeader("content-type", "application/json");
    const home = request.url === "/v2/";
    answer.writeHead(home ? 200 : 404).end(home ? "{}" : '{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}');
  });
}

/** A registry that is out of order. */
export function broken(atEnd: AtEnd): Promise<string> {
  return listen(atEnd, (_request, answer) => void answer.writeHead(503).end("out of order"));
}
