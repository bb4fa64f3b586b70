//! Git repositories that pipelines come from, and syncs. No token and no private key is ever in an answer.

use rigi_model::Timestamp;
use rigi_model::repositories::{Cause, Forge, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A repository of a project, with what it holds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RepositoryView {
    /// Its name in the project.
    #[schema(example = "tools")]
    pub name: String,
    /// Its address.
    #[schema(example = "https://git.example.org/lab/tools.git")]
    pub url: String,
    /// The branch that is followed; absent, with `tag` and `commit` absent too: the repository's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The tag that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The folder whose subfolders are pipelines; empty is the top.
    pub folder: String,
    /// Between two syncs that nobody asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5m")]
    pub interval: Option<String>,
    /// By whose ways its pages have addresses, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "gitlab")]
    pub forge: Option<Forge>,
    /// The name that goes with its token, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its page, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Whether it has a token.
    pub token: bool,
    /// The half of its key that its host is to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The fingerprints of the keys by which its host is known; none before the first sync by SSH.
    pub host_keys: Vec<String>,
    /// Whether its host may call when something was pushed.
    pub hook: bool,
    /// What was synced last; absent: nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<SyncedView>,
    /// Its pipelines, by name.
    pub pipelines: Vec<RepositoryPipeline>,
    /// When this server looked at it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub looked_at: Option<Timestamp>,
    /// What went wrong then; what was synced before stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<SyncFailure>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// Who did that.
    pub changed_by: String,
}

/// Why a sync did not go well.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncFailure {
    /// What went wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cure: String,
}

/// What was synced last.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncedView {
    /// The commit.
    pub commit: String,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A pipeline of a repository.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RepositoryPipeline {
    /// Its name.
    pub name: String,
    /// The version of its code; absent: it cannot run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it cannot run, or whose its name is.
    pub mistakes: Vec<String>,
}

/// What a repository is to be.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRepository {
    /// Of one that is added: its name; absent: the last part of its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "tools")]
    pub name: Option<String>,
    /// `https://host/path`, `ssh://user@host/path` or `user@host:path`; without a name, a token or a password.
    #[schema(example = "https://git.example.org/lab/tools.git")]
    pub url: String,
    /// The branch to follow; one of `branch`, `tag` and `commit`, or none for the repository's own branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The tag to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit to take: all of its digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The folder whose subfolders are pipelines.
    #[serde(default)]
    pub folder: String,
    /// Between two syncs that nobody asks for: `30s` at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5m")]
    pub interval: Option<String>,
    /// `github`, `gitlab`, `gitea` or `bitbucket`, where the host's name does not say by whose ways its pages have addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "gitlab")]
    pub forge: Option<Forge>,
    /// The name that goes with the token, where the host wants a certain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A token that may read it. Absent: the one that it has stays; empty: it has none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password, write_only)]
    pub token: Option<String>,
}

impl std::fmt::Debug for SetRepository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetRepository({})", self.url)
    }
}

/// A key to open a repository with.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRepositoryKey {
    /// A private key without a passphrase; absent: one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password, write_only)]
    pub private_key: Option<String>,
}

impl std::fmt::Debug for SetRepositoryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetRepositoryKey")
    }
}

/// The half of a key that a host is given.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RepositoryKey {
    /// As a host takes it.
    #[schema(example = "ssh-ed25519 AAAAC3… rigi-tools")]
    pub public_key: String,
}

/// How a host is to call when something was pushed. The secret is told this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RepositoryHook {
    /// Where to.
    pub url: String,
    /// What it signs with.
    pub secret: String,
}

impl std::fmt::Debug for RepositoryHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RepositoryHook({})", self.url)
    }
}

/// What a sync came to, or would.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncReport {
    /// `changed` or `unchanged`.
    #[schema(value_type = String, example = "changed")]
    pub outcome: Outcome,
    /// Whether it took place; else it is what would.
    pub done: bool,
    /// What it changes.
    pub plan: SyncPlan,
}

/// What a sync changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncPlan {
    /// The commit.
    pub commit: String,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The commit before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The first line of what the commit says of itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Pipelines that are new.
    pub added: usize,
    /// Pipelines that are there no more.
    pub removed: usize,
    /// Pipelines with other files.
    pub changed: usize,
    /// Pipelines that cannot run, of those that are there.
    pub invalid: usize,
    /// Pipelines that stay as they are.
    pub same: usize,
    /// Each that changes or cannot run, by name.
    pub pipelines: Vec<SyncLine>,
    /// What of the repository is not taken, and belongs to no pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}

/// What becomes of one pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncLine {
    /// Its name.
    pub name: String,
    /// `added`, `removed`, `changed` or `same`.
    #[schema(value_type = String, example = "changed")]
    pub change: rigi_model::repositories::plan::Change,
    /// Files that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_added: Vec<String>,
    /// Files that are there no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_removed: Vec<String>,
    /// Files with other content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_changed: Vec<String>,
    /// Why it cannot run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
    /// What is worth a word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A sync that changed something, or went wrong.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncView {
    /// Counts from 1 for each repository.
    pub number: i64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: Timestamp,
    /// `hand`, `webhook` or `interval`.
    #[schema(value_type = String, example = "webhook")]
    pub cause: Cause,
    /// Who asked for it.
    pub asked_by: String,
    /// `changed` or `failed`.
    #[schema(value_type = String, example = "changed")]
    pub outcome: Outcome,
    /// What it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<SyncPlan>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Git facts of a version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GitView {
    /// Commit id.
    pub commit: String,
    /// Branch, if one was checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The folder had changes that were not committed.
    pub dirty: bool,
    /// The repository of the project that it came from, if it came by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}
