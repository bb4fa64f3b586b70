//! `rigi runs`: everything that is done with runs that exist.

mod act;
mod artifacts;
mod cite;
mod diff;
mod earlier;
mod filters;
mod flows;
mod get;
mod list;
mod logs;
mod open;
mod reproduce;
mod wait;

use std::process::ExitCode;

pub use act::cancel_many;
use clap::{Args, Subcommand};

use super::session::Session;

/// `rigi runs`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs list --state failed --since 1d
  rigi runs logs 7Q2A --follow
  rigi runs artifacts 7Q2A -d results

A run is named by its id, or by any part at its beginning or end that no other run has.")]
pub struct Runs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List runs, newest first
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Show one run
    #[command(visible_alias = "show")]
    Get(get::Get),
    /// Print or follow a run's log
    #[command(visible_alias = "log")]
    Logs(logs::Logs),
    /// Cancel runs
    Cancel(act::Cancel),
    /// Run again what failed: same code, same parameters
    Retry(act::Retry),
    /// Run again with changes
    Rerun(Box<act::Rerun>),
    /// Wait for the end of runs; the exit code is their result
    Wait(wait::Wait),
    /// Show a run's page in the browser
    Open(open::Open),
    /// What two runs differ in
    Diff(diff::Diff),
    /// List or fetch the files that a run left
    Artifacts(artifacts::Artifacts),
    /// What a paper says of a run: a text, data, or a crate of its files
    Cite(cite::Cite),
    /// Run the same again, and say whether the same comes of it
    Reproduce(reproduce::Reproduce),
    /// The steps of a flow, or the runs of one of them
    Steps(flows::Steps),
    /// Say yes to a step that waits for a person
    Approve(flows::Answer),
    /// Say no to a step that waits for a person
    Reject(flows::Answer),
    /// Why the step of a flow was executed, though it may be cached
    WhyNotCached(flows::WhyNot),
}

impl Runs {
    /// Does it.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run(session),
            Command::Get(command) => command.run(session),
            Command::Logs(command) => command.run(session),
            Command::Cancel(command) => command.run(session),
            Command::Retry(command) => command.run(session),
            Command::Rerun(command) => command.run(session),
            Command::Wait(command) => command.run(session),
            Command::Open(command) => command.run(session),
            Command::Diff(command) => command.run(session),
            Command::Artifacts(command) => command.run(session),
            Command::Cite(command) => command.run(session),
            Command::Reproduce(command) => command.run(session),
            Command::Steps(command) => command.run(session),
            Command::Approve(command) => command.run(session, "approve"),
            Command::Reject(command) => command.run(session, "reject"),
            Command::WhyNotCached(command) => command.run(session),
        }
    }
}
