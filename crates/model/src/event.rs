//! Events: one row each time something happened to a run or to another subject. They feed the live stream and tell the story of each
//! afterwards.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ProjectName, Reason, RunId, Timestamp};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEvent {
    /// To which.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// The new state's text, or `cancel-requested`, `preparing`, `prepared`, `attempt-failed`,
    /// `outputs-left-out`, `route`, `secrets`, `cancel-asked` (of a server that does not lead).
    pub kind: &'static str,
    /// Attempt it belongs to; 0 is the run itself.
    pub attempt: u32,
    /// Stable code.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<String>,
}

impl RunEvent {
    /// The kind of an event that tells which route an attempt chose; its message is the route.
    pub const ROUTE: &'static str = "route";
    /// The kind of an event that tells that an attempt uses more than its soft limits.
    pub const SOFT_LIMIT: &'static str = "soft-limit";
    /// The kind of an event that tells which secrets an attempt was given; see [`versions_told`].
    pub const SECRETS: &'static str = "secrets";
}

/// Versions of secrets as an event tells them: `API_KEY 3, TOKEN 1`.
#[must_use]
pub fn tell_versions(versions: &BTreeMap<String, i64>) -> String {
    let each: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    each.join(", ")
}

/// What [`tell_versions`] told.
#[must_use]
pub fn versions_told(text: &str) -> BTreeMap<String, i64> {
    let each = text.split(", ").filter_map(|one| one.rsplit_once(' '));
    each.filter_map(|(name, version)| Some((name.to_owned(), version.parse().ok()?))).collect()
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A run.
    Run,
    /// A project; its id is its name.
    Project,
    /// Captured code; its id is its hash.
    Version,
    /// An uploaded file.
    Upload,
    /// An account: what it may has changed.
    Person,
    /// A group of people.
    Group,
    /// A session that was ended; its id is what its owner sees of it.
    Session,
    /// A token that was taken back.
    Token,
    /// A secret of a project; its id is its name.
    Secret,
    /// A mail that waits to be sent.
    Mail,
    /// A schedule; its id is the pipeline's name, a slash, and its own.
    Schedule,
    /// A webhook; its id is its name.
    Webhook,
    /// Notices of a project: a channel, a rule, or what became of one; its id is a name, or the notice's.
    Notice,
    /// A backfill.
    Backfill,
    /// What starts runs when something has happened, by pipeline and id.
    Trigger,
    /// A dataset; its id is its name.
    Dataset,
    /// A repository that pipelines come from; its id is its name.
    Repository,
    /// Packages of a pipeline, which were audited; its id is the pipeline's name.
    Packages,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Run,
        Self::Project,
        Self::Version,
        Self::Upload,
        Self::Person,
        Self::Group,
        Self::Session,
        Self::Token,
        Self::Secret,
        Self::Mail,
        Self::Schedule,
        Self::Webhook,
        Self::Notice,
        Self::Backfill,
        Self::Trigger,
        Self::Dataset,
        Self::Repository,
        Self::Packages,
    ];

    /// As stored, and as the live stream calls its events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Project => "project",
            Self::Version => "version",
            Self::Upload => "upload",
            Self::Person => "person",
            Self::Group => "group",
            Self::Session => "session",
            Self::Token => "token",
            Self::Secret => "secret",
            Self::Mail => "mail",
            Self::Schedule => "schedule",
            Self::Webhook => "webhook",
            Self::Notice => "notice",
            Self::Backfill => "backfill",
            Self::Trigger => "trigger",
            Self::Dataset => "dataset",
            Self::Repository => "repository",
            Self::Packages => "packages",
        }
    }

    /// A stored subject; `None`: one of a newer version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.as_str() == text)
    }
}

/// Something that happened to a subject; what an engine sees of a run is a [`RunEvent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectEvent {
    /// In which project.
    pub project: ProjectName,
    /// To what.
    pub subject: Subject,
    /// Which of them.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What: `created`, `changed`, `ended`; of a project `runs-removed`; of a run `cancel-asked`; of a secret `set` and `removed`.
    pub kind: &'static str,
    /// For people; of `cancel-asked`, who asked.
    pub message: Option<String>,
}

impl SubjectEvent {
    /// It is there from now on.
    pub const CREATED: &'static str = "created";
    /// It is another than before.
    pub const CHANGED: &'static str = "changed";
    /// A repository's pipelines are those of another commit.
    pub const SYNCED: &'static str = "synced";
    /// A sync did not go well, and nothing has changed.
    pub const SYNC_FAILED: &'static str = "sync-failed";
    /// It is over.
    pub const ENDED: &'static str = "ended";
    /// A secret has another value from now on.
    pub const SET: &'static str = "set";
    /// A time of a schedule had come, and it is known what became of it.
    pub const FIRED: &'static str = "fired";
    /// It is not there any more.
    pub const REMOVED: &'static str = "removed";
    /// What became of steps of a flow's run.
    pub const STEPS: &'static str = "steps";
    /// A person has answered a run that waited for one.
    pub const ANSWERED: &'static str = "answered";
    /// What follows from a run's end was done; its message says what was not.
    pub const FOLLOWED: &'static str = "followed";
    /// Runs of a project were removed.
    pub const RUNS_REMOVED: &'static str = "runs-removed";
    /// Somebody wants a run to stop, and has said so to a server that does not lead.
    pub const CANCEL_ASKED: &'static str = "cancel-asked";
}
