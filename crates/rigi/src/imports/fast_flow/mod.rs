//! An installation of Fast-Flow, brought here: its database is read, its pipelines folder and the files of its logs. A second time brings
//! what is new since and changes nothing else; what somebody has changed here meanwhile stays as it is.
//!
//! Ids of runs follow from theirs ([`values::run_id`]), people are known by who they are at a provider, then by their mail address.

mod cells;
mod code;
mod env_file;
mod history;
mod logs;
mod outcome;
mod people;
mod pipelines;
mod run;
mod runs;
mod schedules;
mod secrets;
mod settings;
mod triggers;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use rigi_engine::fernet::FernetKey;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::{ErrorCode, ProjectName, Timestamp};
use rigi_store::people::Deed;
use rigi_store::{Foreign, ForeignRow, Store};

use super::report::Report;
use crate::config::Loaded;
use crate::trouble::Trouble;
use crate::wiring::directly::Directly;
use crate::wiring::storage_failure as of_store;

pub use outcome::OpenRuns;

/// Rows of a small table that are read at most; runs and the audit log are streams.
const MOST_ROWS: usize = 100_000;

/// Whether files of specs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specs {
    /// What belongs into them is told.
    Told,
    /// It is put there.
    Written,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Nothing is.
    Dry,
    /// What is new is.
    Real,
}

/// What is to be brought.
#[derive(Debug, Clone)]
pub struct Options {
    /// Fast-Flow's database, as its `DATABASE_URL` says.
    pub database: Option<String>,
    /// Fast-Flow's pipelines folder.
    pub pipelines: PathBuf,
    /// Its folder of logs; `None`: `logs` beside the pipelines folder, if there is one.
    pub logs: Option<PathBuf>,
    /// Its `ENCRYPTION_KEY`.
    pub key: Option<String>,
    /// Its file of variables.
    pub env: Option<PathBuf>,
    /// What becomes of runs that it never ended.
    pub open: OpenRuns,
    /// What becomes of triggers that are not in specs.
    pub specs: Specs,
    /// Whether anything is written.
    pub run: Run,
    /// Into which project.
    pub project: Option<String>,
}

/// What is being brought, from where, to where.
struct Moving<'a> {
    loaded: &'a Loaded,
    options: &'a Options,
    variables: BTreeMap<String, String>,
    foreign: Foreign,
    /// Its address.
    url: String,
    /// What is here; `None`: nothing, and nothing is made.
    here: Option<Directly>,
    project: ProjectName,
    /// The folder of pipelines of the project.
    folder: PathBuf,
    key: Option<FernetKey>,
    key_text: Option<String>,
    /// Specs without mistakes, by the name of the pipeline.
    specs: BTreeMap<String, PipelineSpec>,
    /// Values that no row may hold in clear.
    hidden: Vec<String>,
    deed: Deed,
    report: Report,
}

/// Brings it.
///
/// # Errors
/// If the database, the folder or the key is none, or what is here cannot be written.
pub async fn bring(loaded: &Loaded, options: &Options) -> Result<Report, Trouble> {
    if !options.pipelines.is_dir() {
        let what = format!("{} is not a folder", options.pipelines.display());
        let cure = "name Fast-Flow's folder of pipelines with `--pipelines`";
        return Err(Trouble::new(ErrorCode::NotFound, what, cure));
    }
    let variables = options.env.as_deref().map_or_else(|| Ok(BTreeMap::new()), env_file::read)?;
    let url = options.database.clone().or_else(|| variables.get("DATABASE_URL").cloned()).ok_or_else(|| {
        let cure = "give its address with `--database`, as Fast-Flow's `DATABASE_URL` has it, such as sqlite:////data/fastflow.db";
        Trouble::new(ErrorCode::ConfigInvalid, "no database of Fast-Flow was named", cure)
    })?;
    let mut foreign = Foreign::open(&url).await.map_err(|error| not_opened(&error))?;
    expect_fast_flow(&mut foreign).await?;
    let (key, key_text) = secrets::read_key(options, &variables)?;
    let report = Report { dry_run: options.run == Run::Dry, ..Report::default() };
    let deed =
        Deed { via: "terminal".to_owned(), ..Deed::of_server("import of Fast-Flow", Timestamp::now()) };
    let mut moving = Moving {
        loaded,
        options,
        variables,
        foreign,
        url,
        here: None,
        project: ProjectName::default(),
        folder: loaded.pipelines.clone(),
        key,
        key_text,
        specs: BTreeMap::new(),
        hidden: Vec::new(),
        deed,
        report,
    };
    // Before anything is made here.
    moving.expect_right_key().await?;
    moving.here = match options.run {
        Run::Real => Some(Directly::open(loaded).await?),
        Run::Dry => Directly::open_if_there(loaded).await?,
    };
    (moving.project, moving.folder) = place(moving.here.as_ref(), loaded, options)?;
    moving.all().await?;
    let Moving { foreign, report, .. } = moving;
    foreign.close().await;
    Ok(report)
}

fn not_opened(error: &rigi_store::Error) -> Trouble {
    let cure = "give it as Fast-Flow's `DATABASE_URL` has it: sqlite:////data/fastflow.db, postgresql://user:password@host/name";
    Trouble::new(ErrorCode::NotFound, format!("Fast-Flow's database cannot be read: {}", told(error)), cure)
}

/// Why, without what the store says of its own database.
fn told(error: &rigi_store::Error) -> String {
    match error {
        rigi_store::Error::Database { what, .. } => what.clone(),
        other => other.to_string(),
    }
}

/// Refuses a database that is another program's.
async fn expect_fast_flow(foreign: &mut Foreign) -> Result<(), Trouble> {
    for table in ["pipeline_runs", "scheduled_jobs", "users", "secrets"] {
        let columns = foreign.columns(table).await.map_err(|error| not_opened(&error))?;
        if columns.is_empty() {
            let what = format!("it is no database of Fast-Flow: it has no table `{table}`");
            let cure = "name the one of Fast-Flow (`DATABASE_URL`, or `fastflow.db` in its `DATA_DIR`)";
            return Err(Trouble::new(ErrorCode::NotFound, what, cure));
        }
    }
    Ok(())
}

/// Into which project, and where its pipelines lie.
fn place(
    here: Option<&Directly>,
    loaded: &Loaded,
    options: &Options,
) -> Result<(ProjectName, PathBuf), Trouble> {
    let Some(name) = &options.project else { return Ok((ProjectName::default(), loaded.pipelines.clone())) };
    let found = here.and_then(|here| {
        let id = here.projects.id_of(name)?;
        let folder = here.projects.catalog(&id)?.folder().to_owned();
        Some((id, folder))
    });
    found.ok_or_else(|| {
        let what = format!("there is no project `{name}` here");
        Trouble::new(ErrorCode::NotFound, what, "make it first, or leave `--project` out")
    })
}

impl Moving<'_> {
    async fn all(&mut self) -> Result<(), Trouble> {
        self.bring_pipelines()?;
        self.bring_secrets().await?;
        self.bring_people().await?;
        self.bring_schedules().await?;
        self.bring_triggers().await?;
        self.bring_runs().await?;
        self.bring_settings().await?;
        self.bring_history().await?;
        if let (Some(store), true) = (self.store(), self.report.brought_anything()) {
            let counts = serde_json::to_value(&self.report.subjects).unwrap_or_default();
            store
                .tell_brought(&self.project, "fast-flow", counts, &self.deed)
                .await
                .map_err(|e| of_store(&e))?;
        }
        self.report.next = self.next();
        Ok(())
    }

    /// What to do when all of it is here.
    fn next(&self) -> Vec<String> {
        let mut next = Vec::new();
        if self.report.dry_run {
            next.push("Nothing was written. The same command without `--dry-run` brings it.".to_owned());
        }
        if self.report.settings.is_some() {
            next.push(format!(
                "Put the piece of `rigi.toml` above into {}.",
                self.loaded.pipelines.join("rigi.toml").display()
            ));
        }
        next.push(format!("Stop Fast-Flow, then start Rigi: rigi up {}", self.loaded.pipelines.display()));
        next
    }

    /// What is written to; `None`: nothing is.
    fn store(&self) -> Option<&Store> {
        self.here.as_ref().filter(|_| self.options.run == Run::Real).map(|here| &here.store)
    }

    /// What is read.
    fn known(&self) -> Option<&Store> {
        self.here.as_ref().map(|here| &here.store)
    }

    /// All rows of a small table; none: there is no such table.
    async fn rows(&mut self, table: &str) -> Result<Vec<ForeignRow>, Trouble> {
        let columns = self.foreign.columns(table).await.map_err(|error| not_opened(&error))?;
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        let mut rows = self.foreign.rows(table, &columns);
        while let Some(row) = rows.next().await {
            if all.len() == MOST_ROWS {
                let what = format!("its table `{table}` has more than {MOST_ROWS} rows");
                return Err(Trouble::new(ErrorCode::TooLarge, what, "remove what is not needed from it"));
            }
            all.push(row.map_err(|error| not_opened(&error))?);
        }
        Ok(all)
    }
}
