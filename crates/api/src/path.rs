//! Paths of the API.

/// What a project has of its own: below `/api/v1/projects/{project}/`, and for the project that is always there below `/api/v1/`.
pub const OF_PROJECTS: [&str; 28] = [
    "pipelines",
    "process-types",
    "runs",
    "uploads",
    "events",
    "secrets",
    "members",
    "invitations",
    "activity",
    "usage",
    "requests",
    "schedules",
    "fires",
    "triggers",
    "datasets",
    "contents",
    "webhooks",
    "starts",
    "backfills",
    "channels",
    "rules",
    "notices",
    "incidents",
    "notice-keys",
    "repositories",
    "package-audits",
    "storage-keys",
    "storage-use",
];

/// Percent-encoding of everything but letters, digits and `-._`.
#[must_use]
pub fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
