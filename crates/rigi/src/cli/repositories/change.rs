//! Adding and changing repositories, and their keys.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use reqwest::Method;
use rigi_api::view::{RepositoryKey, RepositoryView, SetRepository, SetRepositoryKey};
use rigi_model::repositories::Forge;

use crate::cli::output::{OutputArgs, print_value};
use crate::client::Client;
use crate::terminal::hidden::{Typed, read_hidden};
use crate::terminal::{Exit, Failure, say};

/// What is taken of a repository, and how.
#[derive(Debug, Args)]
struct Taken {
    /// The branch to follow; the repository's own unless told
    #[arg(long, group = "reference")]
    branch: Option<String>,
    /// The tag to take
    #[arg(long, group = "reference")]
    tag: Option<String>,
    /// The commit to take: all of its digits
    #[arg(long, group = "reference")]
    commit: Option<String>,
    /// The folder whose subfolders are pipelines
    #[arg(long)]
    folder: Option<String>,
    /// Sync so often without being asked: 30s at least; `none` never
    #[arg(long, value_name = "TIME")]
    interval: Option<String>,
    /// By whose ways its pages have addresses: github, gitlab, gitea or bitbucket
    #[arg(long, value_parser = forge)]
    forge: Option<Forge>,
    /// The name that goes with the token, where the host wants a certain one
    #[arg(long)]
    user: Option<String>,
    /// Give it a token: asked for without being shown, or read from standard input
    #[arg(long)]
    with_token: bool,
}

fn forge(text: &str) -> Result<Forge, String> {
    Forge::parse(text).ok_or_else(|| "it may be github, gitlab, gitea or bitbucket".to_owned())
}

/// `rigi repositories add`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi repositories add https://github.com/lab/tools --branch main --folder pipelines
  pass show git-token | rigi repositories add https://gitlab.com/lab/tools --with-token
  rigi repositories add git@git.example.org:lab/tools.git --name tools

A token is read from the terminal or from standard input, never from an argument: others can see these.")]
pub(super) struct Add {
    /// `https://host/path`, `ssh://user@host/path` or `user@host:path`
    address: String,
    /// Its name; the last part of its address unless told
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    taken: Taken,
    #[command(flatten)]
    output: OutputArgs,
}

/// `rigi repositories edit`
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Which
    name: String,
    /// Its new address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    #[command(flatten)]
    taken: Taken,
    /// Take its token away
    #[arg(long, conflicts_with = "with_token")]
    without_token: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// `rigi repositories key`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi repositories key tools
  rigi repositories key tools --private-key ~/.ssh/deploy_key

Add what is printed to the repository at its host, as a deploy key that may read.")]
pub(super) struct Key {
    /// Of which
    name: String,
    /// Take this private key instead of making one; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    private_key: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Taken {
    /// These words on top of what was there.
    fn put(self, body: &mut SetRepository) -> anyhow::Result<bool> {
        if self.branch.is_some() || self.tag.is_some() || self.commit.is_some() {
            (body.branch, body.tag, body.commit) = (self.branch, self.tag, self.commit);
        }
        if let Some(folder) = self.folder {
            body.folder = folder;
        }
        if let Some(interval) = self.interval {
            body.interval = Some(interval).filter(|interval| interval != "none");
        }
        body.forge = self.forge.or(body.forge);
        body.user = self.user.or(body.user.take());
        if self.with_token {
            match read_token()? {
                Some(token) => body.token = Some(token),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// `None`: nothing is to be done.
fn read_token() -> anyhow::Result<Option<String>> {
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().take(64 << 10).read_to_string(&mut text).context("reading standard input")?;
        return Ok(Some(text.trim().to_owned()));
    }
    let [typed] = read_hidden(["Token (not shown): "]).context("reading from the terminal")?;
    Ok(match typed {
        Typed::Line(token) => Some(token.trim().to_owned()),
        Typed::Nothing => None,
    })
}

impl Add {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<ExitCode> {
        let mut body = SetRepository { name: self.name, url: self.address, ..SetRepository::default() };
        if !self.taken.put(&mut body)? {
            return Ok(Exit::Cancelled.into());
        }
        let added: RepositoryView = client.post(&["repositories"], &body).await?;
        if !self.output.is_for_people() {
            print_value(&added, self.output, || vec![added.name.clone()])?;
            return Ok(Exit::Ok.into());
        }
        let name = &added.name;
        say(&match super::show::is_by_ssh(&added) {
            true => format!(
                "{name} is added. `rigi repositories key {name}` makes its deploy key; `rigi sync {name} --plan` then shows what it brings."
            ),
            false => format!("{name} is added. `rigi sync {name} --plan` shows what it brings."),
        })?;
        Ok(Exit::Ok.into())
    }
}

impl Edit {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<ExitCode> {
        let path = ["repositories", self.name.as_str()];
        let there: RepositoryView = client.get(&path, &[]).await?;
        let mut body = SetRepository {
            name: None,
            url: self.address.unwrap_or(there.url),
            branch: there.branch,
            tag: there.tag,
            commit: there.commit,
            folder: there.folder,
            interval: there.interval,
            forge: there.forge,
            user: there.user,
            token: self.without_token.then(String::new),
        };
        if !self.taken.put(&mut body)? {
            return Ok(Exit::Cancelled.into());
        }
        let changed: RepositoryView = client.change(Method::PUT, &path, Some(&body)).await?;
        if self.output.is_for_people() {
            say(&format!(
                "{0} is changed. Its pipelines stay as they are until the next sync: `rigi sync {0}`.",
                self.name
            ))?;
        } else {
            print_value(&changed, self.output, || vec![changed.name.clone()])?;
        }
        Ok(Exit::Ok.into())
    }
}

impl Key {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<ExitCode> {
        let private_key = match &self.private_key {
            None => None,
            Some(file) if file.as_os_str() == "-" => {
                let mut text = String::new();
                io::stdin().take(64 << 10).read_to_string(&mut text).context("reading standard input")?;
                Some(text)
            }
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
                Failure::new(Exit::NotFound, format!("{} cannot be read: {error}", file.display()))
            })?),
        };
        let body = SetRepositoryKey { private_key };
        let made: RepositoryKey = client.post(&["repositories", &self.name, "key"], &body).await?;
        if self.output.is_for_people() {
            say(&made.public_key)?;
            eprintln!("Add this to the repository at its host, as a deploy key that may read.");
        } else {
            print_value(&made, self.output, || vec![made.public_key.clone()])?;
        }
        Ok(Exit::Ok.into())
    }
}
