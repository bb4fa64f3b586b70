//! `rigi secrets`.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use reqwest::Method;
use rigi_api::view::{ImportSecrets, KeyReplaced, Page, SecretView, SetSecret};
use rigi_model::Timestamp;
use rigi_model::secret::LONGEST_VALUE;

use super::output::{List, OutputArgs, print_value};
use super::session::Session;
use super::table::Column;
use super::words::{ago, date, many};
use crate::terminal::hidden::{Typed, read_hidden};
use crate::terminal::{Exit, Failure, say};

/// `rigi secrets`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets set API_KEY                  asks for the value, and does not show it
  rigi secrets set TLS_KEY < key.pem        takes it from a file
  rigi secrets set DB --from vault:secret/lab/db#password
  rigi secrets import .env
  rigi secrets list

A pipeline's spec says which of them its runs are given: `secrets: [API_KEY]`.")]
pub struct Secrets {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Which there are, who set each, and when; values are shown to nobody
    List(ListSecrets),
    /// Set a secret, or replace its value
    Set(Set),
    /// Remove a secret
    Delete(Delete),
    /// Set all secrets of a `.env` file, or none
    Import(Import),
    /// Replace the key of the server, by which all secrets are sealed
    RotateKey(RotateKey),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets list
  rigi secrets list -o json")]
struct ListSecrets {
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets set API_KEY
  pass show api-key | rigi secrets set API_KEY
  rigi secrets set API_KEY --from vault:secret/lab/api#key

With --from, the value is taken from elsewhere each time that a run starts: `env:NAME` is a variable of the server's environment,
`file:/path` a file on its machine, `vault:mount/path#field` a field in HashiCorp Vault (KV v2; `#field@3` in this version alone). An
operator of the server says what may be named.

Else the value is read from the terminal, or from standard input; of a single line there, its end is no part of it. It is never
an argument: others can see these.")]
struct Set {
    /// Name: that of an environment variable
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(super::complete::secrets))]
    name: String,
    /// Where the value lies, instead of a value
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets delete API_KEY")]
struct Delete {
    /// Which
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(super::complete::secrets))]
    name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets import .env
  sops -d secrets.env | rigi secrets import -")]
struct Import {
    /// File of lines `NAME=value`; `-` is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi secrets rotate-key

Nothing stops meanwhile. Take a copy of the new `secret.key` in the data folder afterwards: backups that are taken from now on
need it.")]
struct RotateKey {
    #[command(flatten)]
    output: OutputArgs,
}

impl Secrets {
    /// Does what was asked for.
    ///
    /// # Errors
    /// If no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(list) => list.run(session),
            Command::Set(set) => set.run(session),
            Command::Delete(delete) => delete.run(session),
            Command::Import(import) => import.run(session),
            Command::RotateKey(rotate) => rotate.run(session),
        }
    }
}

impl ListSecrets {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let secrets: Vec<SecretView> =
            session.block_on(async { Ok(client.all(&["secrets"], &[]).await?) })?;
        print_list(&secrets, self.output, session)
    }
}

fn print_list(secrets: &[SecretView], output: OutputArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let list = List {
        items: secrets,
        columns: &[
            Column::fixed("NAME"),
            Column::fixed("VERSION"),
            Column::ranked("SET", 1),
            Column::ranked("BY", 2),
            Column::ranked("FROM", 3),
        ],
        wide: &[Column::fixed("SET AT")],
        row: &|secret: &SecretView| {
            vec![
                secret.name.clone().into(),
                secret.version.to_string().into(),
                ago(now, secret.set_at).into(),
                secret.set_by.clone().into(),
                secret.from.clone().unwrap_or_else(|| "stored here".to_owned()).into(),
                date(secret.set_at).into(),
            ]
        },
        name: &|secret| secret.name.clone(),
        nothing: "There are no secrets. `rigi secrets set NAME` sets one.",
    };
    list.print(output, &session.terminal)?;
    Ok(Exit::Ok.into())
}

impl Set {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let body = match self.from {
            Some(from) => SetSecret { from: Some(from), value: None },
            None => match read_value(&self.name)? {
                Some(value) => SetSecret { value: Some(value), from: None },
                None => return Ok(Exit::Cancelled.into()),
            },
        };
        let set: SecretView = session.block_on(async {
            Ok(client.change(Method::PUT, &["secrets", &self.name], Some(&body)).await?)
        })?;
        if self.output.is_for_people() {
            let words = match set.version {
                1 => "is set".to_owned(),
                version => format!("is set, version {version}"),
            };
            let from = set.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            say(&format!("{} {words}{from}. Attempts that start from now on have it.", set.name))?;
        } else {
            print_value(&set, self.output, || vec![set.name.clone()])?;
        }
        Ok(Exit::Ok.into())
    }
}

/// From the terminal, twice as nothing is seen of it; or from standard input. `None`: nothing is to be set.
fn read_value(name: &str) -> anyhow::Result<Option<String>> {
    if !io::stdin().is_terminal() {
        let mut text = read_input()?;
        if text.trim_end_matches(['\r', '\n']).lines().count() <= 1 {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        return Ok(Some(text));
    }
    let typed = read_hidden([&format!("Value of {name} (not shown): "), "Once more: "]);
    let [Typed::Line(value), Typed::Line(again)] = typed.context("reading from the terminal")? else {
        return Ok(None);
    };
    if value == again {
        return Ok(Some(value));
    }
    Err(Failure::new(Exit::BadInput, format!("{name} was not set: the two values differ")).into())
}

fn read_input() -> anyhow::Result<String> {
    let mut text = String::new();
    // One byte more than fits says that it does not.
    let most = 16 * LONGEST_VALUE as u64;
    io::stdin().take(most).read_to_string(&mut text).context("reading standard input")?;
    Ok(text)
}

impl Delete {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async { Ok(client.delete(&["secrets", &self.name], &[]).await?) })?;
        say(&format!(
            "{} is removed. Runs of pipelines that ask for it are refused from now on.",
            self.name
        ))?;
        Ok(Exit::Ok.into())
    }
}

impl Import {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let text = if self.file == Path::new("-") {
            read_input()?
        } else {
            std::fs::read_to_string(&self.file).map_err(|error| {
                let words = format!("{} cannot be read: {error}", self.file.display());
                Failure::new(Exit::NotFound, words)
            })?
        };
        let set: Page<SecretView> = session
            .block_on(async { Ok(client.post(&["secrets", "import"], &ImportSecrets { text }).await?) })?;
        if self.output.is_for_people() {
            let names: Vec<&str> = set.items.iter().map(|secret| secret.name.as_str()).collect();
            say(&format!("{} set: {}", many(names.len() as u64, "secret"), names.join(", ")))?;
            return Ok(Exit::Ok.into());
        }
        print_list(&set.items, self.output, session)
    }
}

impl RotateKey {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let replaced: KeyReplaced =
            session.block_on(async { Ok(client.act(&["system", "rotate-key"], &[]).await?) })?;
        if self.output.is_for_people() {
            let keys = many(replaced.projects, "project");
            say(&format!(
                "The key is replaced; the secrets of {keys} are sealed with it. Take a copy of the new `secret.key`."
            ))?;
        } else {
            print_value(&replaced, self.output, Vec::new)?;
        }
        Ok(Exit::Ok.into())
    }
}
