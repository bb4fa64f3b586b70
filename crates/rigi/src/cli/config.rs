//! `rigi config`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{List, OutputArgs};
use super::session::Session;
use super::table::{Column, Field};
use crate::config::{Origin, Setting, reference, shown};
use crate::terminal::Exit;
use crate::terminal::say;

/// `rigi config`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi config show --origin
  RIGI_LIMITS__RUNS=4 rigi config show limits")]
pub struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every setting as it counts here; passwords are left out
    Show(Show),
    /// Print the reference of all settings, in Markdown
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Args)]
struct Show {
    /// Only this section or key: `limits`, `limits.runs`
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Folder of pipelines
    #[arg(long, default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Config {
    /// Prints it.
    ///
    /// # Errors
    /// With every mistake of the configuration.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Show(show) => show.run(session)?,
            Command::Reference => say(&reference())?,
        }
        Ok(Exit::Ok.into())
    }
}

impl Show {
    fn run(self, session: &Session) -> anyhow::Result<()> {
        let loaded = session.load(&self.folder, Vec::new())?;
        let wanted = |setting: &Setting| match &self.key {
            Some(key) => setting.key == *key || setting.key.starts_with(&format!("{key}.")),
            None => true,
        };
        let settings: Vec<Setting> = shown(&loaded).into_iter().filter(wanted).collect();
        let columns = [Column::fixed("KEY"), Column::elastic("VALUE", 20), Column::elastic("FROM", 10)];
        let list = List {
            items: &settings,
            columns: if self.origin { &columns } else { &columns[..2] },
            wide: if self.origin { &[] } else { &columns[2..] },
            row: &row,
            name: &|setting| setting.key.clone(),
            nothing: "There is no such setting; `rigi config show` lists them all.",
        };
        for warning in &loaded.warnings {
            eprintln!("{} {warning}", session.terminal.paint(crate::terminal::Colour::Amber, "warning:"));
        }
        list.print(self.output, &session.terminal)
    }
}

fn row(setting: &Setting) -> Vec<Field> {
    let value = match setting.value.as_deref() {
        None => "none".to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(value) => value.to_owned(),
    };
    let origin = match &setting.origin {
        Origin::Default => Field::coloured(crate::terminal::Colour::Grey, "default"),
        origin => origin.to_string().into(),
    };
    vec![setting.key.clone().into(), value.into(), origin]
}
