//! Makes audits: all that are wanted together, so that a package that many have is asked about once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rigi_engine::Engine;
use rigi_engine::projects::Projects;
use rigi_local::environment::Environments;
use rigi_model::notices::Facts;
use rigi_model::packages::{
    AuditCause, AuditOutcome, Ignored, Pinned, Report, follow, pinned, verdict, words,
};
use rigi_model::triggers::Rhythm;
use rigi_model::{ProjectName, Timestamp};
use rigi_store::packages::{AuditWord, PackageAudit};
use rigi_store::triggers::FollowUp;
use tokio::sync::Mutex;

use super::found::{self, Found, NoPackages};
use super::source::{Answer, Source};

/// What an operator has set.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// Who knows; `None`: nothing is audited.
    pub source: Option<Source>,
    /// When all are audited, beside after builds.
    pub rhythm: Option<Rhythm>,
    /// What does not count.
    pub ignored: Vec<Ignored>,
    /// One audit takes no longer.
    pub timeout: Duration,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { source: None, rhythm: None, ignored: Vec::new(), timeout: Duration::from_secs(300) }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Auditor {
    pub(super) engine: Engine,
    pub(super) projects: Projects,
    environments: Arc<Environments>,
    pub(super) settings: Arc<AuditSettings>,
    turn: Arc<Mutex<()>>,
}

/// A pipeline whose packages are to be audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// In which project.
    pub project: ProjectName,
    /// Which.
    pub pipeline: String,
    /// What is done by it.
    pub done: Vec<FollowUp>,
}

/// Why nothing was audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Nobody is set to be asked.
    #[error("packages are not audited here: no source of advisories is set")]
    Off,
    /// Another audit is under way.
    #[error("packages are being audited already")]
    Busy,
    /// There is no such pipeline.
    #[error("there is no such pipeline")]
    NoPipeline,
    /// There is nothing to look at.
    #[error("its packages cannot be looked at: {0}")]
    Nothing(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

impl Auditor {
    /// Of a server.
    #[must_use]
    pub fn new(
        engine: Engine,
        projects: Projects,
        environments: Arc<Environments>,
        settings: AuditSettings,
    ) -> Self {
        Self { engine, projects, environments, settings: Arc::new(settings), turn: Arc::default() }
    }

    /// What an operator has set.
    #[must_use]
    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    /// The environments of this machine.
    #[must_use]
    pub const fn environments(&self) -> &Arc<Environments> {
        &self.environments
    }

    /// The packages that a pipeline has now.
    ///
    /// # Errors
    /// If there is no such pipeline, or the database does not answer.
    pub async fn find(
        &self,
        project: &ProjectName,
        pipeline: &str,
    ) -> Result<Result<Found, NoPackages>, AuditError> {
        let catalog = self.projects.catalog(project).ok_or(AuditError::NoPipeline)?;
        let pipeline = catalog.get(pipeline).ok_or(AuditError::NoPipeline)?;
        Ok(found::find(self.engine.store().db(), &self.environments, project, &pipeline).await?)
    }

    /// Audits because somebody asks: at once, or not at all.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn audit_now(&self, wanted: Vec<Wanted>, by: &str) -> Result<Vec<PackageAudit>, AuditError> {
        if !self.engine.leads() {
            // Environments are on the machine of the server that leads.
            return Err(rigi_store::Error::Elsewhere("an audit of packages").into());
        }
        let _turn = self.turn.try_lock().map_err(|_| AuditError::Busy)?;
        self.audit_all(wanted, AuditCause::Hand, by).await
    }

    /// Audits when others are done.
    pub(super) async fn audit(
        &self,
        wanted: Vec<Wanted>,
        cause: AuditCause,
    ) -> Result<Vec<PackageAudit>, AuditError> {
        let _turn = self.turn.lock().await;
        self.audit_all(wanted, cause, "rigi").await
    }

    async fn audit_all(
        &self,
        wanted: Vec<Wanted>,
        cause: AuditCause,
        by: &str,
    ) -> Result<Vec<PackageAudit>, AuditError> {
        let source = self.settings.source.as_ref().ok_or(AuditError::Off)?;
        let one_alone = wanted.len() == 1;
        let mut all = Vec::new();
        for one in wanted {
            match self.find(&one.project, &one.pipeline).await {
                Ok(Ok(found)) => all.push((one, found)),
                Ok(Err(none)) if one_alone && cause == AuditCause::Hand => {
                    return Err(AuditError::Nothing(none.words()));
                }
                Err(AuditError::NoPipeline) if one_alone && cause == AuditCause::Hand => {
                    return Err(AuditError::NoPipeline);
                }
                // It may have gone meanwhile, or is another one now.
                Ok(Err(_)) | Err(AuditError::NoPipeline) => self.forget(&one.done).await?,
                Err(error) => return Err(error),
            }
        }
        let asked: BTreeSet<Pinned> =
            all.iter().flat_map(|(_, found)| &found.packages).filter_map(pinned).collect();
        let folder = self.engine.store().data().join("cache").join("audit");
        let answer = source.ask(asked.into_iter().collect(), &folder);
        let answer = match tokio::time::timeout(self.settings.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                let why =
                    format!("{} takes longer than {} s", source.name(), self.settings.timeout.as_secs());
                Answer { source: source.name(), advice: Err(why) }
            }
        };
        if let Err(why) = &answer.advice {
            tracing::warn!(reason = why, "packages could not be checked");
        }
        let mut audits = Vec::new();
        for (one, found) in all {
            audits.push(self.note(&one, found, &answer, (cause, by)).await?);
        }
        Ok(audits)
    }

    async fn forget(&self, done: &[FollowUp]) -> rigi_store::Result<()> {
        for one in done {
            self.engine.store().followed(one, &[], &[], &[], Timestamp::now()).await?;
        }
        Ok(())
    }

    async fn note(
        &self,
        wanted: &Wanted,
        found: Found,
        answer: &Answer,
        (cause, by): (AuditCause, &str),
    ) -> rigi_store::Result<PackageAudit> {
        let (store, now) = (self.engine.store(), Timestamp::now());
        let advice = answer.advice.as_ref().map_err(String::as_str);
        let today = day_of(now);
        let report =
            verdict(&found.packages, found.incomplete.as_deref(), advice, &self.settings.ignored, today);
        let before = store.db().package_audits(&wanted.project, &wanted.pipeline, None, 1).await?.pop();
        let (number, stood) =
            before.as_ref().map_or((0, Vec::new()), |before| (before.number, before.standing.clone()));
        let change = follow(&stood, &report);
        let facts = |message: String| Facts {
            pipeline: Some(wanted.pipeline.clone()),
            message: Some(message),
            ..Facts::default()
        };
        let word = if !change.news.is_empty() {
            AuditWord::Found(facts(words(&change.news)))
        } else if change.over {
            AuditWord::Over(facts("nothing is known any more against its packages".to_owned()))
        } else {
            AuditWord::Nothing
        };
        let standing = change.standing;
        let Report { outcome, message, packages, findings, .. } = report;
        let audit = PackageAudit {
            pipeline: wanted.pipeline.clone(),
            number: number + 1,
            at: now,
            cause,
            asked_by: by.to_owned(),
            source: answer.source.clone(),
            origin: found.origin,
            environment: found.environment,
            label: found.label,
            outcome,
            message,
            packages,
            findings,
            standing,
        };
        let is_night = |one: &PackageAudit| one.cause == AuditCause::Schedule;
        let same =
            before.filter(|before| is_night(before) && is_night(&audit) && before.says_the_same(&audit));
        let replaced = same.map(|before| before.number);
        store.note_package_audit(&wanted.project, &audit, replaced, word, &wanted.done).await?;
        let outcome: AuditOutcome = audit.outcome;
        metrics::counter!("rigi_package_audits_total", "outcome" => outcome.as_str()).increment(1);
        Ok(audit)
    }
}

/// The day of a moment, in UTC.
fn day_of(now: Timestamp) -> jiff::civil::Date {
    let at = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
