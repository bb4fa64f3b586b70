//! `rigi members`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{GrantView, MemberView, SetMember};
use rigi_model::rights::Role;

use super::{requests, role};
use crate::cli::output::{List, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::terminal::{Exit, say};

/// `rigi members`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi members list --project lab
  rigi members set ada@example.org runner --project lab
  rigi members remove ada@example.org --project lab")]
pub struct Members {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everybody who has a role in the project, and why
    List(OutputArgs),
    /// Give a person or a group a role
    Set {
        /// Id, mail address or name of a person, or a group
        #[arg(value_name = "WHO")]
        who: String,
        /// viewer, runner, editor or owner
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Take the roles back that somebody has by hand or by an invitation
    Remove {
        /// Id, mail address or name of a person, or a group
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Who asks to be in the project
    Requests(OutputArgs),
    /// Let somebody in who asks
    Accept {
        /// Id or name
        #[arg(value_name = "WHO")]
        who: String,
        /// viewer, runner, editor or owner
        #[arg(value_parser = role, default_value = "viewer")]
        role: Role,
    },
    /// Do not let somebody in who asks
    Refuse {
        /// Id or name
        #[arg(value_name = "WHO")]
        who: String,
    },
}

/// Where a role comes from, in a word or two.
fn source(grant: &GrantView) -> String {
    format!("{} ({})", grant.role, grant.source)
}

impl Members {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List(output) => {
                    let members: Vec<MemberView> = client.all(&["members"], &[]).await?;
                    let list = List {
                        items: &members,
                        columns: &[
                            Column::elastic("NAME", 12),
                            Column::fixed("KIND"),
                            Column::fixed("ROLE"),
                            Column::ranked("WHY", 1),
                        ],
                        wide: &[Column::fixed("ID")],
                        row: &|member: &MemberView| {
                            let why = member.grants.iter().map(source).collect::<Vec<_>>().join(", ");
                            vec![
                                member.name.clone().into(),
                                member.kind.clone().into(),
                                member.role.as_str().into(),
                                why.into(),
                                member.id.clone().into(),
                            ]
                        },
                        name: &|member| member.id.clone(),
                        nothing: "Nobody has a role here; administrators own every project. `rigi members set` gives one.",
                    };
                    list.print(output, &session.terminal)?;
                }
                Command::Set { who, role } => {
                    let path = ["members", who.as_str()];
                    let member: MemberView = client.change(Method::PUT, &path, Some(&SetMember { role })).await?;
                    let stronger = if member.role > role {
                        format!("; what counts is {}, which comes from elsewhere", member.role)
                    } else {
                        String::new()
                    };
                    say(&format!("{} is {role}{stronger}.", member.name))?;
                }
                Command::Remove { who } => {
                    client.delete(&["members", &who], &[]).await?;
                    say(&format!("{who} has no role in this project any more."))?;
                }
                Command::Requests(output) => requests::list(&client, output, session).await?,
                Command::Accept { who, role } => requests::answer(&client, &who, Some(role)).await?,
                Command::Refuse { who } => requests::answer(&client, &who, None).await?,
            }
            Ok(Exit::Ok.into())
        })
    }
}
