//! `rigi run`: starts a run of a pipeline on a server, or of a folder without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::{InputRef, SubmitRun};

use super::follow::{Follow, Interrupt, Show, Style, drive};
use super::output::Format;
use super::pairs::{self, Given};
use super::session::Session;
use crate::terminal::Exit;
use crate::terminal::Failure;

/// `rigi run`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi run co2-trend -p start=1990 --follow    run it and watch it
  rigi run ./co2-trend                         run a folder without a server
  rigi run count -i table=data.csv --wait      upload a file, wait, exit with the run's result

Values of `-p` are read by the pipeline's schema; `-p text=@notes.txt` takes what stands in a file.
`rigi help exit-codes` says what the exit code means.")]
pub struct Run {
    /// Name of a pipeline on the server, or a path to a folder (with a `/`, or `.`) to run without a server
    #[arg(value_name = "PIPELINE", add = ArgValueCompleter::new(super::complete::pipelines))]
    pipeline: String,
    /// Parameter; may be repeated
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Parameters as a JSON object in a file, `-` for standard input; `-p` lies on top
    #[arg(long = "params", value_name = "FILE")]
    file: Option<PathBuf>,
    /// File for an input; may be repeated
    #[arg(short, long = "input", value_name = "NAME=PATH")]
    inputs: Vec<String>,
    /// Environment variable on top of the spec's; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Label to find it by; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// From -100 to 100; higher starts first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Where to execute: `process`, `container` or `kubernetes`
    #[arg(long, value_name = "TARGET", add = ArgValueCompleter::new(super::complete::targets))]
    target: Option<String>,
    /// Entry of the spec's `schedules`, whose words count as if it had started the run
    #[arg(long, value_name = "ID")]
    schedule: Option<String>,
    /// Of a flow: execute all steps, whatever their `cache` says
    #[arg(long)]
    no_cache: bool,
    /// The same call with the same key starts one run, however often it is made
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    stay: Stay,
}

/// How long to stay with a run.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Stay {
    /// Wait for its end; the exit code is its result
    #[arg(short, long)]
    pub wait: bool,
    /// Show its log until its end; the exit code is its result
    #[arg(short, long)]
    pub follow: bool,
    /// How to print; with `--follow` JSON is one object a line
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Print JSON, as `-o json`
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Print its id only, as `-o name`
    #[arg(short, long, conflicts_with_all = ["json", "output"])]
    pub quiet: bool,
}

impl Stay {
    /// The same as the follower wants it.
    #[must_use]
    pub fn follow(self, given: Given) -> Follow {
        let show = match self {
            Self { follow: true, .. } => Show::Log,
            Self { wait: true, .. } => Show::End,
            _ => Show::Accepted,
        };
        let style = match self {
            Self { json: true, .. } => Style::Json,
            Self { quiet: true, .. } => Style::Id,
            _ => Style::of_format(self.output),
        };
        Follow { show, style, interrupt: Interrupt::Leave, given, kept_in: None, idempotency_key: None }
    }
}

impl Run {
    /// Starts the run.
    ///
    /// # Errors
    /// When it was not accepted.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let (of_datasets, files): (Vec<String>, Vec<String>) =
            self.inputs.iter().cloned().partition(|pair| pair.contains("=dataset:"));
        let inputs = pairs::inputs(&files)?;
        let env = self
            .env
            .iter()
            .map(|pair| pairs::split("--env", pair).map(|(k, v)| (k.to_owned(), v.to_owned())));
        let request = SubmitRun {
            parameters: pairs::parameters(&self.parameters, self.file.as_ref())?,
            env: env.collect::<Result<_, Failure>>()?,
            labels: pairs::labels(&self.labels)?,
            priority: self.priority,
            target: self.target,
            schedule: self.schedule,
            no_cache: self.no_cache,
            inputs: given_datasets(&of_datasets)?,
        };
        let given = Given { parameters: self.parameters, inputs: self.inputs, file: self.file };
        let mut follow = self.stay.follow(given);
        follow.idempotency_key = self.idempotency_key;
        if is_path(&self.pipeline) {
            let folder = PathBuf::from(&self.pipeline);
            return run_here(session, folder, request, inputs, follow);
        }
        let client = session.client()?;
        session.block_on(drive(&client, &session.terminal, &self.pipeline, request, inputs, &follow))
    }
}

/// Versions of datasets that inputs are given: `table=dataset:sea/level@3:2024/may.csv`.
fn given_datasets(pairs: &[String]) -> Result<BTreeMap<String, Vec<InputRef>>, Failure> {
    let mut given: BTreeMap<String, Vec<InputRef>> = BTreeMap::new();
    for pair in pairs {
        let (input, value) = pairs::split("-i", pair)?;
        let dataset = value.strip_prefix("dataset:").map(str::to_owned);
        given.entry(input.to_owned()).or_default().push(InputRef { upload: None, dataset, name: None });
    }
    Ok(given)
}

/// A name has neither `/` nor is it `.` or `..`; so `./name` is a folder and `name` a pipeline, whatever lies around.
fn is_path(text: &str) -> bool {
    text.contains('/') || matches!(text, "." | "..")
}

fn run_here(
    session: &Session,
    folder: PathBuf,
    request: SubmitRun,
    inputs: Vec<(String, PathBuf)>,
    mut follow: Follow,
) -> anyhow::Result<ExitCode> {
    if !folder.is_dir() {
        let failure = Failure::new(Exit::NotFound, format!("`{}` is no folder", folder.display()));
        return Err(failure.cure("a pipeline on the server is named without `/`").into());
    }
    // `.` and `..` have no name; what they stand for has.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    let parent = folder.parent().unwrap_or(Path::new("/")).to_owned();
    let loaded = session.load(&parent, Vec::new())?;
    // Without a server nobody looks after the run, so that it is stayed with to its end.
    if follow.show == Show::Accepted {
        follow.show = Show::Log;
    }
    follow.interrupt = Interrupt::Cancel;
    let data = std::path::absolute(loaded.data_folder())?;
    follow.kept_in = (!session.finds(&data)).then_some(data);
    crate::cli::here::run_here(loaded, folder, request, inputs, follow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_a_name() {
        assert!(is_path("./co2") && is_path("/a/b") && is_path("a/") && is_path("."));
        assert!(!is_path("co2-trend") && !is_path(".hidden"));
    }
}
