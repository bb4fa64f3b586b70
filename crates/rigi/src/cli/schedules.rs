//! `rigi schedules`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{ExplainView, FireView, PipelineView, ScheduleView, SetSchedule};

use super::output::{List, OutputArgs, facts, print_value};
use super::pairs::Given;
use super::session::Session;
use super::table::Column;
use super::{pairs, words};
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// `rigi schedules`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi schedules list
  rigi schedules set co2-trend/nightly --cron '0 3 * * *' --timezone Europe/Zurich
  rigi schedules explain co2-trend/nightly     the next times, and what daylight saving does
  rigi schedules pause co2-trend/nightly       it stays paused, whatever becomes of the spec
  rigi schedules fires                         what became of each due time")]
pub struct Schedules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those of specs and those made beside them, with when they are due next
    List {
        /// Of this pipeline alone
        #[arg(long)]
        pipeline: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One schedule, with what it says
    Get {
        /// PIPELINE/ID; without an id, `default`
        schedule: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// When it is due, by which rules, and what daylight saving does to it
    Explain {
        /// PIPELINE/ID; without an id, `default`
        schedule: String,
        /// Due times
        #[arg(long, default_value_t = 5)]
        count: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a schedule beside those of the spec, or change one that was made so
    Set(Box<Set>),
    /// Remove a schedule that was made beside the spec
    Remove {
        /// PIPELINE/ID
        schedule: String,
    },
    /// Start nothing by it until it goes on
    Pause {
        /// PIPELINE/ID; without an id, `default`
        schedule: String,
    },
    /// Let it go on; what was due meanwhile is made up for as it says
    Resume {
        /// PIPELINE/ID; without an id, `default`
        schedule: String,
    },
    /// Due times and what became of each: a run, skipped or missed, with why
    Fires {
        /// Of this pipeline, or of one schedule: PIPELINE/ID
        schedule: Option<String>,
        /// So many, the newest
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// `rigi schedules set`
#[derive(Debug, Args)]
struct Set {
    /// PIPELINE/ID
    schedule: String,
    /// Five fields, or six with the second first
    #[arg(long, group = "rhythm")]
    cron: Option<String>,
    /// Between two starts, such as 15m
    #[arg(long, group = "rhythm")]
    interval: Option<String>,
    /// Once, at this time
    #[arg(long, group = "rhythm", value_name = "TIME")]
    once_at: Option<String>,
    /// Such as Europe/Zurich; UTC unless told
    #[arg(long)]
    timezone: Option<String>,
    /// Not before
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Not after
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// They start at a moment of their own within this time
    #[arg(long, value_name = "TIME")]
    jitter: Option<String>,
    /// skip, latest or all(100)
    #[arg(long)]
    catch_up: Option<String>,
    /// queue, skip, replace or allow
    #[arg(long)]
    overlap: Option<String>,
    /// What cannot start within this time is missed
    #[arg(long, value_name = "TIME")]
    start_within: Option<String>,
    /// After so many runs in a row that failed, it is paused
    #[arg(long, value_name = "FAILURES")]
    stop_after: Option<u32>,
    /// A parameter of its runs; more than once
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// A label of its runs; more than once
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Where they execute
    #[arg(long)]
    target: Option<String>,
}

/// Pipeline and id of `PIPELINE/ID`.
fn split(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or((text, "default"))
}

impl Schedules {
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
                    let all: Vec<ScheduleView> = client.all(&["schedules"], &query).await?;
                    list(&all, output, session)?;
                }
                Command::Get { schedule, output } => print(&get(&client, &schedule, "").await?, output)?,
                Command::Explain { schedule, count, output } => {
                    let (pipeline, id) = split(&schedule);
                    let path = ["schedules", pipeline, id, "explain"];
                    let told: ExplainView = client.get(&path, &[("count", count.to_string())]).await?;
                    explain(&told, output)?;
                }
                Command::Set(set) => set.run(&client).await?,
                Command::Remove { schedule } => {
                    let (pipeline, id) = split(&schedule);
                    client.delete(&["schedules", pipeline, id], &[]).await?;
                    say(&format!("{pipeline}/{id} starts nothing any more."))?;
                }
                Command::Pause { schedule } => {
                    let one = get(&client, &schedule, "pause").await?;
                    say(&format!(
                        "{}/{} is paused; `rigi schedules resume` lets it go on.",
                        one.pipeline, one.id
                    ))?;
                }
                Command::Resume { schedule } => {
                    let one = get(&client, &schedule, "resume").await?;
                    let next = one
                        .next
                        .first()
                        .map(|next| format!("; next at {}", words::date(*next)))
                        .unwrap_or_default();
                    say(&format!("{}/{} goes on{next}.", one.pipeline, one.id))?;
                }
                Command::Fires { schedule, limit, output } => {
                    let mut query = vec![("limit", limit.to_string())];
                    if let Some(text) = &schedule {
                        query.push(("pipeline", text.split('/').next().unwrap_or_default().to_owned()));
                        query.extend(text.split_once('/').map(|(_, id)| ("schedule", id.to_owned())));
                    }
                    let page: rigi_api::view::Page<FireView> = client.get(&["fires"], &query).await?;
                    fires(&page.items, output, session)?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

/// A schedule, after something was done to it.
async fn get(client: &Client, schedule: &str, act: &str) -> anyhow::Result<ScheduleView> {
    let (pipeline, id) = split(schedule);
    Ok(match act {
        "" => client.get(&["schedules", pipeline, id], &[]).await?,
        act => client.act(&["schedules", pipeline, id, act], &[]).await?,
    })
}

fn state(one: &ScheduleView) -> String {
    match (&one.off, &one.paused) {
        (Some(off), _) => off.clone(),
        (None, Some(pause)) => {
            let why = pause.why.as_ref().map_or_else(|| format!("by {}", pause.by), Clone::clone);
            format!("paused: {why}")
        }
        (None, None) => String::new(),
    }
}

fn list(all: &[ScheduleView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("SCHEDULE"),
            Column::elastic("WHEN", 16),
            Column::fixed("NEXT"),
            Column::elastic("STATE", 12),
        ],
        wide: &[Column::fixed("FROM"), Column::fixed("LAST")],
        row: &|one: &ScheduleView| {
            let at = |at: Option<&rigi_model::Timestamp>| at.map(|at| words::date(*at)).unwrap_or_default();
            vec![
                format!("{}/{}", one.pipeline, one.id).into(),
                one.rhythm.clone().into(),
                at(one.next.first()).into(),
                state(one).into(),
                one.source.clone().into(),
                at(one.last.as_ref()).into(),
            ]
        },
        name: &|one| format!("{}/{}", one.pipeline, one.id),
        nothing: "Nothing starts by itself here. A spec has `schedule: 0 6 * * *`, or `rigi schedules set PIPELINE/ID --cron '0 6 * * *'`.",
    };
    list.print(output, &session.terminal)
}

fn print(one: &ScheduleView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![format!("{}/{}", one.pipeline, one.id)]);
    }
    let next = one.next.iter().map(|next| words::date(*next)).collect::<Vec<_>>().join("\n");
    let said = one.schedule.as_object().into_iter().flatten();
    let said = said.map(|(name, value)| {
        format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let mut rows = vec![
        ("schedule", format!("{}/{}", one.pipeline, one.id)),
        ("when", one.rhythm.clone()),
        ("state", state(one)),
        ("next", next),
        ("says", said.collect::<Vec<_>>().join("\n")),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

fn explain(told: &ExplainView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(told, output, Vec::new);
    }
    let next = told.next.iter().map(|due| due.local.clone()).collect::<Vec<_>>().join("\n");
    let change = |change: &rigi_api::view::ClockChange| {
        let due: Vec<_> = change.due.iter().map(|due| due.local.clone()).collect();
        let due =
            if due.is_empty() { "nothing is due".to_owned() } else { format!("due at {}", due.join(", ")) };
        format!("{}: {}; {due}", change.day, change.change)
    };
    let mut rows = vec![
        ("when", told.rhythm.clone()),
        ("next", next),
        ("rules", told.rules.join("\n")),
        ("clock", told.changes.iter().map(change).collect::<Vec<_>>().join("\n")),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

fn fires(all: &[FireView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("DUE"),
            Column::fixed("SCHEDULE"),
            Column::fixed("OUTCOME"),
            Column::elastic("RUN OR REASON", 20),
        ],
        wide: &[],
        row: &|fire: &FireView| {
            let run = fire.run.as_ref().map(ToString::to_string);
            vec![
                words::date(fire.due).into(),
                format!("{}/{}", fire.pipeline, fire.schedule).into(),
                fire.outcome.as_str().into(),
                run.or(fire.reason.clone()).unwrap_or_default().into(),
            ]
        },
        name: &|fire| format!("{}/{} {}", fire.pipeline, fire.schedule, fire.due),
        nothing: "Nothing was due yet.",
    };
    list.print(output, &session.terminal)
}

impl Set {
    async fn run(self, client: &Client) -> anyhow::Result<()> {
        let Some((pipeline, id)) = self.schedule.split_once('/') else {
            let words = format!("`{}` names no schedule", self.schedule);
            return Err(Failure::new(Exit::Usage, words)
                .cure("write PIPELINE/ID, such as co2-trend/nightly")
                .into());
        };
        let mut parameters = pairs::parameters(&self.parameters, None)?;
        if !parameters.is_empty() {
            let pipeline: PipelineView = client.get(&["pipelines", pipeline], &[]).await?;
            let given = Given { parameters: self.parameters, inputs: Vec::new(), file: None };
            given.read_by(pipeline.parameters.as_ref(), &mut parameters);
        }
        let body = SetSchedule {
            cron: self.cron,
            interval: self.interval,
            once_at: self.once_at,
            timezone: self.timezone,
            start: self.start,
            end: self.end,
            jitter: self.jitter,
            catch_up: self.catch_up,
            overlap: self.overlap,
            start_within: self.start_within,
            stop_after: self.stop_after,
            parameters,
            labels: pairs::labels(&self.labels)?,
            target: self.target,
        };
        let one: ScheduleView = client.change(Method::PUT, &["schedules", pipeline, id], Some(&body)).await?;
        print(&one, OutputArgs::default())
    }
}
