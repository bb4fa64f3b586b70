//! `rigi groups`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{GroupView, NameGroup};

use crate::cli::output::{List, OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::terminal::{Exit, say};

/// `rigi groups`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi groups add \"Air quality\"
  rigi groups join \"Air quality\" ada@example.org
  rigi members set \"Air quality\" runner --project lab   what a group is, everybody in it is")]
pub struct Groups {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All groups
    List(OutputArgs),
    /// One group, with who is in it
    Get {
        /// Id or name
        group: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a group
    Add {
        /// Its name
        name: String,
    },
    /// Give a group another name; its rights stay
    Rename {
        /// Id or name
        group: String,
        /// The new name
        name: String,
    },
    /// Remove a group, with everything that it gave
    Delete {
        /// Id or name
        group: String,
    },
    /// Put somebody into a group
    Join {
        /// Id or name of the group
        group: String,
        /// Id, mail address or name
        who: String,
    },
    /// Take somebody out of a group
    Leave {
        /// Id or name of the group
        group: String,
        /// Id, mail address or name
        who: String,
    },
}

impl Groups {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let show = OutputArgs::default();
        session.block_on(async {
            match self.command {
                Command::List(output) => {
                    let groups: Vec<GroupView> = client.all(&["groups"], &[]).await?;
                    let list = List {
                        items: &groups,
                        columns: &[
                            Column::elastic("NAME", 12),
                            Column::fixed("PEOPLE"),
                            Column::ranked("ID", 1),
                        ],
                        wide: &[],
                        row: &|group: &GroupView| {
                            vec![
                                group.name.clone().into(),
                                group.people.to_string().into(),
                                group.id.to_string().into(),
                            ]
                        },
                        name: &|group| group.id.to_string(),
                        nothing: "There are no groups; `rigi groups add NAME` makes one.",
                    };
                    list.print(output, &session.terminal)?;
                }
                Command::Get { group, output } => {
                    print(&client.get(&["groups", &group], &[]).await?, output)?
                }
                Command::Add { name } => print(&client.post(&["groups"], &NameGroup { name }).await?, show)?,
                Command::Rename { group, name } => {
                    let path = ["groups", group.as_str()];
                    print(&client.change(Method::PATCH, &path, Some(&NameGroup { name })).await?, show)?;
                }
                Command::Delete { group } => {
                    client.delete(&["groups", &group], &[]).await?;
                    say(&format!("The group {group} is gone, and what it gave."))?;
                }
                Command::Join { group, who } => {
                    let path = ["groups", &group, "people", &who];
                    print(&client.change(Method::PUT, &path, None::<&()>).await?, show)?;
                }
                Command::Leave { group, who } => {
                    client.delete(&["groups", &group, "people", &who], &[]).await?;
                    say(&format!("{who} is no longer in {group}."))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn print(group: &GroupView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(group, output, || vec![group.id.to_string()]);
    }
    let members = group.members.iter().flatten().map(|member| member.name.clone());
    let members = members.collect::<Vec<_>>().join("\n");
    Ok(say(&facts(&[("name", group.name.clone()), ("id", group.id.to_string()), ("people", members)]))?)
}
