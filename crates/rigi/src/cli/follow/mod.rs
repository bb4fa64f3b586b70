//! Starts a run and stays with it: `rigi run`, with and without a server.

mod printer;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rigi_api::view::{InputRef, PipelineView, RunView, SubmitRun};
use serde::Serialize;

use super::output::{Format, OutputArgs, yaml};
use super::pairs::Given;
use super::progress::{bytes_bar, told};
use crate::client::{Client, LARGE, Large, LargeError, file_name};
use crate::terminal::Exit;
use crate::terminal::failure::{self, Failure};
use crate::terminal::{Terminal, say, seen_json};

pub use printer::{ended, line_text, unfinished_line, unreadable};
pub use watch::watch;

/// How much of the run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// That it was accepted.
    Accepted,
    /// How it ends.
    End,
    /// Its log, and how it ends.
    Log,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Words.
    People,
    /// JSON: one object a line while it is followed, else one object.
    Json,
    /// The same as documents of YAML.
    Yaml,
    /// The id, nothing else.
    Id,
}

impl Style {
    /// That of the flags which every command has.
    #[must_use]
    pub const fn of(output: OutputArgs) -> Self {
        Self::of_format(output.format())
    }

    /// That of a format.
    #[must_use]
    pub const fn of_format(format: Format) -> Self {
        match format {
            Format::Table | Format::Wide => Self::People,
            Format::Json => Self::Json,
            Format::Yaml => Self::Yaml,
            Format::Name => Self::Id,
        }
    }

    /// One object as programs read it: alone, or one of many.
    fn object(self, value: &impl Serialize, place: Placing) -> anyhow::Result<String> {
        Ok(match (self, place) {
            (Self::Yaml, Placing::Alone) => yaml(value)?,
            (Self::Yaml, Placing::OneOfMany) => format!("---\n{}", yaml(value)?),
            (_, Placing::Alone) => seen_json(&serde_json::to_string_pretty(value)?),
            (_, Placing::OneOfMany) => seen_json(&serde_json::to_string(value)?),
        })
    }
}

/// Whether an object stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placing {
    Alone,
    OneOfMany,
}

/// What Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Stops watching; the run goes on.
    Leave,
    /// Cancels the run: nobody would look after it.
    Cancel,
}

/// How to stay with a run.
#[derive(Debug, Clone)]
pub struct Follow {
    /// How much is shown.
    pub show: Show,
    /// In what form.
    pub style: Style,
    /// What Ctrl-C does.
    pub interrupt: Interrupt,
    /// What was given on the command line.
    pub given: Given,
    /// Data folder that the run is kept in, where commands would not find it by themselves.
    pub kept_in: Option<PathBuf>,
    /// The same call twice is one.
    pub idempotency_key: Option<String>,
}

/// Uploads the inputs, starts the run, and stays with it as told. The exit code is the run's result when its end was
/// waited for.
///
/// # Errors
/// When the run was not accepted, or the server goes away for good.
pub async fn drive(
    client: &Client,
    terminal: &Terminal,
    pipeline: &str,
    mut request: SubmitRun,
    inputs: Vec<(String, PathBuf)>,
    follow: &Follow,
) -> anyhow::Result<ExitCode> {
    let given = |pointer: &str| follow.given.by(pointer);
    let refused = |error| failure::of_call(&error, &given).doing(&format!("{pipeline} was not started"));
    let view: PipelineView = client.get(&["pipelines", pipeline], &[]).await.map_err(refused)?;
    follow.given.read_by(view.parameters.as_ref(), &mut request.parameters);
    for (input, files) in upload(client, terminal, inputs).await? {
        request.inputs.entry(input).or_default().extend(files);
    }
    let key = follow.idempotency_key.as_deref();
    let run: RunView =
        client.post_once(&["pipelines", pipeline, "runs"], &request, key).await.map_err(refused)?;
    stay(client, terminal, run, follow).await
}

/// Says that the run was accepted, and stays with it as told.
///
/// # Errors
/// When the server goes away for good.
pub async fn stay(
    client: &Client,
    terminal: &Terminal,
    run: RunView,
    follow: &Follow,
) -> anyhow::Result<ExitCode> {
    match (follow.show, follow.style) {
        (_, Style::Id) => say(run.summary.id.as_str())?,
        (Show::Accepted, style @ (Style::Json | Style::Yaml)) => say(&style.object(&run, Placing::Alone)?)?,
        (_, Style::Json | Style::Yaml) => {}
        (_, Style::People) => say(&printer::headline(&run))?,
    }
    if follow.show == Show::Accepted {
        if follow.style == Style::People && terminal.out {
            eprintln!("Follow it with `rigi runs logs {} --follow`.", run.summary.short);
        }
        return Ok(Exit::Ok.into());
    }
    watch(client, terminal, run, follow).await
}

/// Uploads files, with a bar for all of them together.
///
/// # Errors
/// When a file cannot be read, or the server does not take it.
pub async fn upload(
    client: &Client,
    terminal: &Terminal,
    inputs: Vec<(String, PathBuf)>,
) -> anyhow::Result<BTreeMap<String, Vec<InputRef>>> {
    let mut uploaded: BTreeMap<String, Vec<InputRef>> = BTreeMap::new();
    let mut files = Vec::new();
    for (input, path) in inputs {
        let file = std::fs::File::open(&path).map_err(cannot_read(&path))?;
        let size = file.metadata().map_err(cannot_read(&path))?.len();
        files.push((input, path, file, size));
    }
    let total = files.iter().map(|(.., size)| size).sum();
    let bar = bytes_bar(terminal, "uploading", total);
    for (input, path, file, size) in files {
        let name = file_name(&path);
        let sent = match size < LARGE {
            true => {
                let moved = bar.clone();
                let sent = move |bytes| moved.inc(bytes);
                client.upload(&name, file, size, sent).await.map_err(LargeError::from)
            }
            false => {
                let mark = mark_of(&file).map_err(cannot_read(&path))?;
                let large = Large { name: &name, path: &path, size, mark: &mark };
                client.upload_large(&large, told(&bar, &name)).await
            }
        };
        let doing = format!("`{}` was not uploaded", path.display());
        let view = sent.map_err(|error| Failure::from(error).doing(&doing))?;
        uploaded.entry(input).or_default().push(InputRef {
            upload: Some(view.id),
            dataset: None,
            name: None,
        });
    }
    bar.finish_and_clear();
    Ok(uploaded)
}

fn cannot_read(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::new(Exit::NotFound, format!("`{}` cannot be read: {error}", path.display()))
}

/// What a file is known by that goes on later: which it is, and when it was changed.
fn mark_of(file: &std::fs::File) -> io::Result<String> {
    let facts = file.metadata()?;
    let (dev, ino, at, nanoseconds) = (facts.dev(), facts.ino(), facts.mtime(), facts.mtime_nsec());
    Ok(format!("{dev}-{ino}-{at}.{nanoseconds:09}"))
}
