//! `rigi server`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::login::{keep, known};
use crate::cli::output::{List, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::terminal::{Exit, Failure, say};

/// `rigi server`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi server list
  rigi server use lab     commands go there from now on, unless a server of this machine is nearer")]
pub struct Servers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Servers that you have signed in to
    List(OutputArgs),
    /// Choose the server that commands go to
    Use {
        /// Its name
        name: String,
    },
}

#[derive(Serialize)]
struct Row {
    name: String,
    url: String,
    person: String,
    current: bool,
}

impl Servers {
    /// Lists them, or chooses one.
    ///
    /// # Errors
    /// When the file of servers cannot be read or written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let (file, mut servers) = known()?;
        match self.command {
            Command::List(output) => {
                let row = |(name, server): (&String, &crate::client::NamedServer)| Row {
                    current: servers.current.as_ref() == Some(name),
                    name: name.clone(),
                    url: server.url.clone(),
                    person: server.person.clone(),
                };
                let rows: Vec<Row> = servers.servers.iter().map(row).collect();
                let list = List {
                    items: &rows,
                    columns: &[
                        Column::fixed("NAME"),
                        Column::fixed("ADDRESS"),
                        Column::fixed("AS"),
                        Column::fixed("CHOSEN"),
                    ],
                    wide: &[],
                    row: &|row: &Row| {
                        let chosen = if row.current { "yes" } else { "" };
                        vec![
                            row.name.clone().into(),
                            row.url.clone().into(),
                            row.person.clone().into(),
                            chosen.into(),
                        ]
                    },
                    name: &|row| row.name.clone(),
                    nothing: "No server is signed in to; `rigi login ADDRESS` does it.",
                };
                list.print(output, &session.terminal)?;
            }
            Command::Use { name } => {
                if !servers.servers.contains_key(&name) {
                    return Err(Failure::new(Exit::NotFound, format!("there is no server called `{name}`"))
                        .cure("`rigi server list` shows those that are signed in to")
                        .into());
                }
                servers.current = Some(name.clone());
                keep(&file, &servers)?;
                say(&format!("Commands go to {name} from now on."))?;
            }
        }
        Ok(Exit::Ok.into())
    }
}
