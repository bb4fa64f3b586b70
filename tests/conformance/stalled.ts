/** A server of packages or images that takes calls and never answers. */
import { createServer } from "node:http";

export async function stalled(atEnd: (tidy: () => unknown) => void): Promise<string> {
  const server = createServer(() => undefined);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}
