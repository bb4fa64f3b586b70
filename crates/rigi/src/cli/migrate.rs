//! `rigi migrate`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_store::{Migrate as Change, MigrationStatus};
use serde::Serialize;

use super::output::{List, OutputArgs};
use super::session::Session;
use super::table::Column;
use crate::terminal::Exit;
use crate::terminal::Failure;

/// `rigi migrate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi migrate status
  rigi migrate down --to 1 --yes    before going back to an older version

`rigi up` brings the schema up to date by itself. Stop the server before changing it.")]
pub struct Migrate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the schema up to date
    Up(Where),
    /// Take the last schema change back; what only the newer version stores is lost
    Down {
        /// Back to this number
        #[arg(long, value_name = "NUMBER")]
        to: Option<i64>,
        /// Yes, what only the newer schema stores may be lost
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        place: Where,
    },
    /// Which schema changes the database has
    Status(Where),
}

#[derive(Debug, Args)]
struct Where {
    /// Folder of pipelines
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Step {
    number: i64,
    name: String,
    applied: bool,
}

impl Migrate {
    /// Changes or shows the schema.
    ///
    /// # Errors
    /// When the database cannot be changed.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let (change, place) = match self.command {
            Command::Status(place) => (None, place),
            Command::Up(place) => (Some(Change::Up), place),
            Command::Down { to, yes, place } => {
                let steps = crate::wiring::migrate(&session.load(&place.folder, Vec::new())?, None)?;
                let to = to.map_or_else(|| before_last(&steps), Ok)?;
                if !yes {
                    return Err(ask(&steps, to).into());
                }
                (Some(Change::To(to)), place)
            }
        };
        let loaded = session.load(&place.folder, Vec::new())?;
        let steps = crate::wiring::migrate(&loaded, change)?;
        let step =
            |step: MigrationStatus| Step { number: step.number, name: step.name, applied: step.applied };
        let steps: Vec<Step> = steps.into_iter().map(step).collect();
        let list = List {
            items: &steps,
            columns: &[Column::fixed("NUMBER"), Column::fixed("NAME"), Column::fixed("APPLIED")],
            wide: &[],
            row: &|step| {
                let applied = if step.applied { "yes" } else { "no" };
                vec![step.number.to_string().into(), step.name.clone().into(), applied.into()]
            },
            name: &|step| step.number.to_string(),
            nothing: "There are no schema changes.",
        };
        list.print(place.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}

/// Taking a change back drops its tables: that is nothing to do by a slip of the hand.
fn ask(steps: &[MigrationStatus], to: i64) -> Failure {
    let back: Vec<String> = steps
        .iter()
        .filter(|step| step.applied && step.number > to)
        .map(|step| format!("{} ({})", step.number, step.name))
        .collect();
    let what = if to <= 0 { "everything that is stored is lost" } else { "what only they store is lost" };
    let words = format!("nothing was changed: this takes back schema change {}, and {what}", back.join(", "));
    Failure::new(Exit::Usage, words).cure("keep a copy of the database, then add `--yes`")
}

/// The number before the newest that is applied.
fn before_last(steps: &[MigrationStatus]) -> Result<i64, Failure> {
    let newest = steps.iter().filter(|step| step.applied).map(|step| step.number).max();
    newest
        .map(|number| number - 1)
        .ok_or_else(|| Failure::new(Exit::Conflict, "no schema change is applied, so none can be taken back"))
}
