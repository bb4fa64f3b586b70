/** What is done with repositories, with what starts runs, and with what tells of them, in the words of the audit log. */

export const OWN_ACTIONS: readonly { value: string; label: string }[] = [
  { value: "repositories.add", label: "Repositories added" },
  { value: "repositories.change", label: "Repositories changed" },
  { value: "repositories.remove", label: "Repositories removed" },
  { value: "repositories.sync", label: "Repositories synced" },
  { value: "repositories.key", label: "Keys of repositories made" },
  { value: "repositories.hook", label: "Webhooks of repositories made" },
  { value: "repositories.pin-host-key", label: "Keys of hosts first seen" },
  { value: "repositories.reset-host-key", label: "Keys of hosts forgotten" },
  { value: "triggers.set", label: "Triggers made and changed" },
  { value: "triggers.pause", label: "Triggers paused" },
  { value: "triggers.resume", label: "Triggers resumed" },
  { value: "triggers.remove", label: "Triggers removed" },
  { value: "triggers.cursor", label: "Cursors of sensors set" },
  { value: "webhooks.make", label: "Webhooks made" },
  { value: "webhooks.set", label: "Webhooks changed" },
  { value: "webhooks.secret", label: "Secrets of webhooks replaced" },
  { value: "webhooks.remove", label: "Webhooks removed" },
  { value: "backfills.make", label: "Backfills started" },
  { value: "backfills.set", label: "Backfills paused, ended, or done again" },
  { value: "channels.set", label: "Channels set" },
  { value: "channels.remove", label: "Channels removed" },
  { value: "rules.set", label: "Rules of notices set" },
  { value: "rules.remove", label: "Rules of notices removed" },
  { value: "notice-keys.make", label: "Keys of notices made" },
  { value: "notice-keys.remove", label: "Keys of notices taken back" },
];

const DEEDS: Readonly<Record<string, (name: string, commit: string) => string>> = {
  "repositories.add": (name) => `added the repository ${name}`,
  "repositories.change": (name) => `changed the repository ${name}`,
  "repositories.remove": (name) => `removed the repository ${name}`,
  "repositories.sync": (name, commit) => `synced the repository ${name} to commit ${commit.slice(0, 7)}`,
  "repositories.key": (name) => `gave the repository ${name} a key`,
  "repositories.hook": (name) => `made a webhook for the repository ${name}`,
  "repositories.pin-host-key": (name) => `saw the key of the host of the repository ${name} for the first time`,
  "repositories.reset-host-key": (name) => `had the key of the host of the repository ${name} forgotten`,
  "triggers.set": (name) => `set the trigger ${name}`,
  "triggers.pause": (name) => `paused the trigger ${name}`,
  "triggers.resume": (name) => `let the trigger ${name} go on`,
  "triggers.remove": (name) => `removed the trigger ${name}`,
  "triggers.cursor": (name) => `set where the sensor ${name} goes on`,
  "webhooks.make": (name) => `made the webhook ${name}`,
  "webhooks.set": (name) => `changed the webhook ${name}`,
  "webhooks.secret": (name) => `replaced the secret of the webhook ${name}`,
  "webhooks.remove": (name) => `removed the webhook ${name}`,
  "backfills.make": (name) => `started the backfill ${name}`,
  "backfills.set": (name) => `had the backfill ${name} pause, go on, end, or be done again`,
  "channels.set": (name) => `set where the channel ${name} leads to`,
  "channels.remove": (name) => `removed the channel ${name}`,
  "rules.set": (name) => `set the rule ${name} of notices`,
  "notice-keys.make": (name) => `made the key ${name} that sends notices`,
  "notice-keys.remove": (name) => `took the key ${name} back that sends notices`,
  "rules.remove": (name) => `removed the rule ${name} of notices`,
};

/** Who did it is named before; null: it is none of these. */
export function ownDeed(action: string, name: string, commit: string): string | null {
  return DEEDS[action]?.(name, commit) ?? null;
}
