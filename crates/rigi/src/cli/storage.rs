//! `rigi storage`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_server::http::Surroundings as _;

use super::looked::{Asked, PlaceArgs, tell};
use super::output::OutputArgs;
use super::session::Session;
use crate::wiring::storage_failure;

/// `rigi storage`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi storage check      can files be stored, read, listed, removed; and what may runs do there")]
pub struct Storage {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at everything that stored files need: one line for each thing, with the cure where it is not well
    Check(CheckStorage),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi storage check
  RIGI_STORAGE__URL=s3://bucket/rigi rigi storage check --offline")]
struct CheckStorage {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Storage {
    /// Checks.
    ///
    /// # Errors
    /// If the configuration is wrong.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let Command::Check(check) = self.command;
        check.run(session)
    }
}

impl CheckStorage {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let looked = match self.place.ask(session)? {
            Asked::Server(client) => {
                session.block_on(async { Ok(client.look(&["storage", "check"]).await?) })?
            }
            Asked::Configuration(surroundings) => {
                let looked = session.block_on(async { Ok(surroundings.check_storage().await) })?;
                looked.map_err(|error| storage_failure(&error))?
            }
        };
        Ok(tell(&looked, self.output, session)?.into())
    }
}
