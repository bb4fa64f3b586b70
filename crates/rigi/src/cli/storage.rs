//! `rigi storage`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{MakeStorageKey, NewStorageKeyView, StorageKeyView, StorageUse};
use rigi_model::Timestamp;
use rigi_model::area::KeyRights;
use rigi_model::quantity::show_bytes;
use rigi_server::http::Surroundings as _;

use super::looked::{Asked, PlaceArgs, tell};
use super::output::{List, OutputArgs, print_value};
use super::session::Session;
use super::table::Column;
use super::words::{ago, date};
use crate::terminal::{Exit, hand_on, remark, say};
use crate::wiring::storage_failure;

/// `rigi storage`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi storage check                        can files be stored, read, listed, removed; and what may runs do there
  rigi storage key add laptop --write       a key for boto3, `aws s3`, DuckDB: printed as variables, this once
  rigi storage key add laptop > aws.env     the same into a file
  rigi storage key list
  rigi storage du                           what the files of the project take")]
pub struct Storage {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at everything that stored files need: one line for each thing, with the cure where it is not well
    Check(CheckStorage),
    /// Keys to the files of the project, for S3's tools
    #[command(subcommand)]
    Key(KeyCommand),
    /// What the files of the project take
    Du {
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi storage check
  RIGI_STORAGE__URL=s3://bucket/rigi rigi storage check --offline")]
struct CheckStorage {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Your keys; all of them, for an owner
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a key; its secret is shown this once
    Add {
        /// What it is called
        name: String,
        /// It also writes, below `uploads/`
        #[arg(long)]
        write: bool,
        /// A time such as `30d`; 90 days unless told, `none` is never
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take a key back
    Remove {
        /// What it is called
        name: String,
    },
}

impl Storage {
    /// Does what was said.
    ///
    /// # Errors
    /// If the configuration is wrong, no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Check(check) => check.run(session),
            Command::Key(command) => command.run(session),
            Command::Du { output } => {
                let client = session.client()?;
                session.block_on(async {
                    let parts: Vec<StorageUse> = client.all(&["storage-use"], &[]).await?;
                    used(session, &parts, output)?;
                    Ok(Exit::Ok.into())
                })
            }
        }
    }
}

impl CheckStorage {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let looked = match self.place.ask(session)? {
            Asked::Server(client) => {
                session.block_on(async { Ok(client.look(&["storage", "check"]).await?) })?
            }
            Asked::Configuration(surroundings) => {
                let looked = session.block_on(async { Ok(surroundings.check_storage().await) })?;
                looked.map_err(|error| storage_failure(&error))?
            }
        };
        Ok(tell(&looked, self.output, session)?.into())
    }
}

impl KeyCommand {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self {
                Self::List { output } => {
                    let keys: Vec<StorageKeyView> = client.all(&["storage-keys"], &[]).await?;
                    list(session, &keys, output)?;
                }
                Self::Add { name, write, expires_in, output } => {
                    let rights = Some(if write { KeyRights::Write } else { KeyRights::Read });
                    let wanted = MakeStorageKey { name, rights, expires_in };
                    let made: NewStorageKeyView = client.post(&["storage-keys"], &wanted).await?;
                    if output.is_for_people() {
                        remark("Its secret is shown this once:");
                        hand_on(&variables(&made))?;
                    } else {
                        print_value(&made, output, || vec![made.key.access_key_id.clone()])?;
                    }
                }
                Self::Remove { name } => {
                    client.delete(&["storage-keys", &name], &[]).await?;
                    say("It opens nothing any more.")?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

/// As S3's tools read them.
fn variables(made: &NewStorageKeyView) -> String {
    let lines = [
        ("AWS_ACCESS_KEY_ID", &made.key.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &made.secret_access_key),
        ("AWS_ENDPOINT_URL", &made.endpoint),
        ("AWS_REGION", &"us-east-1".to_owned()),
        ("RIGI_STORAGE", &made.storage),
    ]
    .map(|(name, value)| format!("export {name}={value}"));
    lines.join("\n")
}

fn list(session: &Session, keys: &[StorageKeyView], output: OutputArgs) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let list = List {
        items: keys,
        columns: &[
            Column::elastic("NAME", 8),
            Column::fixed("RIGHTS"),
            Column::fixed("ENDS"),
            Column::ranked("LAST USED", 1),
            Column::ranked("BY", 2),
        ],
        wide: &[Column::fixed("ACCESS KEY")],
        row: &|key: &StorageKeyView| {
            vec![
                key.name.clone().into(),
                key.rights.as_str().into(),
                key.until.map_or_else(|| "never".to_owned(), date).into(),
                key.used_at.map(|at| ago(now, at)).unwrap_or_default().into(),
                key.made_by.clone().into(),
                key.access_key_id.clone().into(),
            ]
        },
        name: &|key| key.name.clone(),
        nothing: "There are no storage keys; `rigi storage key add NAME` makes one.",
    };
    list.print(output, &session.terminal)
}

fn used(session: &Session, parts: &[StorageUse], output: OutputArgs) -> anyhow::Result<()> {
    let list = List {
        items: parts,
        columns: &[Column::fixed("PART"), Column::fixed("FILES"), Column::fixed("SIZE")],
        wide: &[],
        row: &|part: &StorageUse| {
            vec![part.part.clone().into(), part.files.to_string().into(), show_bytes(part.bytes).into()]
        },
        name: &|part| part.part.clone(),
        nothing: "The project has no files.",
    };
    list.print(output, &session.terminal)
}
