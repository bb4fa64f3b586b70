//! `rigi channels`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{ChannelView, Page, SetChannel};

use super::output::{List, OutputArgs, facts, print_value};
use super::session::Session;
use super::table::Column;
use super::words;
use crate::terminal::{Exit, say};

/// `rigi channels`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi channels set team --kind slack https://hooks.slack.com/services/…
  rigi channels set us --kind mail ada@example.org,bob@example.org
  rigi channels test team
  rigi notices rule failures --on failed,recovered --channel team")]
pub struct Channels {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Where somebody is told
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a channel, or have one lead elsewhere
    Set {
        /// Its name
        channel: String,
        /// How it is told
        #[arg(long, value_parser = ["mail", "slack", "teams", "discord", "ntfy", "webhook"])]
        kind: String,
        /// An https address, or addresses of mail with commas between them; `-` reads it from standard input
        target: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Remove a channel that no rule tells
    Remove {
        /// Its name
        channel: String,
    },
    /// Send something to it now, to see whether it arrives
    Test {
        /// Its name
        channel: String,
    },
}

impl Channels {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { output } => {
                    let page: Page<ChannelView> = client.get(&["channels"], &[]).await?;
                    list(&page.items, output, session)?;
                }
                Command::Set { channel, kind, target, output } => {
                    let target = match target.as_str() {
                        "-" => std::io::read_to_string(std::io::stdin())?.trim().to_owned(),
                        _ => target,
                    };
                    let body = SetChannel { kind, target };
                    let path = ["channels", &*channel];
                    let made: ChannelView = client.change(Method::PUT, &path, Some(&body)).await?;
                    print(&made, output)?;
                }
                Command::Remove { channel } => {
                    client.delete(&["channels", &channel], &[]).await?;
                    say(&format!("{channel} is told nothing any more."))?;
                }
                Command::Test { channel } => {
                    client.change::<()>(Method::POST, &["channels", &channel, "test"], None::<&()>).await?;
                    say(&format!("{channel} has taken it."))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn list(all: &[ChannelView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[Column::fixed("CHANNEL"), Column::fixed("KIND"), Column::elastic("LEADS TO", 16)],
        wide: &[Column::fixed("MADE"), Column::fixed("BY")],
        row: &|one: &ChannelView| {
            vec![
                one.name.clone().into(),
                one.kind.as_str().into(),
                one.leads_to.clone().into(),
                words::date(one.made_at).into(),
                one.made_by.clone().into(),
            ]
        },
        name: &|one| one.name.clone(),
        nothing: "Nobody is told anything. `rigi channels set team --kind slack https://…` makes a channel.",
    };
    list.print(output, &session.terminal)
}

fn print(one: &ChannelView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![one.name.clone()]);
    }
    let mut rows = vec![
        ("channel", one.name.clone()),
        ("kind", one.kind.as_str().to_owned()),
        ("leads to", one.leads_to.clone()),
        (
            "secret",
            one.secret.clone().map(|secret| format!("{secret}   (shown this once)")).unwrap_or_default(),
        ),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}
