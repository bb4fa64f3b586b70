/** A second OpenID provider: the certified library `oidc-provider`, in this process. */
import type { Server as HttpServer } from "node:http";

import { Provider } from "oidc-provider";

import type { Bed } from "./bed";
import { freePort } from "./keycloak";

/** Starts it for a server at this address; anybody may sign in by their name, and is in these groups. Its issuer. */
export async function startProvider(bed: Bed, server: string, groups: Record<string, string[]>): Promise<string> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "rigi",
        client_secret: "of-the-client",
        redirect_uris: [`${server}/api/auth/second/callback`],
        post_logout_redirect_uris: [`${server}/`],
        token_endpoint_auth_method: "client_secret_post",
        backchannel_logout_uri: `${server}/api/auth/second/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "groups"], email: ["email", "email_verified"] },
    features: { backchannelLogout: { enabled: true } },
    pkce: { required: () => true },
    cookies: { keys: ["of the tests"] },
    ttl: { Session: 3600, Grant: 3600, Interaction: 3600, AccessToken: 3600, IdToken: 3600 },
    // By itself it asks nothing of this machine.
    fetch: (url, asked) => fetch(url, { method: asked?.method, headers: asked?.headers, body: asked?.body } as RequestInit),
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => Promise.resolve({ sub, name: sub, email: `${sub.toLowerCase()}@example.org`, email_verified: true, groups: groups[sub] ?? [] }),
    }),
  });
  const listening = await new Promise<HttpServer>((ready) => {
    const listening: HttpServer = provider.listen(port, "127.0.0.1", () => ready(listening));
  });
  bed.atEnd(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return issuer;
}
