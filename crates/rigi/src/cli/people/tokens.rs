//! `rigi tokens`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{CreateToken, NewTokenView, TokenView};
use rigi_model::Timestamp;
use rigi_model::people::{KEY_PATTERN, Key};
use rigi_model::rights::Role;

use super::role;
use crate::cli::output::{List, OutputArgs, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::{ago, date};
use crate::terminal::{Exit, Failure, hand_on, remark, say};

/// `rigi tokens`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi tokens add ci --project lab --role runner --expires-in 30d
  rigi tokens add nightly --of \"Nightly build\"     of a service account
  rigi tokens list
  rigi tokens check < token.txt                     whether a text is a whole token, without asking a server")]
pub struct Tokens {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Your tokens, or those of a service account
    List {
        /// Whose
        #[arg(long, value_name = "WHO")]
        of: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a token; its key is shown this once
    Add {
        /// What it is for
        name: String,
        /// Of this service account; yours unless told
        #[arg(long, value_name = "WHO")]
        of: Option<String>,
        /// At most this role: viewer, runner, editor or owner
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// A time such as `30d`; 90 days unless told, `none` is never
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take a token back
    Remove {
        /// Its id
        id: String,
        /// Of this service account; yours unless told
        #[arg(long, value_name = "WHO")]
        of: Option<String>,
    },
    /// Whether a text on standard input is a whole token
    Check,
}

/// Where the tokens of an account are.
fn path(of: &Option<String>) -> Vec<&str> {
    match of {
        Some(who) => vec!["people", who, "tokens"],
        None => vec!["account", "tokens"],
    }
}

impl Tokens {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        if matches!(self.command, Command::Check) {
            return check();
        }
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { of, output } => {
                    let tokens: Vec<TokenView> = client.all(&path(&of), &[]).await?;
                    list(session, &tokens, output)?;
                }
                Command::Add { name, of, role, expires_in, output } => {
                    let project = session.globals.project.clone().filter(|project| !project.is_empty());
                    let wanted = CreateToken { name, project, role, expires_in };
                    let made: NewTokenView = client.post(&path(&of), &wanted).await?;
                    if output.is_for_people() {
                        remark("It is shown this once:");
                        hand_on(&made.key)?;
                    } else {
                        print_value(&made, output, || vec![made.key.clone()])?;
                    }
                }
                Command::Remove { id, of } => {
                    let mut path = path(&of);
                    path.push(&id);
                    client.delete(&path, &[]).await?;
                    say("It counts no more.")?;
                }
                Command::Check => {}
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn list(session: &Session, tokens: &[TokenView], output: OutputArgs) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let list = List {
        items: tokens,
        columns: &[
            Column::fixed("ID"),
            Column::elastic("NAME", 8),
            Column::fixed("PROJECT"),
            Column::fixed("ROLE"),
            Column::ranked("ENDS", 1),
            Column::ranked("LAST USED", 2),
        ],
        wide: &[Column::fixed("KEY")],
        row: &|token: &TokenView| {
            let project = token.project.as_ref().map_or("all", |project| project.as_str());
            vec![
                token.id.to_string().into(),
                token.name.clone().into(),
                project.into(),
                token.role.map_or("as its owner", Role::as_str).into(),
                token.until.map_or_else(|| "never".to_owned(), date).into(),
                token.used_at.map(|at| ago(now, at)).unwrap_or_default().into(),
                token.hint.clone().into(),
            ]
        },
        name: &|token| token.id.to_string(),
        nothing: "There are no tokens; `rigi tokens add NAME` makes one.",
    };
    list.print(output, &session.terminal)
}

/// The key comes by standard input: arguments are seen by others.
fn check() -> anyhow::Result<ExitCode> {
    let text = std::io::read_to_string(std::io::stdin())?;
    match Key::read(text.trim()) {
        Some(key) => {
            say(&format!("{} is whole. Whether it counts, its server knows.", key.hint()))?;
            Ok(Exit::Ok.into())
        }
        None => Err(Failure::new(Exit::BadInput, "this is no token of Rigi, or not a whole one")
            .cure(format!("a token looks like {KEY_PATTERN}, and its end fits the rest"))
            .into()),
    }
}
