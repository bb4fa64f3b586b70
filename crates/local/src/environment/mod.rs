//! Python environments: made by `uv`, one per content hash, shared by all runs that need the same, built once.
//!
//! `<data>/environments/<hash>/` holds `venv/` (environments cannot be moved, so they are built in place), `code/` where what
//! is installed is a link to it, `build.log`, `complete` (written last: without it the folder is a half-built one and is built anew) and `used` (its age is the
//! time since the last use).

mod apart;
mod build;
mod collect;
mod declared;
mod failure;
mod installed;
mod need;
mod notebook;
mod project;
mod requirements;
mod script;
mod tree;
mod uv;
mod variables;
mod verdict;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::spec::Entry;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use collect::Collected;
pub use declared::{Files, Format, declared};
pub use notebook::runner_path;
use rigi_work::plan::AttemptPlan;
pub use uv::UvConfig;

/// The mark of last use is renewed no more often than this.
const TOUCH: Duration = Duration::from_secs(60);

/// An environment that can be used.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Hash of all that it follows from.
    pub hash: String,
    /// For people: `Python 3.12.1 with 14 packages`.
    pub message: String,
    /// How long it took; zero if it was there.
    pub took: Duration,
    /// Its folder: `bin/python` is in it.
    pub venv: PathBuf,
}

/// An environment that cannot be made.
#[derive(Debug, Clone)]
pub struct BuildError {
    /// Whose fault it is.
    pub class: FailureClass,
    /// For people, in one or a few sentences.
    pub message: String,
    /// For the run's log: the message, and the end of the build's own log.
    pub words: Vec<String>,
}

type Outcome = Option<Result<Ready, BuildError>>;

/// A build that is going on: called off when nobody waits for it any more.
#[derive(Debug)]
struct GoingOn {
    outcome: watch::Receiver<Outcome>,
    task: AbortHandle,
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a captured code version needs does not change: it is found out once.
type Known = HashMap<(PathBuf, String), KnownNeed>;

/// What is known of it.
#[derive(Debug, Default)]
struct KnownNeed {
    /// The variables that its requirements name.
    names: BTreeSet<String>,
    /// Hashes by what the pipeline's variables were.
    hashes: HashMap<String, String>,
}

/// All environments of one data folder.
#[derive(Debug)]
pub struct Environments {
    folder: PathBuf,
    uv: uv::Uv,
    builds: Mutex<HashMap<String, Weak<GoingOn>>>,
    known: Mutex<Known>,
    messages: Mutex<HashMap<String, (String, Instant)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Environments {
    /// `folder` holds them, `tools` what they are made with.
    #[must_use]
    pub fn new(folder: PathBuf, tools: PathBuf, config: UvConfig) -> Self {
        let uv = uv::Uv::new(tools, config);
        let (builds, known, messages) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { folder, uv, builds, known, messages }
    }

    /// The environment of a plan, if it was used before and is there: nothing is read or started for the answer.
    #[must_use]
    pub fn ready(&self, plan: &AttemptPlan) -> Option<Ready> {
        let hash = {
            let known = lock(&self.known);
            let need = known.get(&(plan.code.clone(), need::signature(plan)))?;
            let said = variables::fingerprint(&variables::of_pipeline(&plan.env, &need.names));
            need.hashes.get(&said)?.clone()
        };
        let (message, touched) = lock(&self.messages).get(&hash)?.clone();
        let folder = self.folder.join(&hash);
        if touched.elapsed() > TOUCH {
            self.touch(&folder).then_some(())?;
            lock(&self.messages).insert(hash.clone(), (message.clone(), Instant::now()));
        }
        Some(Ready { venv: folder.join("venv"), hash, message, took: Duration::ZERO })
    }

    /// Where it is written what was said while an environment was built.
    #[must_use]
    pub fn build_log(&self, hash: &str) -> PathBuf {
        self.folder.join(hash).join("build.log")
    }

    /// The packages that are installed in an environment; `None`: it is not here, or not whole.
    #[must_use]
    pub fn installed(&self, hash: &str) -> Option<Vec<rigi_model::packages::Package>> {
        // What is stored as a hash names a folder, and nothing else.
        let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = self.folder.join(hash);
        (is_hash && build::read(&folder).is_some()).then(|| installed::packages(&folder))
    }

    fn touch(&self, folder: &Path) -> bool {
        build::read(folder).is_some() && fs::write(folder.join(collect::USED), b"").is_ok()
    }

    /// The environment of a plan, built if need be; `say` is told when that takes time. Dropping the future calls the
    /// build off, unless another attempt waits for it too.
    ///
    /// # Errors
    /// If it cannot be built.
    pub async fn prepare(&self, plan: &AttemptPlan, say: impl Fn(String)) -> Result<Ready, BuildError> {
        notebook::write_runner(&self.uv.tools)?;
        let need = look(plan).await?;
        let python = self.uv.resolve(&need, &say).await?;
        let known = need.reach.outside.is_empty().then(|| (need.reach.names.clone(), need.variables.clone()));
        let hash = self.hash(&need, &python);
        let folder = self.folder.join(&hash);
        let ready = match build::read(&folder) {
            Some(message) => Ready { venv: folder.join("venv"), hash, message, took: Duration::ZERO },
            None => {
                say(format!("Python {} {}", python.version, need.describe()));
                // Only its age counts.
                let _ = fs::write(self.uv.cache_mark(), b"");
                self.build_once(&hash, build::Build { folder, need, python, uv: self.uv.clone() }).await?
            }
        };
        self.touch(&self.folder.join(&ready.hash));
        lock(&self.messages).insert(ready.hash.clone(), (ready.message.clone(), Instant::now()));
        // What lies outside of the code may change at any time: then it is looked at each time.
        if let Some((names, said)) = known {
            let mut known = lock(&self.known);
            let need = known.entry((plan.code.clone(), need::signature(plan))).or_default();
            need.names = names;
            need.hashes.insert(variables::fingerprint(&said), ready.hash.clone());
        }
        Ok(ready)
    }

    /// The name of an environment: of all that it follows from, here and now.
    fn hash(&self, need: &need::Need, python: &uv::Python) -> String {
        let all = variables::together(&self.uv.server, &need.variables);
        let settings: Vec<_> = variables::settings_files(&self.uv.server)
            .iter()
            .filter_map(|file| fs::read(file).ok())
            .collect();
        let said = variables::mattering(&all, &need.reach.names);
        let said = said.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        need.hash(python, said.chain(settings.iter().map(Vec::as_slice)))
    }

    async fn build_once(&self, hash: &str, build: build::Build) -> Result<Ready, BuildError> {
        let going_on = {
            let mut builds = lock(&self.builds);
            builds.retain(|_, build| build.strong_count() > 0);
            builds.get(hash).and_then(Weak::upgrade).unwrap_or_else(|| {
                let (sender, outcome) = watch::channel(None);
                let task = tokio::spawn(build.run(hash.to_owned(), sender)).abort_handle();
                let going_on = Arc::new(GoingOn { outcome, task });
                builds.insert(hash.to_owned(), Arc::downgrade(&going_on));
                going_on
            })
        };
        let mut outcome = going_on.outcome.clone();
        let found = outcome.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        found.unwrap_or_else(|| Err(BuildError::infrastructure("The build was called off.")))
    }
}

/// Looks at a plan's code, which may be large.
async fn look(plan: &AttemptPlan) -> Result<need::Need, BuildError> {
    let plan = plan.clone();
    let looked = tokio::task::spawn_blocking(move || need::find(&plan)).await;
    looked.map_err(|error| BuildError::infrastructure(&format!("The code cannot be looked at: {error}")))?
}

/// Whether a plan is a notebook's, which needs some packages more.
const fn is_notebook(plan: &AttemptPlan) -> bool {
    matches!(plan.entry, Entry::Notebook { .. })
}
