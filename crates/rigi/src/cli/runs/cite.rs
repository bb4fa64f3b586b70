//! `rigi runs cite`: a run as a paper tells it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap_complete::ArgValueCompleter;
use futures_util::StreamExt as _;
use rigi_api::view::CitationView;
use rigi_model::quantity::show_bytes;
use tokio::io::AsyncWriteExt as _;

use crate::cli::complete;
use crate::cli::progress::bytes_bar;
use crate::cli::session::Session;
use crate::client::Client;
use crate::terminal::{Exit, Failure, say, seen_json};

/// `rigi runs cite`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs cite 7Q2A                          a text for a methods section
  rigi runs cite 7Q2A --json                   the same as data
  rigi runs cite 7Q2A --ro-crate run.zip       code, inputs and outputs, and what made what
  rigi runs cite 7Q2A --ro-crate run.zip --license https://creativecommons.org/licenses/by/4.0/")]
pub struct Cite {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: String,
    /// Print a text; so it is unless told
    #[arg(long, conflicts_with_all = ["json", "ro_crate"])]
    text: bool,
    /// Print the same as data
    #[arg(long, conflicts_with = "ro_crate")]
    json: bool,
    /// Write a Workflow Run RO-Crate into this file
    #[arg(long, value_name = "OUT.zip")]
    ro_crate: Option<PathBuf>,
    /// The licence of what is in the crate, best its address
    #[arg(long, value_name = "LICENCE", requires = "ro_crate")]
    license: Option<String>,
    /// Write over a file that is there
    #[arg(long, requires = "ro_crate")]
    force: bool,
}

impl Cite {
    /// Prints or writes it.
    ///
    /// # Errors
    /// When there is no such run, it has not ended, or the file cannot be written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        session.block_on(async {
            if let Some(file) = &self.ro_crate {
                self.write(&client, file, session).await?;
                return Ok(Exit::Ok.into());
            }
            let told: CitationView = client.get(&["runs", &self.run, "citation"], &[]).await?;
            match self.json {
                true => say(&seen_json(&serde_json::to_string_pretty(&told)?))?,
                false => say(told.text.trim_end())?,
            }
            Ok(Exit::Ok.into())
        })
    }

    /// Writes beside the file first, so that what is cut off is never taken for the whole.
    async fn write(&self, client: &Client, file: &Path, session: &Session) -> anyhow::Result<()> {
        if file.exists() && !self.force {
            let failure = Failure::new(Exit::CannotCreate, format!("`{}` is there already", file.display()));
            return Err(failure.cure("name another place, or write over it with `--force`").into());
        }
        let query: Vec<(&str, String)> = self.license.iter().map(|said| ("license", said.clone())).collect();
        let answer = client.open(&["runs", &self.run, "crate"], &query).await?;
        let size = answer.content_length();
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let part = folder.join(format!(".rigi-{}.part", std::process::id()));
        let written = self.fetch(answer, &part, size, session).await;
        let written = written.and_then(|bytes| {
            std::fs::rename(&part, file).with_context(|| format!("writing `{}`", file.display()))?;
            Ok(bytes)
        });
        match written {
            Ok(bytes) => Ok(say(&format!("{}: {}", file.display(), show_bytes(bytes)))?),
            Err(error) => {
                // It may not have come so far as to be made.
                let _ = std::fs::remove_file(&part);
                Err(error)
            }
        }
    }

    async fn fetch(
        &self,
        answer: reqwest::Response,
        part: &Path,
        size: Option<u64>,
        session: &Session,
    ) -> anyhow::Result<u64> {
        let writing = || format!("writing `{}`", part.display());
        let bar = bytes_bar(&session.terminal, "fetching", size.unwrap_or(0));
        let mut out = tokio::fs::File::create(part).await.with_context(writing)?;
        let (mut pieces, mut got) = (answer.bytes_stream(), 0_u64);
        while let Some(piece) = pieces.next().await {
            let piece = piece.with_context(|| format!("reading the crate of {}", self.run))?;
            out.write_all(&piece).await.with_context(writing)?;
            got += piece.len() as u64;
            bar.inc(piece.len() as u64);
        }
        out.flush().await.with_context(writing)?;
        bar.finish_and_clear();
        if size.is_some_and(|size| size != got) {
            let failure = Failure::new(Exit::Unavailable, format!("the crate of {} broke off", self.run));
            return Err(failure.cure("run the same again").into());
        }
        Ok(got)
    }
}
