//! The parts of a server without its door: store, executor, pipelines, engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rigi_engine::catalog::Catalog;
use rigi_engine::decide::Limits;
use rigi_engine::ledger::Recovered;
use rigi_engine::retention::Collector;
use rigi_engine::{Engine, Executors};
use rigi_exec::environment::UvConfig;
use rigi_exec::{Executor, ProcessConfig, ProcessExecutor};
use rigi_model::ErrorCode;
use rigi_store::{DbConfig, Store};

use super::data_folder::DataFolder;
use super::error::{failure, of_executor, of_store};
use crate::cli::Failure;
use crate::config::{Config, Loaded};

/// A running engine and what it stands on.
pub(super) struct Parts {
    pub engine: Engine,
    pub catalog: Catalog,
    pub recovered: Recovered,
    pub process: ProcessExecutor,
    pub collector: Collector,
    pub folder: DataFolder,
}

/// Which database the configuration asks for.
pub(super) fn database(config: &Config, data: &Path) -> DbConfig {
    match config.database.url.0.as_str() {
        "" => DbConfig::Sqlite(data.join("rigi.db")),
        url => DbConfig::Postgres(url.to_owned()),
    }
}

impl Parts {
    /// Opens everything and lets what had not ended go on.
    pub(super) async fn open(loaded: Loaded, folder: DataFolder) -> Result<Self, Failure> {
        let config = &loaded.config;
        let data = folder.path.clone();
        let store = Store::open(&database(config, &data), &data).await.map_err(|e| of_store(&e))?;
        store.db().lock().await.map_err(|e| of_store(&e))?;
        let pipelines = loaded.pipelines.clone();
        let catalog = tokio::task::spawn_blocking(move || Catalog::read(&pipelines)).await;
        let catalog = catalog.map_err(|e| failure(ErrorCode::Internal, e.to_string(), "report this"))?;
        let settings = config.settings();
        let (process, observed, known) =
            ProcessExecutor::open(process_config(config, &data)?).await.map_err(|e| of_executor(&e))?;
        let environments = process.environments().clone();
        let shared: Arc<dyn Executor> = Arc::new(process.clone());
        let executors = Executors::from([(shared.target(), shared)]);
        let limits = Limits { runs: settings.max_active_runs, pipelines: pipeline_limits(&catalog) };
        let started = Engine::start(settings, store, executors, limits, observed, known).await;
        let (engine, recovered) = started.map_err(|e| of_store(&e))?;
        let collector = Collector { engine: engine.clone(), catalog: catalog.clone(), environments };
        Ok(Self { engine, catalog, recovered, process, collector, folder })
    }
}

fn pipeline_limits(catalog: &Catalog) -> BTreeMap<String, u64> {
    let limit = |pipeline: &Arc<rigi_engine::catalog::Pipeline>| {
        let limit = pipeline.outcome.as_ref().ok()?.spec.max_instances?;
        Some((pipeline.name.clone(), u64::from(limit)))
    };
    catalog.all().iter().filter_map(limit).collect()
}

fn process_config(config: &Config, data: &Path) -> Result<ProcessConfig, Failure> {
    let program = std::env::current_exe().map_err(|e| {
        failure(
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
    Ok(ProcessConfig {
        data: data.to_owned(),
        uv,
        supervisor: (program, vec!["supervisor".into(), data.display().to_string()]),
        env_allow: config.environment.allow.0.clone(),
        default_processes: config.limits.processes,
    })
}
