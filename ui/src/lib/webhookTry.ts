/** How something is sent to a webhook from a terminal, signed as its sender signs. */

/** The signature of a body, in shell. */
const HEX = `$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)`;

function headersOf(kind: string): string[] {
  switch (kind) {
    case "github":
      return [`-H "X-Hub-Signature-256: sha256=${HEX}"`, `-H "X-GitHub-Event: push"`];
    case "gitea":
      return [`-H "X-Gitea-Signature: ${HEX}"`, `-H "X-Gitea-Event: push"`];
    case "gitlab":
      return [`-H "X-Gitlab-Token: $SECRET"`, `-H "X-Gitlab-Event: Push Hook"`];
    default:
      return [`-H "webhook-id: $ID"`, `-H "webhook-timestamp: \${ID#test-}"`, `-H "webhook-signature: v1,$SIGNATURE"`];
  }
}

/** Of Standard Webhooks the key is behind `whsec_`, and id and time are signed too. */
const STANDARD = [
  "ID=test-$(date +%s)",
  `KEY=$(printf %s "\${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')`,
  `SIGNATURE=$(printf %s "$ID.\${ID#test-}.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64 -w0)`,
];

/** A few lines for a shell; who sends fills in the secret. */
export function tryCommand(kind: string, address: string): string {
  const known = ["github", "gitea", "gitlab"].includes(kind);
  return [
    "SECRET=…",
    `BODY='{"ref": "refs/heads/main"}'`,
    ...(known ? [] : STANDARD),
    ["curl", ...headersOf(kind), `-H "Content-Type: application/json"`, `-d "$BODY"`, address].join(" "),
  ].join("\n");
}
