//! `rigi doctor`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use rigi_api::view::{CheckView, LookedView, WaysIn};
use rigi_store::inspect::{Damage, Inspected};
use serde::Serialize;

use super::looked::tell;
use super::output::{OutputArgs, print_value};
use super::progress::Steps;
use super::session::{Found, Session};
use super::words::count;
use crate::client::Client;
use crate::config::Loaded;
use crate::terminal::Exit;
use crate::terminal::{Colour, say};
use crate::wiring::not_configured;

/// `rigi doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi doctor
  rigi doctor --deep    read everything that is stored, and name what is damaged
  rigi doctor oidc      ask each provider, and say what it sent at the last sign-in")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Doctor {
    #[command(subcommand)]
    command: Option<Part>,
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Read the database, every stored file, log and record, and name what is damaged; takes its time
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Look at the providers that people sign in with
    Oidc {
        /// Name of one of them; all unless told
        name: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// One provider after the other.
fn providers(session: &Session, name: Option<String>, output: OutputArgs) -> anyhow::Result<ExitCode> {
    let client = session.client()?;
    let looked = session.block_on(async {
        let ways: WaysIn = client.get(&["sign-in"], &[]).await?;
        let names = match name {
            Some(name) => vec![name],
            None => ways.providers.into_iter().map(|provider| provider.name).collect(),
        };
        let mut looked = Vec::new();
        for name in names {
            let of = client.look(&["providers", &name, "check"]).await?;
            looked.extend(
                of.into_iter().map(|one| LookedView { what: format!("{name}: {}", one.what), ..one }),
            );
        }
        Ok(looked)
    })?;
    if looked.is_empty() && output.is_for_people() {
        say("No provider is set up (`[providers.NAME]`): people sign in with a password.")?;
        return Ok(Exit::Ok.into());
    }
    Ok(tell(&looked, output, session)?.into())
}

impl Doctor {
    /// Prints what is well and what is not; the exit code is 1 if anything is not.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        if let Some(Part::Oidc { name, output }) = self.command {
            return providers(session, name, output);
        }
        let folder = self.folder.as_deref();
        let mut checks: Vec<Check> = match session.place(folder)? {
            Found::Server(server) if !self.deep => {
                let client = Client::new(&server)?;
                let ready = session.block_on(async { Ok(client.ready().await?) })?;
                // A server that is not of this machine has its configuration elsewhere.
                let missing = server.data.is_some().then(|| session.local(folder)).transpose()?;
                let missing = missing.as_ref().map(not_configured).unwrap_or_default();
                ready.checks.into_iter().chain(missing).map(Check::from).collect()
            }
            // Reading needs no server, and does not disturb one.
            Found::Server(_) => look(&session.local(folder)?)?,
            Found::Offline(loaded) => look(&loaded)?,
        };
        if self.deep {
            let mut steps = Steps::new(&session.terminal);
            let parts = crate::wiring::damage(&session.local(folder)?, &mut |p| steps.show(p))?;
            drop(steps);
            checks.extend(parts.into_iter().map(Check::from));
        }
        let exit = if checks.iter().all(|check| check.view.ok) { Exit::Ok } else { Exit::Failed };
        if self.output.is_for_people() {
            say(&show(&checks, session))?;
        } else {
            let wrong = || {
                checks.iter().filter(|check| !check.view.ok).map(|check| check.view.name.clone()).collect()
            };
            print_value(&checks, self.output, wrong)?;
        }
        Ok(exit.into())
    }
}

/// A check, and what it found file by file.
#[derive(Debug, Serialize)]
struct Check {
    #[serde(flatten)]
    view: CheckView,
    /// Files or rows that were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damage: Vec<Damage>,
    /// What is no damage and worth a look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl From<CheckView> for Check {
    fn from(view: CheckView) -> Self {
        Self { view, read: None, damage: Vec::new(), notes: Vec::new() }
    }
}

impl From<Inspected> for Check {
    fn from(part: Inspected) -> Self {
        let message = match part.damage.len() {
            0 => format!("{} read", count(part.read)),
            wrong => format!("{} damaged, {} read", count(wrong as u64), count(part.read)),
        };
        let (name, ok) = (part.name.to_owned(), part.damage.is_empty());
        let view = CheckView { name, ok, message, configured: true };
        Self { view, read: Some(part.read), damage: part.damage, notes: part.notes }
    }
}

fn look(loaded: &Loaded) -> anyhow::Result<Vec<Check>> {
    let checks = crate::wiring::doctor(loaded)?.into_iter().chain(not_configured(loaded));
    Ok(checks.map(Check::from).collect())
}

fn show(checks: &[Check], session: &Session) -> String {
    let width = checks.iter().map(|check| check.view.name.chars().count()).max().unwrap_or(0);
    let one = |check: &Check| {
        let mark = match (check.view.ok, check.view.configured) {
            (false, _) => (Colour::Red, "✗"),
            (true, true) => (Colour::Green, "✓"),
            (true, false) => (Colour::Grey, "–"),
        };
        let mark = session.terminal.paint(mark.0, mark.1);
        let line = format!("{mark} {:<width$}  {}", check.view.name, check.view.message);
        let damage = |d: &Damage| format!("    {}: {}\n      {}\n", d.what, d.problem, d.cure);
        let damage: String = check.damage.iter().map(damage).collect();
        let notes: String = check.notes.iter().map(|note| format!("    {note}\n")).collect();
        format!("{}\n{damage}{notes}", line.trim_end())
    };
    let lines: String = checks.iter().map(one).collect();
    match checks.iter().filter(|check| !check.view.ok).count() {
        0 => format!("{lines}Everything is well."),
        1 => format!("{lines}One thing is not well."),
        many => format!("{lines}{many} things are not well."),
    }
}
