//! `rigi targets`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_exec::check::Check;
use serde::Serialize;

use super::exit::Exit;
use super::looked::{Looked, tell};
use super::output::{List, OutputArgs};
use super::session::Session;
use super::table::{Column, Field};
use crate::config::Loaded;
use crate::server::targets::{Settled, no_such, settle};

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
    /// Where runs can execute, by this configuration
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
    /// Folder of pipelines
    #[arg(long, default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi targets check container
  rigi targets check lab -o json")]
struct CheckTarget {
    /// Name of a target
    name: String,
    /// Folder of pipelines
    #[arg(long, default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    place: String,
    default: bool,
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

/// All targets of a configuration.
fn rows(loaded: &Loaded) -> anyhow::Result<Vec<Row>> {
    let default = &loaded.config.targets.default;
    let row = |name: &str, kind, place: String| Row {
        name: name.to_owned(),
        kind,
        place,
        default: name == default,
    };
    let mut rows = vec![row("process", "process", "this machine".to_owned())];
    for target in settle(&loaded.config, &loaded.data_folder(), "")? {
        rows.push(row(target.name().as_str(), target.kind(), target.place()));
    }
    Ok(rows)
}

impl ListTargets {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let rows = rows(&session.load(&self.folder, Vec::new())?)?;
        let columns = [
            Column::fixed("NAME"),
            Column::fixed("KIND"),
            Column::elastic("WHERE", 20),
            Column::fixed("DEFAULT"),
        ];
        let list = List {
            items: &rows,
            columns: &columns,
            wide: &[],
            row: &|row: &Row| {
                let default = if row.default { "yes" } else { "" };
                vec![row.name.clone().into(), row.kind.into(), row.place.clone().into(), Field::from(default)]
            },
            name: &|row| row.name.clone(),
            nothing: "",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}

impl CheckTarget {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let loaded = session.load(&self.folder, Vec::new())?;
        let looked: Vec<Looked> = match self.name.as_str() {
            "process" => vec![Looked {
                what: "process".into(),
                ok: true,
                message: "processes of this machine; `rigi doctor` looks at it".into(),
                cure: None,
            }],
            name => {
                let settled = settle(&loaded.config, &loaded.data_folder(), "")?;
                let known: Vec<String> =
                    settled.iter().map(|target| format!("`{}`", target.name())).collect();
                let Some(target) = settled.into_iter().find(|target| target.name().as_str() == name) else {
                    return Err(no_such(name, &known).into());
                };
                let storage = loaded.config.stored_files().address();
                let looked = session.block_on(async { Ok(look(&target, storage.as_deref()).await) })?;
                looked.into_iter().map(Looked::from).collect()
            }
        };
        Ok(tell(&looked, self.output, session)?.into())
    }
}

async fn look(target: &Settled, storage: Option<&str>) -> Vec<Check> {
    match target {
        Settled::Container(config) => rigi_exec::container::check(config).await,
        Settled::Kubernetes(config) => rigi_exec::kubernetes::check(config, storage).await,
    }
}

impl From<Check> for Looked {
    fn from(check: Check) -> Self {
        match check.found {
            Ok(message) => Self { what: check.what, ok: true, message, cure: None },
            Err(broken) => {
                Self { what: check.what, ok: false, message: broken.message, cure: Some(broken.cure) }
            }
        }
    }
}
