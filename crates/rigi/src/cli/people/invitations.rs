//! `rigi invitations`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{CreateInvitation, InvitationView, MadeLink};
use rigi_model::rights::Role;

use super::{print_link, role};
use crate::cli::output::{List, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::date;
use crate::terminal::{Exit, say};

/// `rigi invitations`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi invitations add --mail ada@example.org --role runner --project lab
  rigi invitations add --uses 30 --expires-in 2d --project course")]
pub struct Invitations {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Invitations to the project that can still be taken
    List(OutputArgs),
    /// Make a link that makes a member of whoever takes it
    Add {
        /// For whoever has this address; for whoever has the link unless told
        #[arg(long, value_name = "ADDRESS")]
        mail: Option<String>,
        /// viewer, runner, editor or owner; viewer unless told
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// How many may take it; one unless told
        #[arg(long, value_name = "N")]
        uses: Option<u32>,
        /// From `1h` to `365d`; a week unless told
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take an invitation back
    Remove {
        /// Its id
        id: String,
    },
}

impl Invitations {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List(output) => {
                    let all: Vec<InvitationView> = client.all(&["invitations"], &[]).await?;
                    let list = List {
                        items: &all,
                        columns: &[
                            Column::fixed("ID"),
                            Column::fixed("FOR"),
                            Column::fixed("ROLE"),
                            Column::fixed("TAKEN"),
                            Column::ranked("ENDS", 1),
                            Column::ranked("MADE BY", 2),
                        ],
                        wide: &[],
                        row: &|one: &InvitationView| {
                            vec![
                                one.id.to_string().into(),
                                one.mail.clone().unwrap_or_else(|| "anybody".to_owned()).into(),
                                one.role.clone().unwrap_or_default().into(),
                                format!("{} of {}", one.used, one.uses).into(),
                                date(one.until).into(),
                                one.made_by.clone().into(),
                            ]
                        },
                        name: &|one| one.id.to_string(),
                        nothing: "No invitation to this project can be taken; `rigi invitations add` makes one.",
                    };
                    list.print(output, &session.terminal)?;
                }
                Command::Add { mail, role, uses, expires_in, output } => {
                    let wanted = CreateInvitation { mail, role, uses, expires_in };
                    let link: MadeLink = client.post(&["invitations"], &wanted).await?;
                    print_link(&client, &link, output)?;
                }
                Command::Remove { id } => {
                    client.delete(&["invitations", &id], &[]).await?;
                    say("Nobody can take it any more.")?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}
