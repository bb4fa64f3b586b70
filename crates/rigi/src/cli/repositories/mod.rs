//! `rigi repositories` and `rigi sync`.

mod change;
mod show;
mod sync;

pub use sync::SyncNow;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::RepositoryView;

use super::output::{OutputArgs, print_value};
use super::session::Session;
use crate::terminal::{Exit, say};

/// `rigi repositories`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi repositories add https://github.com/lab/tools --branch main --folder pipelines
  rigi repositories add git@git.example.org:lab/tools.git --interval 5m
  rigi repositories key tools               makes a deploy key, and prints what the host is to be given
  rigi sync tools --plan                    what would change
  rigi sync tools
  rigi repositories show tools")]
pub struct Repositories {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those that there are, with what was synced last
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One of them, with its pipelines, its key and by which key its host is known
    Show {
        /// Which
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Add one; nothing is fetched before the first sync
    Add(Box<change::Add>),
    /// Change where it lies or what is taken of it; what is not named stays
    Edit(Box<change::Edit>),
    /// Remove it, and its pipelines with it; runs stay
    Remove {
        /// Which
        name: String,
    },
    /// What became of syncs: what they changed, and what went wrong
    Syncs {
        /// Of which
        name: String,
        /// So many, the newest
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a key to open it with by SSH, or take one
    Key(change::Key),
    /// Make the address and secret by which its host says that something was pushed
    Hook {
        /// Of which
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Forget by which key its host was known (administrators)
    ResetHostKey {
        /// Of which
        name: String,
    },
}

impl Repositories {
    /// Does what was asked for.
    ///
    /// # Errors
    /// If no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { output } => {
                    let all: Vec<RepositoryView> = client.all(&["repositories"], &[]).await?;
                    show::list(&all, output, session)?;
                }
                Command::Show { name, output } => {
                    let one: RepositoryView = client.get(&["repositories", &name], &[]).await?;
                    show::one(&one, output)?;
                }
                Command::Add(add) => return add.run(&client).await,
                Command::Edit(edit) => return edit.run(&client).await,
                Command::Remove { name } => {
                    client.delete(&["repositories", &name], &[]).await?;
                    say(&format!("{name} is removed, and its pipelines with it. Their runs stay."))?;
                }
                Command::Syncs { name, limit, output } => {
                    let query = [("limit", limit.to_string())];
                    let page: rigi_api::view::Page<rigi_api::view::SyncView> =
                        client.get(&["repositories", &name, "syncs"], &query).await?;
                    show::syncs(&page.items, output, session)?;
                }
                Command::Key(key) => return key.run(&client).await,
                Command::Hook { name, output } => {
                    let mut hook: rigi_api::view::RepositoryHook =
                        client.act(&["repositories", &name, "hook-secret"], &[]).await?;
                    if hook.url.starts_with('/') {
                        hook.url.insert_str(0, client.base());
                    }
                    if output.is_for_people() {
                        show::hook(&hook)?;
                    } else {
                        print_value(&hook, output, || vec![hook.url.clone()])?;
                    }
                }
                Command::ResetHostKey { name } => {
                    let path = ["repositories", &name, "host-key", "reset"];
                    let _: RepositoryView = client.act(&path, &[]).await?;
                    say(&format!(
                        "The host of {name} is known by no key; the next sync takes the one that it shows."
                    ))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}
