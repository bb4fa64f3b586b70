//! `rigi storage`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_store::check_storage;

use super::looked::{Looked, tell};
use super::output::OutputArgs;
use super::session::Session;
use crate::server::storage_failure;

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
  RIGI_STORAGE__URL=s3://bucket/rigi rigi storage check -o json")]
struct CheckStorage {
    /// Folder of pipelines
    #[arg(long, default_value = ".", value_name = "DIR")]
    folder: PathBuf,
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
        let loaded = session.load(&self.folder, Vec::new())?;
        let (storage, data) = (loaded.config.stored_files(), loaded.data_folder());
        let looked = session.block_on(async {
            Ok(check_storage(&storage, &data).await.map_err(|error| storage_failure(&error))?)
        })?;
        let looked: Vec<Looked> = looked.into_iter().map(Looked::from).collect();
        Ok(tell(&looked, self.output, session)?.into())
    }
}

impl From<rigi_store::Looked> for Looked {
    fn from(looked: rigi_store::Looked) -> Self {
        let what = looked.what.to_owned();
        match looked.found {
            Ok(message) => Self { what, ok: true, message, cure: None },
            Err(problem) => Self { what, ok: false, message: problem.message, cure: Some(problem.cure) },
        }
    }
}
