//! The parts of a server without its door: store, executor, pipelines, engine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rigi_engine::decide::{LimitOf, Limits};
use rigi_engine::ledger::Recovered;
use rigi_engine::projects::{Project, Projects};
use rigi_engine::repositories::Repositories;
use rigi_engine::retention::Collector;
use rigi_engine::{Engine, Executors, Settings};
use rigi_exec::remote::{Remote, TokenKey};
use rigi_local::account::{AccountError, Apart};
use rigi_local::environment::UvConfig;
use rigi_local::{ProcessConfig, ProcessExecutor};
use rigi_model::hash::hex;
use rigi_model::{ErrorCode, ProjectName};
use rigi_store::seat::Reached;
use rigi_store::{DbConfig, Renew, Store};
use rigi_work::Executor;
use rigi_work::plan::{Known, Observed};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::data_folder::{DataFolder, hide_from_git};
use super::elsewhere::Elsewhere;
use super::error::{of_executor, of_store};
use super::seats;
use super::surroundings::Surroundings;
use crate::config::{Config, Loaded};
use crate::trouble::Trouble;

/// A storage that takes longer is told as away when the server starts.
const REACH: Duration = Duration::from_secs(3);

/// A running engine and what it stands on.
pub(crate) struct Parts {
    pub engine: Engine,
    pub projects: Projects,
    pub repositories: Repositories,
    pub recovered: Recovered,
    pub process: ProcessExecutor,
    pub remote: Remote,
    pub collector: Collector,
    pub surroundings: Arc<Surroundings>,
    pub folder: DataFolder,
    /// Projects that have runs and are not in the configuration any more, in a sentence each.
    pub left_out: Vec<String>,
    /// Why stored files cannot be reached; what needs them waits.
    pub storage_trouble: Option<String>,
}

/// Which database the configuration asks for.
pub(crate) fn database(config: &Config, data: &Path) -> DbConfig {
    match config.database.url.0.as_str() {
        "" => DbConfig::Sqlite(data.join("rigi.db")),
        url => DbConfig::Postgres(url.to_owned()),
    }
}

impl Parts {
    /// Opens everything and lets what had not ended go on. `url`: where processes of runs reach this server.
    pub(crate) async fn open(
        loaded: Loaded,
        folder: DataFolder,
        renew: Renew,
        url: Option<String>,
        reached: Reached,
    ) -> Result<Self, Trouble> {
        let config = &loaded.config;
        let data = folder.path.clone();
        let store = super::keys::open_store(config, &data, renew).await?;
        store.reached_at(reached);
        let drafts = store.storage().drafts();
        // They may be long, and nobody waits for that.
        tokio::task::spawn_blocking(move || drafts.iter().for_each(|draft| remove_draft(draft)));
        let projects = Projects::read(&store, loaded.project_sources()).await.map_err(|e| of_store(&e))?;
        rigi_engine::repositories::read_all(&store, &projects).await.map_err(|e| of_store(&e))?;
        let left_out = left_out(&store, &projects).await.map_err(|e| of_store(&e))?;
        let mut settings = config.settings(url.as_deref());
        projects.set_in(&settings);
        settings.active.extend(pipeline_limits(&projects));
        let surroundings = Surroundings::of(config, &data, &name_of(&store))?;
        let (observed, seen) = mpsc::unbounded_channel();
        let opened = ProcessExecutor::open(process_config(config, &data)?, observed.clone()).await;
        let (process, mut known) = opened.map_err(|e| of_executor(&e))?;
        let environments = process.environments().clone();
        let tokens = TokenKey::new(store.sealer().derive("tokens of runners"));
        let remote = Remote::open(data.join("remote"), tokens, observed).map_err(|error| {
            let message = format!("what is left of attempts in containers cannot be read: {error}");
            Trouble::new(
                ErrorCode::StorageUnavailable,
                message,
                "check the folder `remote` in the data folder",
            )
        })?;
        let shared: Arc<dyn Executor> = Arc::new(process.clone());
        let (engine, recovered) = if store.follows() {
            let engine =
                follow(settings, store, shared, (&surroundings, &remote, &data), (seen, known)).await;
            (engine.map_err(|e| of_store(&e))?, Recovered::default())
        } else {
            seats::adopt(&store, &remote, &surroundings).await?;
            let mut executors = Executors::from([(shared.target(), shared)]);
            for target in surroundings.executed() {
                let name = target.name().clone();
                known.extend(remote.known(&name));
                executors.insert(name, target.open(&remote));
            }
            Engine::start(settings, store, executors, seen, known).await.map_err(|e| of_store(&e))?
        };
        projects.follow(&engine);
        let repositories = Repositories::new(engine.clone(), projects.clone(), config.git_settings());
        repositories.start();
        let reached = tokio::time::timeout(REACH, engine.store().storage().reach()).await;
        let storage_trouble = match reached {
            Ok(reached) => reached.err().map(|error| format!("{error}; `rigi storage check` says more")),
            Err(_) => Some("the storage does not answer; `rigi storage check` says more".to_owned()),
        };
        let collector = Collector { engine: engine.clone(), projects: projects.clone(), environments };
        Ok(Self {
            engine,
            projects,
            repositories,
            recovered,
            process,
            remote,
            collector,
            surroundings: Arc::new(surroundings),
            folder,
            left_out,
            storage_trouble,
        })
    }
}

/// The engine of a server that follows. What ran on this machine while it led is given up.
async fn follow(
    settings: Settings,
    store: Store,
    process: Arc<dyn Executor>,
    (surroundings, remote, data): (&Surroundings, &Remote, &Path),
    (seen, known): (mpsc::UnboundedReceiver<Observed>, Vec<Known>),
) -> rigi_store::Result<Engine> {
    let mut known: Vec<_> = known.into_iter().map(|known| (process.target(), known)).collect();
    let mut own = vec![process.clone()];
    let mut executors = Executors::from([(process.target(), process)]);
    for target in surroundings.executed() {
        let name = target.name().clone();
        let left = if target.is_shared() { Vec::new() } else { remote.known(&name) };
        if !left.is_empty() {
            own.push(target.clone().open(remote));
            known.extend(left.into_iter().map(|known| (name.clone(), known)));
        }
        executors.insert(name, Arc::new(Elsewhere { target, folder: data.join("elsewhere") }));
    }
    let engine = Engine::follow(settings, store.clone(), executors).await?;
    tokio::spawn(seats::give_up(store, own, known, seen));
    Ok(engine)
}

/// What is said of projects that the configuration no longer names: nothing of them is lost, and nothing shown.
async fn left_out(store: &Store, served: &Projects) -> rigi_store::Result<Vec<String>> {
    let mut words = Vec::new();
    for project in store.db().projects().await? {
        if served.with_deleted(&project).is_none()
            && !store.db().pipelines_with_runs(&project).await?.is_empty()
        {
            words.push(format!(
                "the project `{project}` has runs and is not in the configuration: they are kept and not shown; \
                 `[projects.{project}]` with its `pipelines` brings it back"
            ));
        }
    }
    Ok(words)
}

fn remove_draft(draft: &Path) {
    let removed = if draft.is_dir() { std::fs::remove_dir_all(draft) } else { std::fs::remove_file(draft) };
    if let Err(error) = removed {
        tracing::warn!(draft = %draft.display(), %error, "a file that nobody finishes stays for now");
    }
}

/// What tells this server's containers and Jobs from those of others: the same for as long as its data are.
fn name_of(store: &Store) -> String {
    hex(&store.sealer().derive("name of the server")[..8])
}

fn pipeline_limits(projects: &Projects) -> Limits {
    let limits = |project: Arc<Project>| {
        let id = project.id().clone();
        let limit = move |pipeline: Arc<rigi_engine::catalog::Pipeline>| {
            let limit = pipeline.outcome.as_ref().ok()?.spec.max_instances?;
            Some((LimitOf::Pipeline(id.clone(), pipeline.name.clone()), u64::from(limit)))
        };
        project.catalog.all().into_iter().filter_map(limit)
    };
    projects.all_with_deleted().into_iter().flat_map(limits).collect()
}

/// The account that runs have, if it is not Rigi's own.
fn apart(config: &Config, data: &Path) -> Result<Option<Apart>, Trouble> {
    let Some(name) = &config.process.run_as else { return Ok(None) };
    let beside = || {
        let mut name = data.file_name().unwrap_or_default().to_owned();
        name.push("-runs");
        data.with_file_name(name)
    };
    // Several servers may be given the same folder, and each removes what it does not know.
    let own = hex(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..8]);
    let folder = config.process.folder.as_ref().map_or_else(beside, |folder| folder.join(own));
    let refused = |key: &str, error: &AccountError| {
        let cure = match error {
            AccountError::Unknown(_) => "make it (`useradd --system NAME`), or give the number of one",
            AccountError::Same(_) => "name an account of its own for runs",
            AccountError::NotAllowed { .. } => "start Rigi as root, or leave `process.run_as` out",
            AccountError::Closed { .. } | AccountError::Folder { .. } => {
                "choose another with `process.folder`, such as /var/lib/rigi-runs"
            }
        };
        Trouble::new(ErrorCode::ConfigInvalid, format!("`{key}`: {error}"), cure)
    };
    let mut opened = Apart::open(name, folder).map_err(|error| refused("process.run_as", &error))?;
    // Beside the data folder it may lie in the same repository; where it cannot be written, `git` sees no more than its name.
    let _ = hide_from_git(&opened.folder);
    for (project, own) in &config.projects {
        let Some(account) = &own.run_as else { continue };
        let given = opened.give(ProjectName::unchecked(project.clone()), account);
        given.map_err(|error| refused(&format!("projects.{project}.run_as"), &error))?;
    }
    Ok(Some(opened))
}

fn process_config(config: &Config, data: &Path) -> Result<ProcessConfig, Trouble> {
    let program = std::env::current_exe().map_err(|e| {
        Trouble::new(
            ErrorCode::Internal,
            format!("the program's own file cannot be found: {e}"),
            "start it by its full path",
        )
    })?;
    let uv = UvConfig {
        program: config.python.uv.clone(),
        build_timeout: config.python.build_timeout.0,
        ..UvConfig::default()
    };
    let apart = apart(config, data)?;
    let mut supervisor = vec!["supervisor".into()];
    supervisor.extend(super::open_files::before().map(|limit| format!("--open-files={limit}")));
    supervisor.push(data.display().to_string());
    supervisor.extend(apart.iter().map(|apart| apart.folder.display().to_string()));
    Ok(ProcessConfig {
        data: data.to_owned(),
        uv,
        supervisor: (program, supervisor),
        apart,
        contained: None,
        env_allow: config.environment.allow.0.clone(),
        default_processes: config.limits.processes,
    })
}
