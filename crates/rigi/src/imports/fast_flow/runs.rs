//! Runs of Fast-Flow with their logs, metrics and notebook cells: read one by one, written some hundred at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::run::{AttemptRecord, EnvironmentUse, LogFacts, RunStatus};
use rigi_model::{ProjectName, RunId, Target, Timestamp, Usage};
use rigi_store::logs::{LogSource, Notes, Packed};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{Blobs, BroughtRun, EndedAttempt, Foreign, ForeignRow, NewRun, Run as StoredRun, Store};

use super::cells::cell_files;
use super::code::Versions;
use super::logs::{open, read_log, read_metrics};
use super::run::{CONFIG, Knowledge, LABEL, TheirRun, read};
use super::values::{run_id, time, uuid};
use super::{Moving, not_opened, of_store};
use crate::imports::report::Report;
use crate::trouble::Trouble;

const SUBJECT: &str = "runs";
const LOGS: &str = "logs";
const METRICS: &str = "metrics";
/// Fast-Flow's table of the cells of notebooks.
const CELLS: &str = "run_cell_logs";
/// Runs that are written in one commit.
const TOGETHER: usize = 200;
/// Bytes of a log that are kept where none are said.
const LONGEST_LOG: u64 = 64 << 20;

/// When each run began, by its UUID: what repeats another names its id here.
type Beginnings = BTreeMap<u128, Timestamp>;
/// The cells of notebook runs, over a connection of their own: they may hold many pictures.
struct Cells {
    foreign: Foreign,
    columns: Vec<String>,
    /// Runs that have some.
    runs: BTreeSet<u128>,
}

impl Cells {
    async fn of(&mut self, run: u128) -> rigi_store::Result<Vec<ForeignRow>> {
        if !self.runs.contains(&run) {
            return Ok(Vec::new());
        }
        self.foreign.rows_of(CELLS, &self.columns, "run_id", run).try_collect().await
    }
}

/// What it takes to write runs.
struct Writing<'a> {
    store: &'a Store,
    project: &'a ProjectName,
    blobs: Blobs,
    logs: Option<PathBuf>,
    longest_log: u64,
    began: &'a Beginnings,
    cells: Cells,
    versions: Versions,
    now: Timestamp,
}

/// What did not come of a run that came.
#[derive(Debug, Default)]
struct Lacking {
    log: Option<String>,
    metrics: Option<String>,
    has_code: bool,
    has_log: bool,
    has_metrics: bool,
}

/// A log as it is stored.
#[derive(Debug, Default)]
struct KeptLog {
    inline: Option<Vec<u8>>,
    object: Option<String>,
    facts: LogFacts,
    bytes: u64,
}

impl Moving<'_> {
    /// The folder of logs: the one that is said, else `logs` beside the pipelines.
    fn log_folder(&self) -> Option<PathBuf> {
        let told = self.options.logs.clone();
        let beside = || Some(self.options.pipelines.canonicalize().ok()?.parent()?.join("logs"));
        told.or_else(beside).filter(|folder| folder.is_dir())
    }

    /// Names that hold secrets: rows of the database, and what specs name.
    async fn secret_names(&mut self) -> Result<BTreeSet<String>, Trouble> {
        let rows = self.rows("secrets").await?;
        let mut names: BTreeSet<String> =
            rows.iter().filter_map(|row| row.get("key")).map(str::to_owned).collect();
        for spec in self.specs.values() {
            let sealed = spec.schedules.iter().map(|one| &one.encrypted_env).chain([&spec.encrypted_env]);
            names.extend(sealed.flat_map(BTreeMap::keys).cloned());
            names.extend(spec.secrets.iter().map(|secret| secret.name.clone()));
        }
        Ok(names)
    }

    /// Who started which run, as the audit log has it.
    async fn started_by(&mut self) -> Result<BTreeMap<u128, String>, Trouble> {
        let wanted = ["action", "resource_id", "username"].map(str::to_owned);
        let columns = self.foreign.columns("audit_log").await.map_err(|error| not_opened(&error))?;
        let mut by = BTreeMap::new();
        if !wanted.iter().all(|column| columns.contains(column)) {
            return Ok(by);
        }
        let mut rows = self.foreign.rows("audit_log", &wanted);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| not_opened(&error))?;
            let run = row.get("resource_id").and_then(uuid);
            let name = row.get("username").map(|name| rigi_model::text::plain_line(name, 100));
            if let (Some("run_start" | "run_retry"), Some(run), Some(name)) = (row.get("action"), run, name)
                && !name.is_empty()
            {
                by.insert(run, name);
            }
        }
        Ok(by)
    }

    async fn beginnings(&mut self) -> Result<Beginnings, Trouble> {
        let mut began = Beginnings::new();
        let mut rows = self.foreign.rows("pipeline_runs", &["id", "started_at"].map(str::to_owned));
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| not_opened(&error))?;
            if let (Some(run), Some(at)) =
                (row.get("id").and_then(uuid), row.get("started_at").and_then(time))
            {
                began.insert(run, at.min(self.deed.at));
            }
        }
        Ok(began)
    }

    async fn cells(&mut self) -> Result<Cells, Trouble> {
        let mut runs = BTreeSet::new();
        let columns = self.foreign.columns(CELLS).await.map_err(|error| not_opened(&error))?;
        if columns.iter().any(|column| column == "run_id") {
            let mut rows = self.foreign.rows(CELLS, &["run_id".to_owned()]);
            while let Some(row) = rows.next().await {
                runs.extend(row.map_err(|error| not_opened(&error))?.get("run_id").and_then(uuid));
            }
        }
        let foreign = Foreign::open(&self.url).await.map_err(|error| not_opened(&error))?;
        Ok(Cells { foreign, columns, runs })
    }

    pub(super) async fn bring_runs(&mut self) -> Result<(), Trouble> {
        for subject in [SUBJECT, LOGS, METRICS] {
            self.report.about(subject);
        }
        let (secret_names, started_by) = (self.secret_names().await?, self.started_by().await?);
        let (began, cells) = (self.beginnings().await?, self.cells().await?);
        let logs = self.log_folder();
        let now = self.deed.at;
        let store = self.store().cloned();
        let project = self.project.clone();
        let known_store = self.known().cloned();
        let mut writing = store.as_ref().map(|store| Writing {
            store,
            project: &project,
            blobs: store.blobs(&project),
            logs: logs.clone(),
            longest_log: self.loaded.config.limits.log_size.map_or(LONGEST_LOG, |size| size.0),
            began: &began,
            cells,
            versions: Versions::of(&self.options.pipelines, self.loaded.config.code_limits()),
            now,
        });
        let Self { foreign, report, specs, hidden, options, .. } = self;
        let known = Knowledge {
            specs,
            secret_names: &secret_names,
            hidden,
            started_by: &started_by,
            open: options.open,
            now,
        };
        let columns = foreign.columns("pipeline_runs").await.map_err(|error| not_opened(&error))?;
        let mut rows = foreign.rows("pipeline_runs", &columns).chunks(TOGETHER);
        while let Some(chunk) = rows.next().await {
            let mut runs = Vec::with_capacity(chunk.len());
            for row in chunk {
                match read(&row.map_err(|error| not_opened(&error))?, &known) {
                    Ok(run) => runs.push(run),
                    Err(not) => report.left_out(SUBJECT, &not.name, not.why),
                }
            }
            let here = match &known_store {
                Some(store) => of_these(store, &runs).await.map_err(|error| of_store(&error))?,
                None => BTreeSet::new(),
            };
            report.here(SUBJECT, here.len() as u64);
            runs.retain(|run| !here.contains(&run.id));
            report.came(SUBJECT, runs.len() as u64);
            for run in runs.iter().filter(|run| !run.hidden.is_empty()) {
                let names: Vec<&str> = run.hidden.iter().map(String::as_str).collect();
                let why = format!(
                    "its variables {} hold secrets in clear there, or may, and are left out here",
                    names.join(", ")
                );
                report.differs(SUBJECT, run.pipeline.as_str(), why);
            }
            if let Some(writing) = &mut writing {
                let lacking = writing.write(&runs).await.map_err(|error| of_store(&error))?;
                for (run, lacking) in runs.iter().zip(lacking) {
                    lacking.tell(run, report);
                }
            } else {
                for run in &runs {
                    let found = |named: &Option<String>| {
                        named.as_deref().map(|named| open(logs.as_deref(), named).map(drop))
                    };
                    tell_file(LOGS, run, found(&run.log_file), report);
                    tell_file(METRICS, run, found(&run.metrics_file), report);
                }
            }
        }
        Ok(())
    }
}

fn tell_file(subject: &'static str, run: &TheirRun, found: Option<Result<(), String>>, report: &mut Report) {
    match found {
        Some(Ok(())) => report.came(subject, 1),
        Some(Err(why)) => report.left_out(subject, &format!("{} {}", run.pipeline, run.uuid), why),
        None => {}
    }
}

impl Lacking {
    fn tell(self, run: &TheirRun, report: &mut Report) {
        let found = |has: bool, why: Option<String>| match why {
            Some(why) => Some(Err(why)),
            None => has.then_some(Ok(())),
        };
        tell_file(LOGS, run, found(self.has_log, self.log), report);
        tell_file(METRICS, run, found(self.has_metrics, self.metrics), report);
        if !self.has_code {
            let why = "the code of some of its runs is not in the repository of this folder: they keep commit, branch and subject";
            report.differs(SUBJECT, run.pipeline.as_str(), why);
        }
    }
}

/// Those of these runs that are here.
async fn of_these(store: &Store, runs: &[TheirRun]) -> rigi_store::Result<BTreeSet<RunId>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    Ok(store.db().listed_by_id(&ids).await?.into_iter().map(|run| run.id).collect())
}

impl Writing<'_> {
    async fn write(&mut self, runs: &[TheirRun]) -> rigi_store::Result<Vec<Lacking>> {
        let (mut brought, mut lacking) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
        for run in runs {
            let (one, lacks) = self.brought(run).await?;
            brought.push(one);
            lacking.push(lacks);
        }
        if !brought.is_empty() {
            self.store.bring_runs(&brought).await?;
        }
        Ok(lacking)
    }

    async fn brought(&mut self, run: &TheirRun) -> rigi_store::Result<(BroughtRun, Lacking)> {
        let found = self.versions.version(self.store, self.project, &run.code, self.now).await?;
        let mut lacking =
            Lacking { has_code: found.has_code || run.code.commit.is_none(), ..Lacking::default() };
        let log = self.log(run, &mut lacking)?;
        let facts = log.facts;
        let (samples, max_memory) = self.samples(run, &mut lacking);
        let artifacts = self.artifacts(run).await?;
        let usage = Usage { cpu_us: 0, max_memory };
        let bytes = artifacts.iter().map(|file| u64::try_from(file.size).unwrap_or(0)).sum();
        let label = match &run.uv_version {
            Some(uv) => format!("Fast-Flow, {uv}"),
            None => "Fast-Flow".to_owned(),
        };
        let outcome = &run.outcome;
        let status = RunStatus {
            state: outcome.run,
            reason: outcome.reason,
            message: outcome.message.clone(),
            attempt: 1,
            failures: u32::from(outcome.run == rigi_model::RunState::Failed),
            claimed_at: Some(run.began),
            started_at: Some(run.began),
            ended_at: Some(run.ended),
            environment: Some(EnvironmentUse { id: "fast-flow".to_owned(), label, took_us: run.setup_us }),
            exit_code: run.exit_code,
            usage,
            log: facts,
            artifacts: (artifacts.len() as u64, bytes),
            stored_bytes: bytes + log.bytes,
            ..RunStatus::accepted(run.began)
        };
        let record = AttemptRecord {
            number: 1,
            state: outcome.attempt,
            reason: outcome.reason,
            message: outcome.message.clone(),
            exit_code: run.exit_code,
            signal: None,
            claimed_at: run.began,
            started_at: Some(run.began),
            ended_at: run.ended,
            usage,
            log: facts,
        };
        let mut labels = BTreeMap::from([(LABEL.to_owned(), run.uuid.clone())]);
        labels.extend(run.config.clone().map(|config| (CONFIG.to_owned(), config)));
        let before = run.repeats.and_then(|uuid| Some(run_id(uuid, *self.began.get(&uuid)?)));
        let request = NewRun {
            id: run.id.clone(),
            project: self.project.clone(),
            pipeline: run.pipeline.clone(),
            version: found.hash,
            priority: 0,
            max_attempts: 1,
            created_at: run.began,
            trigger: run.trigger.clone(),
            rerun_of: before,
            target: Target::PROCESS,
            parameters: Arc::new(run.parameters.clone()),
            inputs: Vec::new().into(),
            env: Arc::new(run.env.clone()),
            labels: Arc::new(labels),
            step: None,
        };
        let events = self.events(run);
        let attempt = EndedAttempt { record, log: log.inline, log_object: log.object, samples };
        Ok((BroughtRun { run: StoredRun { request, status }, attempt, artifacts, events }, lacking))
    }

    /// That it began, and how it ended.
    fn events(&self, run: &TheirRun) -> Vec<SubjectEvent> {
        let event = |at, kind, message: Option<String>| SubjectEvent {
            project: self.project.clone(),
            subject: Subject::Run,
            id: run.id.to_string(),
            at,
            kind,
            message,
        };
        let said = Some(format!("run {} of Fast-Flow", run.uuid));
        vec![
            event(run.began, rigi_model::RunState::Running.as_str(), said),
            event(run.ended, run.outcome.run.as_str(), run.outcome.message.clone()),
        ]
    }

    fn log(&self, run: &TheirRun, lacking: &mut Lacking) -> rigi_store::Result<KeptLog> {
        let Some(named) = &run.log_file else { return Ok(KeptLog::default()) };
        let read = open(self.logs.as_deref(), named).and_then(|file: File| {
            read_log(file, run.began, self.longest_log).map_err(|error| format!("it cannot be read: {error}"))
        });
        let read = match read {
            Ok(read) => read,
            Err(why) => {
                lacking.log = Some(why);
                return Ok(KeptLog::default());
            }
        };
        lacking.has_log = true;
        let facts = LogFacts { lines: read.lines, cut_bytes: read.cut };
        let object = format!("{}/{}.1", run.id.short(), run.id);
        let packed = LogSource::Bytes(read.blocks.into()).pack(&self.blobs, &object, &Notes::default())?;
        let kept = KeptLog { facts, ..KeptLog::default() };
        Ok(match packed {
            Packed::Empty => kept,
            Packed::Inline(bytes) => KeptLog { bytes: bytes.len() as u64, inline: Some(bytes), ..kept },
            Packed::Object(object) => {
                let file = self.blobs.log_file(&object)?;
                let bytes = std::fs::metadata(file).map_or(0, |facts| facts.len());
                KeptLog { bytes, object: Some(object), ..kept }
            }
        })
    }

    fn samples(&self, run: &TheirRun, lacking: &mut Lacking) -> (Option<String>, u64) {
        let Some(named) = &run.metrics_file else { return (None, 0) };
        let read = open(self.logs.as_deref(), named)
            .and_then(|file| read_metrics(file).map_err(|error| format!("it cannot be read: {error}")));
        match read {
            Ok((samples, most)) => {
                lacking.has_metrics = true;
                let text = (!samples.is_empty()).then(|| serde_json::to_string(&samples).ok()).flatten();
                (text, most)
            }
            Err(why) => {
                lacking.metrics = Some(why);
                (None, 0)
            }
        }
    }

    /// The cells of a notebook, and their pictures.
    async fn artifacts(&mut self, run: &TheirRun) -> rigi_store::Result<Vec<Artifact>> {
        let cells = match uuid(&run.uuid) {
            Some(uuid) => self.cells.of(uuid).await?,
            None => Vec::new(),
        };
        if cells.is_empty() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for (path, content) in cell_files(&cells) {
            let stored = self.blobs.put(&*content)?;
            files.push(Artifact::new(path, None, 1, stored.size, stored.sha256));
        }
        Ok(files)
    }
}
