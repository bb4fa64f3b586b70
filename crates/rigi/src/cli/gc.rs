//! `rigi gc`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rigi_api::view::GcReport;
use rigi_model::quantity::show_bytes;

use super::output::{OutputArgs, print_value};
use super::session::{Found, Session};
use super::words::{count, many};
use crate::client::Client;
use crate::terminal::Exit;
use crate::terminal::say;

/// `rigi gc`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi gc --dry-run    say what would be removed
  rigi gc")]
pub struct Gc {
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Gc {
    /// Collects, by the server if one runs.
    ///
    /// # Errors
    /// When the data folder cannot be read or written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let report = match session.place(self.folder.as_deref())? {
            Found::Server(server) => {
                let client = Client::new(&server)?;
                let query = [("dry_run", self.dry_run.to_string())];
                session.block_on(async { Ok(client.act(&["system", "gc"], &query).await?) })?
            }
            Found::Offline(loaded) => crate::wiring::gc(&loaded, self.dry_run)?,
        };
        if self.output.is_for_people() {
            say(&show(&report))?;
        } else {
            print_value(&report, self.output, Vec::new)?;
        }
        Ok(Exit::Ok.into())
    }
}

fn show(report: &GcReport) -> String {
    let verb = if report.dry_run { "would be removed" } else { "removed" };
    let parts = [
        (report.runs, many(report.runs, "run")),
        (report.environments, many(report.environments, "environment")),
        (report.objects, format!("{} stored files", count(report.objects))),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, words)| words).collect();
    if parts.is_empty() {
        return "Nothing to remove.".to_owned();
    }
    format!("{}: {}, {}", verb, parts.join(", "), show_bytes(report.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_went() {
        let report = GcReport { dry_run: true, runs: 1, objects: 0, environments: 2, bytes: 3 << 20 };
        assert_eq!(show(&report), "would be removed: 1 run, 2 environments, 3 MiB");
        assert_eq!(show(&GcReport::default()), "Nothing to remove.");
    }
}
