//! `rigi triggers`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{CursorView, PipelineTriggerView, SetCursor, SetTrigger, TriggerEventView};

use super::output::{List, OutputArgs, facts, print_value};
use super::session::Session;
use super::table::Column;
use super::{templates, words};
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// `rigi triggers`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi triggers list
  rigi triggers set load/inbox --files '/data/in/*.csv' --input table
  rigi triggers set load/orders --sensor check-orders -p 'order=${event.id}'
  rigi triggers set report/both --after extract --after clean --key '${run.due}'
  rigi triggers events load/inbox            what happened, and what became of it
  rigi triggers cursor check-orders          where a sensor goes on")]
pub struct Triggers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those that there are, with what happened last
    List {
        /// Of this pipeline alone
        pipeline: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One trigger
    Get {
        /// PIPELINE/ID
        trigger: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a trigger beside the spec, or change one that was made so
    Set(Box<Set>),
    /// Remove a trigger that was made beside the spec
    Remove {
        /// PIPELINE/ID
        trigger: String,
    },
    /// Start nothing until it goes on
    Pause {
        /// PIPELINE/ID
        trigger: String,
    },
    /// Let it go on
    Resume {
        /// PIPELINE/ID
        trigger: String,
    },
    /// What happened and what became of each, the newest first
    Events {
        /// PIPELINE/ID
        trigger: String,
        /// So many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Where a sensor goes on
    Cursor {
        /// The sensor's pipeline
        pipeline: String,
        /// Go on there
        #[arg(long, value_name = "CURSOR", conflicts_with = "reset")]
        set: Option<String>,
        /// Begin anew
        #[arg(long)]
        reset: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `rigi triggers set`
#[derive(Debug, Args)]
struct Set {
    /// PIPELINE/ID
    trigger: String,
    /// Files that come: a pattern of the server's machine, or `storage:` and one below the project's storage
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["sensor", "after"])]
    files: Option<String>,
    /// Of --files: how often it is looked
    #[arg(long, value_name = "TIME")]
    interval: Option<String>,
    /// Of --files: for how long one must not have changed
    #[arg(long, value_name = "TIME")]
    settle: Option<String>,
    /// Of --files: what becomes of those that are there at first
    #[arg(long, value_parser = ["skip", "start"])]
    existing: Option<String>,
    /// Of --files: a run for each, or one for all that have come
    #[arg(long, value_parser = ["file", "batch"])]
    each: Option<String>,
    /// Of --files: the input that is given them
    #[arg(long)]
    input: Option<String>,
    /// A pipeline: each line that its runs say on standard output is an event
    #[arg(long, value_name = "PIPELINE", conflicts_with = "after")]
    sensor: Option<String>,
    /// A pipeline whose run has ended; more than once: all of them have
    #[arg(long, value_name = "PIPELINE")]
    after: Vec<String>,
    /// Of --after: which ends count
    #[arg(long, value_parser = ["success", "failure", "end"])]
    on: Option<String>,
    /// Of --after: runs with the same belong together, such as '${run.due}'
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// Of --after: how long an end counts
    #[arg(long, value_name = "TIME")]
    within: Option<String>,
    /// What is to hold for a run to start
    #[arg(long, value_name = "EXPRESSION")]
    when: Option<String>,
    /// A parameter of its runs, with `${…}` over what happened; more than once
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The entry of the pipeline's `schedules` whose words count
    #[arg(long)]
    schedule: Option<String>,
}

/// Pipeline and id of `PIPELINE/ID`.
fn split(text: &str) -> anyhow::Result<(&str, &str)> {
    text.split_once('/').ok_or_else(|| {
        let words = format!("`{text}` names no trigger");
        Failure::new(Exit::Usage, words).cure("write PIPELINE/ID, such as load/inbox").into()
    })
}

impl Triggers {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { pipeline, output } => {
                    let query: Vec<_> = pipeline.into_iter().map(|name| ("pipeline", name)).collect();
                    list(&client.all(&["triggers"], &query).await?, output, session)?;
                }
                Command::Get { trigger, output } => print(&get(&client, &trigger, "").await?, output)?,
                Command::Set(set) => set.run(&client).await?,
                Command::Remove { trigger } => {
                    let (pipeline, id) = split(&trigger)?;
                    client.delete(&["triggers", pipeline, id], &[]).await?;
                    say(&format!("{trigger} starts nothing any more."))?;
                }
                Command::Pause { trigger } => {
                    get(&client, &trigger, "pause").await?;
                    say(&format!("{trigger} is paused; `rigi triggers resume` lets it go on."))?;
                }
                Command::Resume { trigger } => {
                    get(&client, &trigger, "resume").await?;
                    say(&format!("{trigger} goes on."))?;
                }
                Command::Events { trigger, limit, output } => {
                    let (pipeline, id) = split(&trigger)?;
                    let query = [("limit", limit.to_string())];
                    let page: rigi_api::view::Page<TriggerEventView> =
                        client.get(&["triggers", pipeline, id, "events"], &query).await?;
                    events(&page.items, output, session)?;
                }
                Command::Cursor { pipeline, set, reset, output } => {
                    let path = ["pipelines", pipeline.as_str(), "cursor"];
                    let cursor: CursorView = match set.is_some() || reset {
                        true => client.change(Method::PUT, &path, Some(&SetCursor { cursor: set })).await?,
                        false => client.get(&path, &[]).await?,
                    };
                    cursor_words(&pipeline, &cursor, output)?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

/// A trigger, after something was done to it.
async fn get(client: &Client, trigger: &str, act: &str) -> anyhow::Result<PipelineTriggerView> {
    let (pipeline, id) = split(trigger)?;
    Ok(match act {
        "" => client.get(&["triggers", pipeline, id], &[]).await?,
        act => client.act(&["triggers", pipeline, id, act], &[]).await?,
    })
}

fn state(one: &PipelineTriggerView) -> String {
    match (&one.off, &one.paused, &one.problem) {
        (Some(off), ..) => off.clone(),
        (None, Some(pause), _) => format!("paused: by {}", pause.by),
        (None, None, problem) => problem.clone().unwrap_or_default(),
    }
}

fn list(all: &[PipelineTriggerView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("TRIGGER"),
            Column::elastic("WAITS FOR", 16),
            Column::fixed("LAST"),
            Column::elastic("STATE", 12),
        ],
        wide: &[Column::fixed("FROM")],
        row: &|one: &PipelineTriggerView| {
            let last = one.last.as_ref().map(|last| format!("{} {}", words::date(last.at), last.outcome));
            vec![
                format!("{}/{}", one.pipeline, one.id).into(),
                one.waits_for.clone().into(),
                last.unwrap_or_default().into(),
                state(one).into(),
                one.source.clone().into(),
            ]
        },
        name: &|one| format!("{}/{}", one.pipeline, one.id),
        nothing: "Nothing is waited for here. A spec has `triggers`, or `rigi triggers set PIPELINE/ID --files '/data/in/*.csv'`.",
    };
    list.print(output, &session.terminal)
}

fn print(one: &PipelineTriggerView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![format!("{}/{}", one.pipeline, one.id)]);
    }
    let said = serde_json::to_value(&one.trigger)?;
    let said = said.as_object().into_iter().flatten().map(|(name, value)| {
        format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let end = |end: &rigi_api::view::WaitingEnd| {
        format!("{} {} {} {}", words::date(end.at), end.pipeline, end.run, end.key).trim_end().to_owned()
    };
    let mut rows = vec![
        ("trigger", format!("{}/{}", one.pipeline, one.id)),
        ("waits for", one.waits_for.clone()),
        ("state", state(one)),
        ("says", said.collect::<Vec<_>>().join("\n")),
        ("there", one.waiting.iter().map(end).collect::<Vec<_>>().join("\n")),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

fn events(all: &[TriggerEventView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("SEEN"),
            Column::elastic("EVENT", 16),
            Column::fixed("OUTCOME"),
            Column::fixed("RUN"),
            Column::elastic("REASON", 8),
        ],
        wide: &[Column::fixed("WHOLE EVENT")],
        row: &|one: &TriggerEventView| {
            let run = one.run.as_ref().map(|run| run.short().to_owned());
            // Of a file, its name: the folder is the same for all.
            let name =
                one.event.rsplit_once('@').filter(|_| one.event.starts_with('/')).map(|(path, _)| path);
            let name = name.map_or(one.event.as_str(), |path| path.rsplit('/').next().unwrap_or(path));
            vec![
                words::date(one.at).into(),
                name.to_owned().into(),
                one.outcome.as_str().into(),
                run.unwrap_or_default().into(),
                one.reason.clone().unwrap_or_default().into(),
                one.event.clone().into(),
            ]
        },
        name: &|one| one.event.clone(),
        nothing: "Nothing has happened yet.",
    };
    list.print(output, &session.terminal)
}

fn cursor_words(pipeline: &str, one: &CursorView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || one.cursor.clone().into_iter().collect());
    }
    let Some(cursor) = &one.cursor else {
        return Ok(say(&format!("{pipeline} has no cursor: its next run begins anew."))?);
    };
    let by = one.run.as_ref().map_or_else(|| "a person".to_owned(), ToString::to_string);
    let at = one.at.map(words::date).unwrap_or_default();
    Ok(say(&facts(&[("cursor", cursor.clone()), ("since", at), ("said by", by)]))?)
}

impl Set {
    async fn run(self, client: &Client) -> anyhow::Result<()> {
        let (pipeline, id) = split(&self.trigger)?;
        let body = SetTrigger {
            files: self.files,
            interval: self.interval,
            settle: self.settle,
            existing: self.existing,
            each: self.each,
            input: self.input,
            sensor: self.sensor,
            after: self.after,
            on: self.on,
            key: self.key,
            within: self.within,
            when: self.when,
            parameters: templates::read(client, pipeline, self.parameters).await?,
            schedule: self.schedule,
            enabled: None,
        };
        let one: PipelineTriggerView =
            client.change(Method::PUT, &["triggers", pipeline, id], Some(&body)).await?;
        print(&one, OutputArgs::default())
    }
}
