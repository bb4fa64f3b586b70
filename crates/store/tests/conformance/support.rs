//! A store per test on either database, and runs to put into it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use rigi_model::run::RunStatus;
use rigi_model::{
    Actor, PipelineName, ProjectName, RunId, RunState, Target, Timestamp, Trigger, VersionHash,
};
use rigi_store::{DbConfig, NewRun, Pace, RunChange, Store};

/// A moment to start from.
pub const T: Timestamp = Timestamp(1_700_000_000_000_000);

/// The project of all that is stored here, unless a test says otherwise.
pub fn project() -> ProjectName {
    ProjectName::default()
}

/// Another project.
pub fn lab() -> ProjectName {
    ProjectName::unchecked("lab")
}

/// A version, the same for the same number.
pub fn version_hash(n: u8) -> VersionHash {
    VersionHash::new([n; 32])
}

/// A pipeline's name.
pub fn named(text: &str) -> PipelineName {
    PipelineName::unchecked(text)
}

/// Runs a test on each database that is there.
pub fn on_each<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        runtime.block_on(async {
            let store = Store::open(&config, data.path()).await.unwrap();
            test(store).await;
        });
    }
}

/// `None` stands for SQLite.
pub fn configs() -> Vec<Option<DbConfig>> {
    let mut configs = vec![None];
    match std::env::var("RIGI_TEST_POSTGRES") {
        Ok(url) => configs.push(Some(DbConfig::Postgres(format!("{url}?schema=t{}", RunId::generate())))),
        Err(_) => assert!(std::env::var("CI").is_err(), "CI must set RIGI_TEST_POSTGRES"),
    }
    configs
}

/// A run that nobody could object to.
pub fn new_run(pipeline: &str) -> NewRun {
    NewRun {
        id: RunId::generate(),
        project: project(),
        pipeline: named(pipeline),
        version: version_hash(1),
        priority: 0,
        max_attempts: 1,
        created_at: T,
        trigger: Trigger::manual(Actor::you()),
        rerun_of: None,
        target: Target::PROCESS,
        parameters: Arc::new(serde_json::from_str(r#"{"start": 1990, "name": "Zürich"}"#).unwrap()),
        inputs: Arc::default(),
        env: BTreeMap::from([("A".to_owned(), "b".to_owned())]).into(),
        labels: BTreeMap::from([("team".to_owned(), pipeline.to_owned())]).into(),
        step: None,
    }
}

/// A change to a state, with its event.
pub fn change(run: &NewRun, state: RunState, at: Timestamp) -> RunChange {
    let mut status = RunStatus::accepted(run.created_at);
    status.state = state;
    status.attempt = 1;
    status.started_at = Some(run.created_at);
    status.ended_at = state.is_terminal().then_some(at);
    let event = rigi_model::event::RunEvent {
        run: run.id.clone(),
        at,
        kind: state.as_str(),
        attempt: 1,
        reason: None,
        message: None,
    };
    RunChange {
        follow_ups: Vec::new(),
        run: run.id.clone(),
        project: run.project.clone(),
        status,
        events: vec![event],
        attempt: None,
        artifacts: Vec::new(),
    }
}

/// Accepts a run and brings it to a state.
pub async fn stored(store: &Store, run: &NewRun, state: RunState) {
    store.submit(vec![run.clone()], None).await.unwrap();
    if state != RunState::Queued {
        store.change(vec![change(run, state, T)], Pace::Now).await.unwrap().await.unwrap();
    }
}
