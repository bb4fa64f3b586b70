//! `rigi doctor`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::{OutputArgs, print_value};
use super::session::{Found, Session};
use super::terminal::{Colour, say};
use crate::api::view::CheckView;
use crate::client::Client;

/// `rigi doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi doctor
  rigi doctor --deep    read every stored file, too")]
pub struct Doctor {
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
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
        let folder = self.folder.as_deref();
        let checks = match session.place(folder)? {
            Found::Server(server) if !self.deep => {
                let client = Client::new(&server)?;
                session.block_on(async { Ok(client.ready().await?.checks) })?
            }
            // Reading needs no server, and does not disturb one.
            Found::Server(_) => {
                let folder = folder.unwrap_or(Path::new("."));
                crate::server::doctor(&session.load(folder, Vec::new())?, self.deep)?
            }
            Found::Offline(loaded) => crate::server::doctor(&loaded, self.deep)?,
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
