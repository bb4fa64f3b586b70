//! What every handler can reach.

use std::path::PathBuf;
use std::sync::Arc;

use rigi_engine::Engine;
use rigi_engine::projects::Projects;
use rigi_exec::remote::Remote;
use rigi_model::Timestamp;
use rigi_store::Store;
use tokio::sync::Mutex;

use super::Surroundings;
use crate::auth::Auth;
use crate::live::{Feeds, Logs};
use crate::mail::Mail;
use crate::notices::Sender;
use crate::outside::Outside;

/// Handed to every handler. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

/// The parts of a running server.
pub struct Inner {
    /// Accepts and runs.
    pub engine: Engine,
    /// Attempts in containers and on clusters.
    pub remote: Remote,
    /// Projects, with their pipelines.
    pub projects: Projects,
    /// Where pipelines come from beside folders.
    pub repositories: rigi_engine::repositories::Repositories,
    /// Held by whoever changes a project.
    pub changing_projects: Mutex<()>,
    /// Who has called webhooks.
    pub webhook_calls: super::webhooks::Calls,
    /// Uploads that come in pieces.
    pub arrivals: super::tus::Arrivals,
    /// Whether S3's tools are answered.
    pub gateway: bool,
    /// Who may.
    pub auth: Auth,
    /// How mail goes from here, where it does.
    pub mail: Option<Mail>,
    /// What is sent to addresses that people give.
    pub outside: Outside,
    /// Who sends notices.
    pub sender: Sender,
    /// Audits packages.
    pub auditor: crate::packages::Auditor,
    /// What changed, for the live stream.
    pub feeds: Feeds,
    /// The logs that are followed.
    pub logs: Logs,
    /// When the server started.
    pub started_at: Timestamp,
    /// Folder as the user gave it.
    pub pipelines_folder: PathBuf,
    /// Removes what is no longer kept.
    pub collector: rigi_engine::retention::Collector,
    /// Targets and storage, as they were set up.
    pub surroundings: Arc<dyn Surroundings>,
    /// Held by whoever looks at them.
    pub looking: Arc<Mutex<()>>,
    /// Things an operator should know.
    pub warnings: Vec<String>,
    /// Whether the server can work.
    pub readiness: super::health::Readiness,
    /// What is measured.
    pub measures: crate::measures::Measures,
    /// What is asked for when somebody reads it.
    pub asked: super::scrape::Asked,
}

impl AppState {
    /// Of these parts.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// What is remembered.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.inner.engine.store()
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}
