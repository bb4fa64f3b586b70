//! `rigi targets`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::TargetView;
use rigi_server::http::Surroundings as _;

use super::looked::{Asked, PlaceArgs, tell};
use super::output::{List, OutputArgs};
use super::session::Session;
use super::table::{Column, Field};
use crate::terminal::Exit;
use crate::wiring::targets::no_such;

/// `rigi targets`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi targets list
  rigi targets check container    is the engine there, its image, its program
  rigi targets check kubernetes   each right, and what a pod can reach: it starts one")]
pub struct Targets {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Where runs can execute: by the server that runs here, or else by the configuration
    List(ListTargets),
    /// Look at everything that runs on a target need: one line for each thing, with the cure where it is not well
    Check(CheckTarget),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi targets list
  rigi targets list -o json")]
struct ListTargets {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi targets check container
  rigi targets check lab --offline     before a server is started with a new configuration")]
struct CheckTarget {
    /// Name of a target
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Targets {
    /// Lists or checks.
    ///
    /// # Errors
    /// If the configuration is wrong.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(list) => list.run(session),
            Command::Check(check) => check.run(session),
        }
    }
}

impl ListTargets {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let targets = match self.place.ask(session)? {
            Asked::Server(client) => session.block_on(async { Ok(client.all(&["targets"], &[]).await?) })?,
            Asked::Configuration(surroundings) => surroundings.targets(),
        };
        let columns = [
            Column::fixed("NAME"),
            Column::fixed("KIND"),
            Column::elastic("WHERE", 20),
            Column::fixed("DEFAULT"),
        ];
        let list = List {
            items: &targets,
            columns: &columns,
            wide: &[],
            row: &|target: &TargetView| {
                let default = if target.default { "yes" } else { "" };
                let TargetView { name, kind, place, .. } = target.clone();
                vec![name.into(), kind.into(), place.into(), Field::from(default)]
            },
            name: &|target| target.name.clone(),
            nothing: "",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}

impl CheckTarget {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let looked = match self.place.ask(session)? {
            Asked::Server(client) => {
                let path = ["targets", &self.name, "check"];
                session.block_on(async { Ok(client.look(&path).await?) })?
            }
            Asked::Configuration(surroundings) => {
                let looked = session.block_on(async { Ok(surroundings.check_target(&self.name).await) })?;
                looked.ok_or_else(|| no_such(&self.name, &surroundings.targets()))?
            }
        };
        Ok(tell(&looked, self.output, session)?.into())
    }
}
