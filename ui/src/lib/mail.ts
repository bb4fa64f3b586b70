/** Words about mails. */
import type { MailView } from "../api/types";

export const MAIL_KINDS: Readonly<Record<string, string>> = {
  invitation: "an invitation",
  reset: "a new password",
  "sign-in": "a link to sign in",
  confirm: "confirming the address",
  changed: "a change of the account",
  test: "a test",
};

export const TLS_WORDS: Readonly<Record<string, string>> = {
  starttls: "encrypted (STARTTLS)",
  tls: "encrypted (TLS)",
  none: "not encrypted",
};

/** What became of a mail, with the time that counts. */
export function mailState({ state, tries, next_at, ended_at }: Pick<MailView, "state" | "tries" | "next_at" | "ended_at">): {
  text: string;
  at: string | null;
  tone?: string;
} {
  if (state === "sent") return { text: "sent", at: ended_at ?? null };
  if (state === "failed") return { text: "given up", at: ended_at ?? null, tone: "tone-bad" };
  return tries > 0 ? { text: "waits, next try", at: next_at ?? null, tone: "tone-warn" } : { text: "waits", at: null };
}
