//! `rigi doctor`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::{OutputArgs, print_value};
use super::session::Session;
use super::terminal::{Colour, say};
use crate::api::view::CheckView;
use crate::client::{Client, FindError};

/// `rigi doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi doctor
  rigi doctor --deep    read every stored file, too; without a server running")]
pub struct Doctor {
    /// Folder of pipelines, where no server runs
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Read every stored file and compare it with its checksum; takes its time
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Doctor {
    /// Prints what is well and what is not; the exit code is 1 if anything is not.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let checks = match session.find() {
            Ok(server) if !self.deep => {
                let client = Client::new(&server)?;
                session.block_on(async { Ok(client.ready().await?.checks) })?
            }
            Err(FindError::Several(folders)) => return Err(FindError::Several(folders).into()),
            _ => crate::server::doctor(&session.load(&self.folder, Vec::new())?, self.deep)?,
        };
        let exit = if checks.iter().all(|check| check.ok) { Exit::Ok } else { Exit::Failed };
        if self.output.is_for_people() {
            say(&show(&checks, session))?;
        } else {
            let wrong = || checks.iter().filter(|check| !check.ok).map(|check| check.name.clone()).collect();
            print_value(&checks, self.output, wrong)?;
        }
        Ok(exit.into())
    }
}

fn show(checks: &[CheckView], session: &Session) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let one = |check: &CheckView| {
        let mark = if check.ok { (Colour::Green, "✓") } else { (Colour::Red, "✗") };
        let mark = session.terminal.paint(mark.0, mark.1);
        let line = format!("{mark} {:<width$}  {}", check.name, check.message);
        format!("{}\n", line.trim_end())
    };
    let lines: String = checks.iter().map(one).collect();
    match checks.iter().filter(|check| !check.ok).count() {
        0 => format!("{lines}Everything is well."),
        1 => format!("{lines}One thing is not well."),
        many => format!("{lines}{many} things are not well."),
    }
}
