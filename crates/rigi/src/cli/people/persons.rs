//! `rigi people`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{ChangePerson, CreateLink, CreatePerson, GrantView, MadeLink, PersonView};
use rigi_model::Timestamp;
use rigi_model::people::{LinkKind, PersonKind, PersonState};

use super::print_link;
use crate::cli::output::{List, OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::{ago, date};
use crate::client::Client;
use crate::terminal::{Exit, say};

/// `rigi people`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi people list
  rigi people get ada@example.org          everything that she may, and why
  rigi people add \"Nightly build\" --service
  rigi people reset ada@example.org        a link that lets her set a new password
  rigi people block ada@example.org        signs her out everywhere")]
pub struct People {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everybody who has an account
    List {
        /// Part of a name or a mail address
        #[arg(value_name = "TEXT")]
        text: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One account, with everything that it may and why
    Get(Who),
    /// Make an account: of a person, who gets in by a link, or of a program
    Add {
        /// Its name
        name: String,
        /// Mail address
        #[arg(long, value_name = "ADDRESS")]
        mail: Option<String>,
        /// It is a program's: it has tokens, and signs in nowhere
        #[arg(long)]
        service: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Give an account another name
    Rename {
        /// Id, mail address or name
        who: String,
        /// The new name
        name: String,
    },
    /// Make somebody an administrator
    Promote(Who),
    /// Make an administrator none any more
    Demote(Who),
    /// Sign somebody out everywhere, and let them in no more
    Block(Who),
    /// Let somebody in again
    Unblock(Who),
    /// A link that lets somebody set a new password, once
    Reset {
        #[command(flatten)]
        who: Who,
        /// Mail it to their address as well
        #[arg(long)]
        mail: bool,
    },
    /// Remove an account; what it did keeps its name
    Delete(Who),
}

#[derive(Debug, Args)]
struct Who {
    /// Id, mail address or name
    #[arg(value_name = "WHO")]
    who: String,
    #[command(flatten)]
    output: OutputArgs,
}

impl People {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let change = |who: Who, change: ChangePerson| {
            session.block_on(async {
                let path = ["people", who.who.as_str()];
                let person: PersonView = client.change(Method::PATCH, &path, Some(&change)).await?;
                print(&person, who.output)
            })
        };
        let state = |state| ChangePerson { state: Some(state), ..ChangePerson::default() };
        let administrator = |on| ChangePerson { administrator: Some(on), ..ChangePerson::default() };
        match self.command {
            Command::List { text, output } => list(session, &client, text, output)?,
            Command::Get(who) => session.block_on(async {
                let person: PersonView = client.get(&["people", &who.who], &[]).await?;
                print(&person, who.output)
            })?,
            Command::Add { name, mail, service, output } => session.block_on(async {
                let kind = service.then_some(PersonKind::Service);
                let person: PersonView = client.post(&["people"], &CreatePerson { name, kind, mail }).await?;
                print(&person, output)
            })?,
            Command::Rename { who, name } => {
                let who = Who { who, output: OutputArgs::default() };
                change(who, ChangePerson { name: Some(name), ..ChangePerson::default() })?;
            }
            Command::Promote(who) => change(who, administrator(true))?,
            Command::Demote(who) => change(who, administrator(false))?,
            Command::Block(who) => change(who, state(PersonState::Blocked))?,
            Command::Unblock(who) => change(who, state(PersonState::Active))?,
            Command::Reset { who, mail } => session.block_on(async {
                let wanted = CreateLink { kind: LinkKind::Reset, mail: mail.then_some(true) };
                let link: MadeLink = client.post(&["people", &who.who, "link"], &wanted).await?;
                print_link(&client, &link, who.output)
            })?,
            Command::Delete(who) => {
                session.block_on(async { Ok(client.delete(&["people", &who.who], &[]).await?) })?;
                say(&format!("{} has no account any more.", who.who))?;
            }
        }
        Ok(Exit::Ok.into())
    }
}

fn list(session: &Session, client: &Client, text: Option<String>, output: OutputArgs) -> anyhow::Result<()> {
    let query: Vec<_> = text.into_iter().map(|text| ("q", text)).collect();
    let people: Vec<PersonView> = session.block_on(async { Ok(client.all(&["people"], &query).await?) })?;
    let now = Timestamp::now();
    let list = List {
        items: &people,
        columns: &[
            Column::elastic("NAME", 12),
            Column::ranked("MAIL", 1),
            Column::fixed("KIND"),
            Column::fixed("STATE"),
            Column::ranked("LAST SEEN", 2),
        ],
        wide: &[Column::fixed("ID"), Column::fixed("MADE BY")],
        row: &|person: &PersonView| {
            vec![
                person.name.clone().into(),
                person.mail.clone().unwrap_or_default().into(),
                person.kind.as_str().into(),
                person.state.as_str().into(),
                person.seen_at.map(|at| ago(now, at)).unwrap_or_default().into(),
                person.id.to_string().into(),
                person.created_by.clone().into(),
            ]
        },
        name: &|person| person.id.to_string(),
        nothing: "Nobody has an account that this finds.",
    };
    list.print(output, &session.terminal)
}

fn print(person: &PersonView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(person, output, || vec![person.id.to_string()]);
    }
    let confirmed = if person.mail_verified { ", confirmed" } else { ", not confirmed" };
    let address = person.mail.as_ref().map(|mail| format!("{mail}{confirmed}")).unwrap_or_default();
    let grants = person.grants.iter().flatten().map(why).collect::<Vec<_>>().join("\n");
    Ok(say(&facts(&[
        ("name", person.name.clone()),
        ("mail", address),
        ("kind", person.kind.to_string()),
        ("state", person.state.to_string()),
        ("made", format!("{} by {}", date(person.created_at), person.created_by)),
        ("id", person.id.to_string()),
        ("rights", grants),
    ]))?)
}

/// A role with where it comes from: `runner of lab, by hand of Olga since …`.
pub(super) fn why(grant: &GrantView) -> String {
    let project = grant.project.as_ref().map(|project| format!(" of {project}")).unwrap_or_default();
    let group = grant.group.as_ref().map(|group| format!(", as one of {group}")).unwrap_or_default();
    format!("{}{project}{group}: {}, by {} on {}", grant.role, grant.source, grant.by, date(grant.at))
}
