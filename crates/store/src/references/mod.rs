//! Secrets by reference: their values lie in a variable or a file of the server, or in Vault, and are asked for when a run starts.
//!
//! Which of them a project may name, an operator says ([`AllowedSource`]); it is looked at when a reference is set, and again each
//! time that it is followed. One who asks for what another is asking for just now waits for that answer.

pub mod key;
mod local;
mod vault;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rigi_model::ProjectName;
use rigi_model::secret::check_secret_value;
use rigi_model::secret_source::{AllowedSource, SecretSource};

pub use vault::{Vault, VaultSettings};

/// A value that was read is given for so long: a burst of starts asks once.
const FRESH: Duration = Duration::from_secs(10);
/// A place that did not answer is not asked again for so long.
const REST: Duration = Duration::from_secs(2);
/// Values that are kept in memory; with more, all are read anew.
const MOST_KEPT: usize = 1000;

/// Why a value cannot be had, as the end of a sentence that names the secret, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Whether it may be there in a moment.
    pub may_pass: bool,
    /// In words: `Vault does not answer: …`.
    pub why: String,
    /// What to do.
    pub cure: String,
}

impl Unresolved {
    fn away(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { may_pass: true, why: why.into(), cure: cure.into() }
    }

    fn wrong(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { may_pass: false, why: why.into(), cure: cure.into() }
    }
}

type Answer = Result<Arc<str>, Unresolved>;

/// What an operator allows.
#[derive(Default)]
pub struct Allowed {
    /// To all projects.
    pub all: Vec<AllowedSource>,
    /// To single ones, beside that.
    pub of_projects: BTreeMap<ProjectName, Vec<AllowedSource>>,
}

/// Follows references. Cheap to clone.
#[derive(Clone, Default)]
pub struct References {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    allowed: Allowed,
    vault: Option<Vault>,
    /// Of each project by itself: what may be read, says the project.
    known: Mutex<HashMap<(ProjectName, SecretSource), Place>>,
}

/// Held while it is asked.
type Place = Arc<tokio::sync::Mutex<Option<Known>>>;

struct Known {
    answer: Answer,
    until: Instant,
}

impl std::fmt::Debug for References {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("References")
    }
}

impl References {
    /// Those that an operator allows.
    #[must_use]
    pub fn new(allowed: Allowed, vault: Option<Vault>) -> Self {
        Self { inner: Arc::new(Inner { allowed, vault, known: Mutex::default() }) }
    }

    /// Whether any project may have any: to make a plan may then take a while.
    #[must_use]
    pub fn are_allowed(&self) -> bool {
        !self.inner.allowed.all.is_empty() || !self.inner.allowed.of_projects.is_empty()
    }

    fn of(&self, project: &ProjectName) -> impl Iterator<Item = &AllowedSource> {
        let Allowed { all, of_projects } = &self.inner.allowed;
        all.iter().chain(of_projects.get(project).into_iter().flatten())
    }

    /// Whether a project may name this.
    ///
    /// # Errors
    /// With what is allowed instead.
    pub fn check(&self, project: &ProjectName, source: &SecretSource) -> Result<(), Unresolved> {
        if self.of(project).any(|allowed| allowed.covers(project, source)) {
            return match (source, &self.inner.vault) {
                (SecretSource::Vault(_), None) => {
                    Err(Unresolved::wrong("this server knows no Vault", "Set `vault.address`"))
                }
                _ => Ok(()),
            };
        }
        let allowed: Vec<String> = self.of(project).map(|allowed| format!("`{allowed}`")).collect();
        let why = match allowed.as_slice() {
            [] => "this server takes no values from elsewhere for this project".to_owned(),
            some => format!("this project takes values from {} alone", some.join(", ")),
        };
        let cure = "An operator of the server allows more with `secrets.from`, or with `secrets_from` of the project";
        Err(Unresolved::wrong(why, cure))
    }

    /// The value that a reference leads to.
    ///
    /// # Errors
    /// If it may not be named, is not there, cannot be a secret, or cannot be had now.
    pub async fn resolve(
        &self,
        project: &ProjectName,
        source: &SecretSource,
    ) -> Result<Arc<str>, Unresolved> {
        // Each time: what is known may be of before.
        self.check(project, source)?;
        let place = {
            let mut known = self.inner.known.lock().unwrap_or_else(PoisonError::into_inner);
            let place = (project.clone(), source.clone());
            if known.len() >= MOST_KEPT && !known.contains_key(&place) {
                known.clear();
            }
            known.entry(place).or_default().clone()
        };
        let mut known = place.lock().await;
        if let Some(known) = known.as_ref().filter(|known| Instant::now() < known.until) {
            return known.answer.clone();
        }
        let answer = self.read(project, source).await.and_then(|value| {
            let wrong = |why| Unresolved::wrong(why, "Put a value there that can be a secret");
            check_secret_value(&value).map(|()| Arc::from(value)).map_err(wrong)
        });
        let keep = if answer.is_ok() { FRESH } else { REST };
        *known = Some(Known { answer: answer.clone(), until: Instant::now() + keep });
        answer
    }

    async fn read(&self, project: &ProjectName, source: &SecretSource) -> Result<String, Unresolved> {
        match source {
            SecretSource::Environment(name) => local::variable(name),
            SecretSource::File(path) => {
                let folders: Vec<String> =
                    self.of(project).filter_map(|allowed| allowed.folder_of(project, source)).collect();
                local::file(folders, path.clone()).await
            }
            SecretSource::Vault(field) => match &self.inner.vault {
                Some(vault) => vault.field(field).await,
                None => Err(Unresolved::wrong("this server knows no Vault", "Set `vault.address`")),
            },
        }
    }
}
