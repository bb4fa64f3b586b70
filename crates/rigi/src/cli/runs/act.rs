//! `rigi runs cancel`, `retry` and `rerun`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use rigi_api::view::{CancelRuns, CancelledRuns, PipelineView, RerunCode, RerunRun, RunSelection, RunView};
use rigi_model::Timestamp;
use serde_json::Value;

use super::super::run::Stay;
use super::filters::Filters;
use crate::cli::follow::{stay, upload};
use crate::cli::output::{OutputArgs, print_value};
use crate::cli::pairs::{self, Given};
use crate::cli::session::Session;
use crate::cli::words::{many, state_word};
use crate::client::{CallError, Client};
use crate::terminal::Exit;
use crate::terminal::failure::{self, Failure};
use crate::terminal::say;

/// `rigi runs cancel`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs cancel 7Q2A
  rigi runs cancel --pipeline co2-trend --state queued
  rigi runs cancel --all")]
pub struct Cancel {
    /// The runs: their ids, or parts of them
    #[arg(value_name = "RUN", conflicts_with_all = ["pipeline", "state", "labels", "since", "until", "all"], add = ArgValueCompleter::new(crate::cli::complete::runs))]
    runs: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// All runs that have not ended
    #[arg(long, conflicts_with_all = ["pipeline", "state", "labels", "since", "until"])]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Cancel {
    /// Asks for it. Every run is asked for, also when one says no; the first no is the error.
    ///
    /// # Errors
    /// When a run is not there, or has ended.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        if self.runs.is_empty() && self.filters.is_empty() && !self.all {
            let failure = Failure::new(Exit::Usage, "nothing says which runs to cancel".to_owned());
            return Err(failure
                .cure("name runs, filter them as `rigi runs list` does, or say `--all`")
                .into());
        }
        let filter = self.filters.selection(Timestamp::now())?;
        let client = session.client()?;
        session.block_on(async {
            if self.runs.is_empty() {
                let cancelled = cancel_many(&client, filter).await?;
                match self.output.is_for_people() {
                    true => say(&format!("{} asked to stop", many(cancelled, "run")))?,
                    false => print_value(&CancelledRuns { cancelled }, self.output, || {
                        vec![cancelled.to_string()]
                    })?,
                }
                return Ok(Exit::Ok.into());
            }
            self.each(&client, session).await
        })
    }

    async fn each(&self, client: &Client, session: &Session) -> anyhow::Result<ExitCode> {
        let mut failed: Option<Failure> = None;
        let mut asked: Vec<RunView> = Vec::new();
        for name in &self.runs {
            let answer: Result<RunView, _> = client.act(&["runs", name, "cancel"], &[]).await;
            match answer {
                Ok(run) if !self.output.is_for_people() => asked.push(run),
                Ok(run) if run.summary.state.is_terminal() => {
                    say(&format!("run {} is {}", run.summary.short, state_word(run.summary.state)))?;
                }
                Ok(run) => say(&format!("run {} is being cancelled", run.summary.short))?,
                Err(error) => {
                    let failure = Failure::from(error).doing(&format!("{name} was not cancelled"));
                    if let Some(earlier) = failed.replace(failure) {
                        eprint!("{}", earlier.show(&session.terminal));
                    }
                }
            }
        }
        if !self.output.is_for_people() {
            let names = || asked.iter().map(|run| run.summary.id.to_string()).collect();
            print_value(&asked, self.output, names)?;
        }
        failed.map_or_else(|| Ok(Exit::Ok.into()), |failure| Err(failure.into()))
    }
}

/// Asks all open runs that a filter finds to stop; returns how many there were.
///
/// # Errors
/// When the server does not answer.
pub async fn cancel_many(client: &Client, filter: RunSelection) -> Result<u64, CallError> {
    let body = CancelRuns { ids: None, filter: Some(filter) };
    let answer: CancelledRuns = client.post(&["runs", "cancel"], &body).await?;
    Ok(answer.cancelled)
}

/// `rigi runs retry`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi runs retry 7Q2A --follow")]
pub struct Retry {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    #[command(flatten)]
    stay: Stay,
}

impl Retry {
    /// Starts a new run with the same code and parameters.
    ///
    /// # Errors
    /// When the run is not there, or has not ended.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            let refused = |error| Failure::from(error).doing(&format!("{} was not started again", self.run));
            let run: RunView = client.act(&["runs", &self.run, "retry"], &[]).await.map_err(refused)?;
            stay(&client, &session.terminal, run, &self.stay.follow(Given::default())).await
        })
    }
}

/// Which code a rerun takes.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Code {
    /// Exactly what the run ran
    #[default]
    Same,
    /// What the folder holds now
    Current,
}

/// `rigi runs rerun`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs rerun 7Q2A -p start=1980 --follow
  rigi runs rerun 7Q2A --code current --unset start")]
pub struct Rerun {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    /// Replace a parameter; may be repeated
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Replace parameters by those of a JSON object in a file; `-p` lies on top
    #[arg(long = "params", value_name = "FILE")]
    file: Option<std::path::PathBuf>,
    /// Take a parameter back to its default; may be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// Replace the files of an input; may be repeated
    #[arg(short, long = "input", value_name = "NAME=PATH")]
    inputs: Vec<String>,
    /// Replace a label; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Which code to run
    #[arg(long, value_enum, default_value_t)]
    code: Code,
    /// Of a flow: do only what has not succeeded, and what comes after it
    #[arg(long)]
    from_failed: bool,
    /// Of a flow: execute all steps, whatever their `cache` says
    #[arg(long, conflicts_with = "from_failed")]
    no_cache: bool,
    #[command(flatten)]
    stay: Stay,
}

impl Rerun {
    /// Starts a new run with the changes.
    ///
    /// # Errors
    /// When the run is not there, or the changes do not fit.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let mut parameters = pairs::parameters(&self.parameters, self.file.as_ref())?;
        let files = pairs::inputs(&self.inputs)?;
        let labels = pairs::labels(&self.labels)?;
        let given = Given { parameters: self.parameters, inputs: self.inputs, file: self.file };
        let client = session.client()?;
        session.block_on(async {
            let by = |pointer: &str| given.by(pointer);
            let refused =
                |error| failure::of_call(&error, &by).doing(&format!("{} was not started again", self.run));
            if !given.parameters.is_empty() {
                let run: RunView = client.get(&["runs", &self.run], &[]).await.map_err(refused)?;
                // The pipeline may be gone by now; then texts stay texts, and the server says what does not fit.
                let view: Option<PipelineView> =
                    client.get(&["pipelines", &run.summary.pipeline], &[]).await.ok();
                given.read_by(view.and_then(|view| view.parameters).as_ref(), &mut parameters);
            }
            parameters.extend(self.unset.iter().map(|name| (name.clone(), Value::Null)));
            let inputs = upload(&client, &session.terminal, files).await?;
            let code = match self.code {
                Code::Same => RerunCode::Same,
                Code::Current => RerunCode::Current,
            };
            let (from_failed, no_cache) = (self.from_failed, self.no_cache);
            let body = RerunRun { parameters, inputs, labels, code, from_failed, no_cache };
            let run: RunView = client.post(&["runs", &self.run, "rerun"], &body).await.map_err(refused)?;
            stay(&client, &session.terminal, run, &self.stay.follow(Given::default())).await
        })
    }
}
