//! `rigi data`.

mod get;
mod put;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{
    ChangeDataset, DatasetDiff, DatasetEntry, DatasetVersionView, DatasetView, LineageView, TagDataset,
};
use rigi_model::data::{Reference, Which};

use super::output::OutputArgs;
use super::pairs;
use super::session::Session;
use crate::terminal::{Exit, Failure, say};

/// `rigi data`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi data put sea/level measurements/      a folder becomes the next version
  rigi data put sea/level may.csv --add      the newest version and this file
  rigi data list
  rigi data ls sea/level@3:2024
  rigi data get sea/level here/
  rigi data diff sea/level                   what the newest version has changed
  rigi data tag sea/level@3 published
  rigi run fit -i table=dataset:sea/level@published:2024/may.csv
  rigi data lineage sea/level                what it was made of, and what was made of it")]
pub struct Data {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Files and folders become the next version of a dataset; what is stored already is not sent
    Put(put::Put),
    /// Fetch a version, or a part of one, into a folder; what is there already is not fetched
    Get {
        /// NAME[@VERSION][:PATH]
        dataset: String,
        /// The folder; it is made
        #[arg(default_value = ".")]
        into: PathBuf,
    },
    /// The datasets that there are
    List {
        /// Names that begin so
        prefix: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// The versions of a dataset, the newest first
    Versions {
        /// Its name
        dataset: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What lies in a folder of a version
    Ls {
        /// NAME[@VERSION][:PATH]
        dataset: String,
        /// All files below it
        #[arg(short, long)]
        recursive: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What differs between two versions; between the newest and the one before it unless told
    Diff {
        /// NAME or NAME@VERSION, the later
        dataset: String,
        /// The earlier version
        #[arg(long, value_name = "VERSION")]
        from: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Have a tag lead to a version
    Tag {
        /// NAME@VERSION
        dataset: String,
        /// The tag
        tag: String,
    },
    /// Take a tag away
    Untag {
        /// Its name
        dataset: String,
        /// The tag
        tag: String,
    },
    /// Describe, label and protect a dataset
    Set {
        /// Its name
        dataset: String,
        /// For people
        #[arg(long)]
        description: Option<String>,
        /// A label; more than once: they take the place of those before
        #[arg(short, long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
        /// Nothing of it is removed
        #[arg(long)]
        protect: bool,
        /// It may be removed
        #[arg(long, conflicts_with = "protect")]
        unprotect: bool,
    },
    /// Remove a version, or a dataset with all its versions
    Rm {
        /// NAME@VERSION, or NAME with --all
        dataset: String,
        /// The dataset with all its versions
        #[arg(long)]
        all: bool,
    },
    /// What a version was made of, and what was made of it
    Lineage {
        /// NAME[@VERSION]
        dataset: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// A dataset, one of its versions and a path in it, as an address has them.
struct Place {
    name: String,
    version: String,
    path: String,
}

fn place(text: &str) -> Result<Place, Failure> {
    let (reference, path) = text.split_once(':').unwrap_or((text, ""));
    let read = Reference::parse(reference).map_err(|why| Failure::new(Exit::Usage, why))?;
    let version = match read.which {
        Which::Newest => "latest".to_owned(),
        Which::Number(number) => number.to_string(),
        Which::Tag(tag) => tag,
    };
    Ok(Place { name: read.name, version, path: path.trim_matches('/').to_owned() })
}

impl Data {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        session.block_on(self.command.run(session))?;
        Ok(Exit::Ok.into())
    }
}

impl Command {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = session.client()?;
        match self {
            Self::Put(put) => put.run(&client, &session.terminal).await?,
            Self::Get { dataset, into } => {
                get::get(&client, &session.terminal, &place(&dataset)?, &into).await?
            }
            Self::List { prefix, output } => {
                let query: Vec<_> = prefix.into_iter().map(|prefix| ("prefix", prefix)).collect();
                let all: Vec<DatasetView> = client.all(&["datasets"], &query).await?;
                show::list(&all, output, session)?;
            }
            Self::Versions { dataset, output } => {
                let all: Vec<DatasetVersionView> =
                    client.all(&["datasets", &dataset, "versions"], &[]).await?;
                show::versions(&all, output, session)?;
            }
            Self::Ls { dataset, recursive, output } => {
                let at = place(&dataset)?;
                let query = [("path", at.path), ("recursive", u8::from(recursive).to_string())];
                let path = ["datasets", &at.name, "versions", &at.version, "files"];
                let all: Vec<DatasetEntry> = client.all(&path, &query).await?;
                show::entries(&all, output, session)?;
            }
            Self::Diff { dataset, from, output } => {
                let at = place(&dataset)?;
                let mut query = vec![("to", at.version)];
                query.extend(from.map(|from| ("from", from)));
                let diff: DatasetDiff = client.get(&["datasets", &at.name, "diff"], &query).await?;
                show::diff(&diff, output, session)?;
            }
            Self::Tag { dataset, tag } => {
                let at = place(&dataset)?;
                let version = match at.version.parse::<u32>() {
                    Ok(version) => version,
                    Err(_) => number_of(&client, &at).await?,
                };
                let path = ["datasets", at.name.as_str(), "tags", tag.as_str()];
                let _: DatasetView = client.change(Method::PUT, &path, Some(&TagDataset { version })).await?;
                say(&format!("{}@{tag} is {}@{version}.", at.name, at.name))?;
            }
            Self::Untag { dataset, tag } => {
                client.delete(&["datasets", &dataset, "tags", &tag], &[]).await?;
                say(&format!("{dataset}@{tag} leads nowhere any more."))?;
            }
            Self::Set { dataset, description, labels, protect, unprotect } => {
                let labels = pairs::labels(&labels)?;
                let body = ChangeDataset {
                    description,
                    labels: (!labels.is_empty()).then_some(labels),
                    protected: (protect || unprotect).then_some(protect),
                };
                let view: DatasetView =
                    client.change(Method::PATCH, &["datasets", &dataset], Some(&body)).await?;
                show::one(&view, OutputArgs::default())?;
            }
            Self::Rm { dataset, all } => remove(&client, &dataset, all).await?,
            Self::Lineage { dataset, output } => {
                let at = place(&dataset)?;
                let path = ["datasets", &at.name, "versions", &at.version, "lineage"];
                let view: LineageView = client.get(&path, &[]).await?;
                show::lineage(&view, output)?;
            }
        }
        Ok(())
    }
}

/// The number of a version that is named by a tag, or is the newest.
async fn number_of(client: &crate::client::Client, at: &Place) -> anyhow::Result<u32> {
    let view: DatasetView = client.get(&["datasets", &at.name], &[]).await?;
    let newest = view.newest.as_ref().map(|newest| newest.version);
    let number = if at.version == "latest" { newest } else { view.tags.get(&at.version).copied() };
    let missing =
        || Failure::new(Exit::NotFound, format!("there is no version `{}@{}`", at.name, at.version));
    Ok(number.ok_or_else(missing)?)
}

async fn remove(client: &crate::client::Client, dataset: &str, all: bool) -> anyhow::Result<()> {
    let at = place(dataset)?;
    if all {
        client.delete(&["datasets", &at.name], &[]).await?;
        say(&format!("{} is removed with all its versions.", at.name))?;
        return Ok(());
    }
    if !dataset.contains('@') {
        let words = format!("`{dataset}` names no version");
        return Err(Failure::new(Exit::Usage, words)
            .cure("name one, such as sea/level@3, or say --all")
            .into());
    }
    client.delete(&["datasets", &at.name, "versions", &at.version], &[]).await?;
    say(&format!("{}@{} is removed.", at.name, at.version))?;
    Ok(())
}
