//! `rigi mail`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{MailLog, MailView, TestMail};
use rigi_model::Timestamp;
use rigi_model::mail::MailState;

use crate::cli::output::{List, OutputArgs, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::{ago, date};
use crate::client::Client;
use crate::terminal::{Exit, remark, say};

/// `rigi mail`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi mail list                      what became of mails
  rigi mail test ada@example.org      send one now, and say what the mail server answers
  rigi mail retry mal_01ARZ3NDEKTSV4RRFFQ69G5FAV")]
pub struct Mail {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Mails, the newest first, and what became of them
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Send a mail as a test, at once
    Test {
        /// To which address; that of your account unless told
        #[arg(value_name = "ADDRESS")]
        address: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Try a mail that waits now
    Retry {
        /// Its id
        id: String,
    },
}

impl Mail {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { limit, output } => list(session, &client, limit, output).await?,
                Command::Test { address, output } => {
                    let mail: MailView =
                        client.post_patiently(&["mails", "test"], &TestMail { to: address }).await?;
                    if output.is_for_people() {
                        say(&format!("The mail server has taken a mail to {}.", mail.to))?;
                    } else {
                        print_value(&mail, output, || vec![mail.id.to_string()])?;
                    }
                }
                Command::Retry { id } => {
                    client.change::<()>(Method::POST, &["mails", &id, "retry"], None::<&()>).await?;
                    say("It is tried now; `rigi mail list` says what becomes of it.")?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

async fn list(session: &Session, client: &Client, limit: u32, output: OutputArgs) -> anyhow::Result<()> {
    let log: MailLog = client.get(&["mails"], &[("limit", limit.to_string())]).await?;
    if output.is_for_people() && log.server.is_none() {
        remark("No mail server is set up (`mail.host`): links are handed on by hand.");
    }
    let now = Timestamp::now();
    let list = List {
        items: &log.items,
        columns: &[
            Column::fixed("WRITTEN"),
            Column::elastic("TO", 12),
            Column::ranked("ABOUT", 1),
            Column::fixed("STATE"),
            Column::ranked("TRIES", 2),
        ],
        wide: &[Column::fixed("WHY"), Column::fixed("ID")],
        row: &|mail: &MailView| {
            vec![
                date(mail.created_at).into(),
                mail.to.clone().into(),
                mail.kind.as_str().into(),
                state(mail, now).into(),
                mail.tries.to_string().into(),
                mail.error.clone().unwrap_or_default().into(),
                mail.id.to_string().into(),
            ]
        },
        name: &|mail| mail.id.to_string(),
        nothing: "No mail was written yet.",
    };
    list.print(output, &session.terminal)
}

fn state(mail: &MailView, now: Timestamp) -> String {
    match (mail.state, mail.ended_at, mail.next_at) {
        (MailState::Waiting, _, Some(at)) if at > now && mail.tries > 0 => {
            format!("waiting, again at {}", date(at))
        }
        (MailState::Waiting, ..) => "waiting".to_owned(),
        (state, Some(at), _) => format!("{state} {}", ago(now, at)),
        (state, None, _) => state.to_string(),
    }
}
