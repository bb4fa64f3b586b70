/** What is done with what starts runs and tells of them, in the words of the audit log. */

export const OWN_ACTIONS: readonly { value: string; label: string }[] = [
  { value: "webhooks.make", label: "Webhooks made" },
  { value: "webhooks.set", label: "Webhooks changed" },
  { value: "webhooks.secret", label: "Secrets of webhooks replaced" },
  { value: "webhooks.remove", label: "Webhooks removed" },
  { value: "channels.set", label: "Channels set" },
  { value: "channels.remove", label: "Channels removed" },
  { value: "rules.set", label: "Rules of notices set" },
  { value: "rules.remove", label: "Rules of notices removed" },
  { value: "notice-keys.make", label: "Keys of notices made" },
  { value: "notice-keys.remove", label: "Keys of notices taken back" },
];

const DEEDS: Readonly<Record<string, (name: string) => string>> = {
  "webhooks.make": (name) => `made the webhook ${name}`,
  "webhooks.set": (name) => `changed the webhook ${name}`,
  "webhooks.secret": (name) => `replaced the secret of the webhook ${name}`,
  "webhooks.remove": (name) => `removed the webhook ${name}`,
  "channels.set": (name) => `set where the channel ${name} leads to`,
  "channels.remove": (name) => `removed the channel ${name}`,
  "rules.set": (name) => `set the rule ${name} of notices`,
  "notice-keys.make": (name) => `made the key ${name} that sends notices`,
  "notice-keys.remove": (name) => `took the key ${name} back that sends notices`,
  "rules.remove": (name) => `removed the rule ${name} of notices`,
};

/** Who did it is named before; null: it is none of these. */
export function ownDeed(action: string, name: string): string | null {
  return DEEDS[action]?.(name) ?? null;
}
