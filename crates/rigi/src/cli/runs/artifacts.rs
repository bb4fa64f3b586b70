//! `rigi runs artifacts`.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap_complete::ArgValueCompleter;
use futures_util::StreamExt as _;
use indicatif::ProgressBar;
use rigi_api::view::ArtifactView;
use rigi_model::quantity::show_bytes;

use crate::cli::output::{self, OutputArgs};
use crate::cli::progress::bytes_bar;
use crate::cli::session::Session;
use crate::cli::table::{Column, Field};
use crate::cli::words::many;
use crate::client::Client;
use crate::terminal::Exit;
use crate::terminal::Failure;
use crate::terminal::say;

/// `rigi runs artifacts`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs artifacts 7Q2A                          list them
  rigi runs artifacts 7Q2A -d results               fetch all into `results`
  rigi runs artifacts 7Q2A summary.json | jq .      print one
  rigi runs artifacts 7Q2A trend.png --to plot.png  fetch one")]
pub struct Artifacts {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    /// Print this one to standard output
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Write it to this file instead
    #[arg(long, value_name = "FILE", requires = "path")]
    to: Option<PathBuf>,
    /// Fetch all of them, or PATH, into this folder
    #[arg(short = 'd', long = "dir", value_name = "DIR", conflicts_with = "to")]
    folder: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    Column::elastic("PATH", 20),
    Column::fixed("SIZE"),
    Column::ranked("TYPE", 1),
    Column::ranked("OUTPUT", 2),
    Column::ranked("SHA256", 3),
];
const WIDE: &[Column] = &[Column::fixed("BYTES"), Column::fixed("ATTEMPT")];

impl Artifacts {
    /// Lists or fetches them.
    ///
    /// # Errors
    /// When there is no such run or file, or a file cannot be written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        session.block_on(async {
            let all: Vec<ArtifactView> = client.all(&["runs", &self.run, "artifacts"], &[]).await?;
            match (&self.path, &self.folder, &self.to) {
                (None, None, _) => self.list(&all, session)?,
                (None, Some(folder), _) => self.fetch(&client, &all, folder, session).await?,
                (Some(path), Some(folder), _) => {
                    let one = self.named(&all, path)?.clone();
                    self.fetch(&client, &[one], folder, session).await?;
                }
                (Some(path), None, Some(file)) => {
                    let one = self.named(&all, path)?;
                    let bar = bytes_bar(&session.terminal, path, one.size);
                    self.write(&client, one, file, &bar).await?;
                    bar.finish_and_clear();
                }
                (Some(path), None, None) => self.print(&client, self.named(&all, path)?, session).await?,
            }
            Ok(Exit::Ok.into())
        })
    }

    fn list(&self, all: &[ArtifactView], session: &Session) -> anyhow::Result<()> {
        let list = output::List {
            items: all,
            columns: COLUMNS,
            wide: WIDE,
            row: &row,
            name: &|artifact| artifact.path.clone(),
            nothing: "The run left no files.",
        };
        list.print(self.output, &session.terminal)
    }

    fn named<'a>(&self, all: &'a [ArtifactView], path: &str) -> Result<&'a ArtifactView, Failure> {
        all.iter().find(|artifact| artifact.path == path).ok_or_else(|| {
            let paths = all.iter().map(|artifact| artifact.path.as_str());
            let cure = rigi_model::text::nearest(path, paths).map_or_else(
                || format!("`rigi runs artifacts {}` lists what it left", self.run),
                |right| format!("the nearest is `{right}`"),
            );
            Failure::new(Exit::NotFound, format!("run {} left no file `{path}`", self.run)).cure(cure)
        })
    }

    /// To standard output; not to a terminal what would confuse it.
    async fn print(&self, client: &Client, artifact: &ArtifactView, session: &Session) -> anyhow::Result<()> {
        let kind = &artifact.media_type;
        let is_text = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("yaml");
        if session.terminal.out && !is_text {
            let what = format!("`{}` is {kind}, which is nothing for a terminal", artifact.path);
            return Err(Failure::new(Exit::BadInput, what)
                .cure("write it to a file with `--to FILE` or `> FILE`")
                .into());
        }
        let mut pieces = open(client, &self.run, &artifact.path).await?.bytes_stream();
        let mut out = std::io::stdout().lock();
        while let Some(piece) = pieces.next().await {
            out.write_all(&piece.with_context(|| format!("reading `{}`", artifact.path))?)?;
        }
        Ok(out.flush()?)
    }

    async fn fetch(
        &self,
        client: &Client,
        which: &[ArtifactView],
        folder: &Path,
        session: &Session,
    ) -> anyhow::Result<()> {
        let bar = bytes_bar(&session.terminal, "fetching", which.iter().map(|artifact| artifact.size).sum());
        for artifact in which {
            let file = folder.join(inner_path(&artifact.path)?);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)
                    .with_context(|| format!("making the folder `{}`", parent.display()))?;
            }
            self.write(client, artifact, &file, &bar).await?;
            if self.output.quiet {
                bar.suspend(|| say(&file.display().to_string()))?;
            }
        }
        bar.finish_and_clear();
        if !self.output.quiet {
            let bytes = show_bytes(which.iter().map(|artifact| artifact.size).sum());
            say(&format!("{} in {}, {bytes}", many(which.len() as u64, "file"), folder.display()))?;
        }
        Ok(())
    }

    /// Writes beside the file first, so that what is cut off is never taken for the whole.
    async fn write(
        &self,
        client: &Client,
        artifact: &ArtifactView,
        file: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        if file.exists() && !self.force {
            let failure = Failure::new(Exit::CannotCreate, format!("`{}` is there already", file.display()));
            return Err(failure.cure("name another place, or write over it with `--force`").into());
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Not made of its name, which may be as long as a name can be.
        let part = folder.join(format!(".rigi-{}.part", std::process::id()));
        let written = fetch_to(client, &self.run, artifact, &part, bar).await;
        let written = written.and_then(|()| {
            std::fs::rename(&part, file).with_context(|| format!("writing `{}`", file.display()))
        });
        if written.is_err() {
            // It may not have come so far as to be made.
            let _ = std::fs::remove_file(&part);
        }
        written
    }
}

async fn open(client: &Client, run: &str, path: &str) -> anyhow::Result<reqwest::Response> {
    let segments: Vec<&str> = ["runs", run, "artifacts"].into_iter().chain(path.split('/')).collect();
    Ok(client.open(&segments, &[]).await?)
}

async fn fetch_to(
    client: &Client,
    run: &str,
    artifact: &ArtifactView,
    part: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let writing = || format!("writing `{}`", part.display());
    let mut out = std::fs::File::create(part).with_context(writing)?;
    let mut pieces = open(client, run, &artifact.path).await?.bytes_stream();
    let mut got = 0_u64;
    while let Some(piece) = pieces.next().await {
        let piece = piece.with_context(|| format!("reading `{}`", artifact.path))?;
        out.write_all(&piece).with_context(writing)?;
        got += piece.len() as u64;
        bar.inc(piece.len() as u64);
    }
    if got != artifact.size {
        let what = format!("`{}` has {} bytes, and {got} came", artifact.path, artifact.size);
        return Err(Failure::new(Exit::Unavailable, what).cure("try again").into());
    }
    Ok(())
}

/// The path below the folder. The server sends no other; but it is the path of somebody's code, and it is our disk.
fn inner_path(path: &str) -> Result<PathBuf, Failure> {
    let inner = Path::new(path);
    let is_inner = inner.components().all(|part| matches!(part, Component::Normal(_)));
    if is_inner && !path.is_empty() {
        return Ok(inner.to_owned());
    }
    Err(Failure::new(
        Exit::Internal,
        format!("the file `{path}` would leave the folder; nothing was written"),
    ))
}

fn row(artifact: &ArtifactView) -> Vec<Field> {
    vec![
        artifact.path.clone().into(),
        show_bytes(artifact.size).into(),
        artifact.media_type.clone().into(),
        artifact.output.clone().unwrap_or_default().into(),
        artifact.sha256.clone().into(),
        artifact.size.to_string().into(),
        artifact.attempt.to_string().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_folder() {
        assert_eq!(inner_path("a/b.png").unwrap(), PathBuf::from("a/b.png"));
        for bad in ["../x", "/etc/passwd", "a/../../x", ""] {
            assert_eq!(inner_path(bad).unwrap_err().exit, Exit::Internal, "{bad}");
        }
    }
}
