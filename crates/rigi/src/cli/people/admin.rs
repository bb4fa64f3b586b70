//! `rigi admin`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{CreateLink, MadeLink};
use rigi_model::people::LinkKind;
use serde::Deserialize;

use super::print_link;
use crate::cli::output::OutputArgs;
use crate::cli::session::Session;
use crate::terminal::{Exit, say};

/// `rigi admin`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi admin link                            a link that makes the first administrator, while there is none
  rigi admin link --person ada@example.org   a link that signs her in: the way back in, on the server's machine")]
pub struct Admin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A link that lets an administrator in; it is in the audit log
    Link {
        /// Whom it signs in: id, mail address or name
        #[arg(long, value_name = "WHO")]
        person: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Deserialize)]
struct LinkView {
    path: String,
}

impl Admin {
    /// Makes a link.
    ///
    /// # Errors
    /// When no server answers, or there is an administrator already.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let Command::Link { person, output } = self.command;
        let client = session.client()?;
        session.block_on(async {
            match person {
                Some(person) => {
                    let wanted = CreateLink { kind: LinkKind::SignIn, mail: None };
                    let link: MadeLink = client.post(&["people", &person, "link"], &wanted).await?;
                    print_link(&client, &link, output)?;
                }
                None => {
                    let link: LinkView = client.act(&["links"], &[]).await?;
                    say(&format!("{}{}", client.public(), link.path))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}
