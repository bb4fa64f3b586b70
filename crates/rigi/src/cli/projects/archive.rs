//! `rigi projects export` and `rigi projects import`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use rigi_api::view::ImportedView;
use rigi_model::quantity::show_bytes;
use rigi_store::archive::{Head, Tail, read_ends};

use crate::cli::output::{OutputArgs, print_value};
use crate::cli::progress::bytes_bar;
use crate::cli::session::Session;
use crate::cli::words::many;
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// `rigi projects export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects export air-quality                          to `air-quality.rigi-project`
  rigi projects export air-quality -o /backup/air.rigi-project

In it: ended runs with their logs and files, the code that ran, pipelines, settings. Not in it: values of secrets,
people, roles, tokens, the audit log, and runs that have not ended.")]
pub(super) struct Export {
    /// Its name
    name: String,
    /// Write it to this file
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// `rigi projects import`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects import air-quality.rigi-project
  rigi projects import air-quality.rigi-project --name air-2026

All of it comes, or nothing. You own it then; who else is in it, and its secrets, are said again.")]
pub(super) struct Import {
    /// What `rigi projects export` wrote
    file: PathBuf,
    /// Its name here [default: the one it had]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Export {
    pub(super) async fn run(self, client: &Client, session: &Session) -> anyhow::Result<()> {
        let file = self.file.unwrap_or_else(|| PathBuf::from(format!("{}.rigi-project", self.name)));
        if fs::symlink_metadata(&file).is_ok() {
            let failure = Failure::new(Exit::CannotCreate, format!("`{}` is there already", file.display()));
            return Err(failure.cure("name another file with `-o FILE`").into());
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Beside it first: what is cut off is never taken for the whole.
        let part = folder.join(format!(".rigi-{}.part", std::process::id()));
        let written = self::fetch(client, &self.name, &part, session).await;
        let written = written.and_then(|(head, tail, size)| {
            // Not over one that came meanwhile.
            fs::hard_link(&part, &file).with_context(|| format!("writing `{}`", file.display()))?;
            Ok((head, tail, size))
        });
        let _ = fs::remove_file(&part);
        let (head, tail, size) = written?;
        say(&taken(&head, &tail, &file, size))?;
        Ok(())
    }
}

async fn fetch(
    client: &Client,
    name: &str,
    part: &Path,
    session: &Session,
) -> anyhow::Result<(Head, Tail, u64)> {
    let writing = || format!("writing `{}`", part.display());
    let response = client.open(&["projects", name, "export"], &[]).await?;
    let mut out = File::create_new(part).with_context(writing)?;
    let bar = bytes_bar(&session.terminal, "taking", 0);
    let (mut pieces, mut size) = (response.bytes_stream(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| broke_off(&error.to_string()))?;
        out.write_all(&piece).with_context(writing)?;
        size += piece.len() as u64;
        bar.set_length(size);
        bar.set_position(size);
    }
    out.sync_all().with_context(writing)?;
    bar.finish_and_clear();
    let look = || File::open(part).map_err(|error| error.to_string());
    let ends = look().and_then(|file| read_ends(file).map_err(|refused| refused.to_string()));
    let (head, tail) = ends.map_err(|why| broke_off(&why))?;
    Ok((head, tail, size))
}

fn broke_off(why: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("the archive is not whole: {why}"))
        .cure("try again; the server's log says why it broke off")
}

/// What was taken, and what was not.
fn taken(head: &Head, tail: &Tail, file: &Path, size: u64) -> String {
    let runs = many(head.rows.get("runs").copied().unwrap_or_default(), "run");
    let (name, file, files) = (&head.name, file.display(), many(tail.files, "file"));
    let is =
        format!("The project {name} is in {file}: {runs}, {files} of its pipelines, {}.", show_bytes(size));
    lines(is, head.open_runs, (tail.left_out, tail.missing), &head.secrets)
}

fn lines(is: String, open_runs: u64, (left_out, missing): (u64, u64), secrets: &[String]) -> String {
    let mut lines = vec![is];
    if open_runs > 0 {
        lines.push(format!("Not in it: {} that had not ended.", many(open_runs, "run")));
    }
    if left_out > 0 {
        let things = many(left_out, "thing");
        lines.push(format!(
            "Not in it: {things} in the pipelines' folder: links, devices, names that are no text."
        ));
    }
    if missing > 0 {
        let files = many(missing, "stored file");
        lines.push(format!("Not in it: {files}, missing or damaged there; `rigi doctor --deep` names them."));
    }
    if !secrets.is_empty() {
        lines.push(format!("Values of secrets are not in it. To be set again: {}.", secrets.join(", ")));
    }
    lines.join("\n")
}

impl Import {
    pub(super) async fn run(self, client: &Client, session: &Session) -> anyhow::Result<()> {
        let what = || format!("reading `{}`", self.file.display());
        let file = File::open(&self.file).with_context(what)?;
        let size = file.metadata().with_context(what)?.len();
        let bar = bytes_bar(&session.terminal, "bringing", size);
        let sent = bar.clone();
        let imported = client.import(self.name.as_deref(), file, size, move |bytes| sent.inc(bytes)).await;
        bar.finish_and_clear();
        let imported: ImportedView = imported?;
        if !self.output.is_for_people() {
            return print_value(&imported, self.output, || vec![imported.project.name.to_string()]);
        }
        let ImportedView { project, runs, files, open_runs, left_out, missing, secrets, .. } = &imported;
        let (runs, files) = (many(*runs, "run"), many(*files, "file"));
        let is = format!("The project {} is here: {runs}, {files} of its pipelines.", project.name);
        Ok(say(&lines(is, *open_runs, (*left_out, *missing), secrets))?)
    }
}
