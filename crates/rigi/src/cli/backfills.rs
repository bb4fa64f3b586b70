//! `rigi backfills`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{BackfillPreview, BackfillTimeView, BackfillView, MakeBackfill, Page, PipelineView};

use super::output::{List, OutputArgs, facts, print_value};
use super::pairs::Given;
use super::session::Session;
use super::table::Column;
use super::{pairs, words};
use crate::client::Client;
use crate::terminal::{Exit, say};

/// `rigi backfills`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi backfills start co2-trend/nightly --from 2026-01-01 --to 2026-02-01 --dry-run
  rigi backfills start co2-trend/nightly --from 2026-01-01 --to 2026-02-01 --parallel 4
  rigi backfills get bkf_…                  how far it is
  rigi backfills retry bkf_…                the failed ones once more")]
pub struct Backfills {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those that there are, the newest first
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Start runs for a range of due times
    Start(Box<Start>),
    /// How far one is
    Get {
        /// Its id
        backfill: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Its due times and the run of each
    Times {
        /// Its id
        backfill: String,
        /// Those alone of which a run failed, or none could be made
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Start nothing of it until it goes on
    Pause {
        /// Its id
        backfill: String,
    },
    /// Let it go on
    Resume {
        /// Its id
        backfill: String,
    },
    /// End it, and ask its runs to stop
    Cancel {
        /// Its id
        backfill: String,
    },
    /// Want a run once more for each due time of which one failed
    Retry {
        /// Its id
        backfill: String,
    },
}

/// `rigi backfills start`
#[derive(Debug, Args)]
struct Start {
    /// PIPELINE/SCHEDULE; without a schedule, `default`
    schedule: String,
    /// From this time on: RFC 3339, or a day
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: String,
    /// A parameter of its runs; more than once
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The newest first
    #[arg(long)]
    newest_first: bool,
    /// So many runs at a time
    #[arg(long, default_value_t = 1)]
    parallel: u32,
    /// Leave out due times that have a run already
    #[arg(long)]
    only_missing: bool,
    /// Say what it would do, and start nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Backfills {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { output } => {
                    let page: Page<BackfillView> = client.get(&["backfills"], &[]).await?;
                    list(&page.items, output, session)?;
                }
                Command::Start(start) => start.run(&client).await?,
                Command::Get { backfill, output } => {
                    let one: BackfillView = client.get(&["backfills", &backfill], &[]).await?;
                    print(&one, output)?;
                }
                Command::Times { backfill, failed, output } => {
                    let query = [("failed", failed.to_string())];
                    let all: Vec<BackfillTimeView> =
                        client.all(&["backfills", &backfill, "times"], &query).await?;
                    times(&all, output, session)?;
                }
                Command::Pause { backfill } => act(&client, &backfill, "pause").await?,
                Command::Resume { backfill } => act(&client, &backfill, "resume").await?,
                Command::Cancel { backfill } => act(&client, &backfill, "cancel").await?,
                Command::Retry { backfill } => act(&client, &backfill, "retry").await?,
            }
            Ok(Exit::Ok.into())
        })
    }
}

async fn act(client: &Client, backfill: &str, act: &str) -> anyhow::Result<()> {
    let one: BackfillView = client.act(&["backfills", backfill, act], &[]).await?;
    say(&format!("{} is {}: {}.", one.id, one.state, counts(&one)))?;
    Ok(())
}

/// `7 waiting, 3 running`.
fn counts(one: &BackfillView) -> String {
    let each: Vec<String> = one.counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    each.join(", ")
}

fn list(all: &[BackfillView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("BACKFILL"),
            Column::elastic("SCHEDULE", 12),
            Column::fixed("STATE"),
            Column::elastic("RUNS", 16),
        ],
        wide: &[Column::fixed("FROM"), Column::fixed("TO"), Column::fixed("MADE"), Column::fixed("BY")],
        row: &|one: &BackfillView| {
            vec![
                one.id.clone().into(),
                format!("{}/{}", one.pipeline, one.schedule).into(),
                one.state.as_str().into(),
                counts(one).into(),
                words::date(one.from).into(),
                words::date(one.to).into(),
                words::date(one.made_at).into(),
                one.made_by.clone().into(),
            ]
        },
        name: &|one| one.id.clone(),
        nothing: "Nobody made up for anything. `rigi backfills start PIPELINE/SCHEDULE --from DAY --to DAY --dry-run` says what one would do.",
    };
    list.print(output, &session.terminal)
}

fn print(one: &BackfillView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![one.id.clone()]);
    }
    let parameters: Vec<String> =
        one.parameters.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut rows = vec![
        ("backfill", one.id.clone()),
        ("schedule", format!("{}/{}", one.pipeline, one.schedule)),
        ("state", one.state.as_str().to_owned()),
        ("from", words::date(one.from)),
        ("to", words::date(one.to)),
        ("runs", counts(one)),
        ("at a time", one.parallel.to_string()),
        ("parameters", parameters.join("\n")),
        ("made", format!("{} by {}", words::date(one.made_at), one.made_by)),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

fn times(all: &[BackfillTimeView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[Column::fixed("DUE"), Column::fixed("STATE"), Column::elastic("RUN OR REASON", 20)],
        wide: &[],
        row: &|time: &BackfillTimeView| {
            let state = time.run_state.map_or(time.state.as_str(), |state| state.as_str());
            let run = time.run.as_ref().map(ToString::to_string);
            vec![
                words::date(time.due).into(),
                state.into(),
                run.or_else(|| time.reason.clone()).unwrap_or_default().into(),
            ]
        },
        name: &|time| time.due.to_string(),
        nothing: "There is none of these.",
    };
    list.print(output, &session.terminal)
}

impl Start {
    async fn run(self, client: &Client) -> anyhow::Result<()> {
        let (pipeline, schedule) = self.schedule.split_once('/').unwrap_or((&self.schedule, "default"));
        let mut parameters = pairs::parameters(&self.parameters, None)?;
        if !parameters.is_empty() {
            let view: PipelineView = client.get(&["pipelines", pipeline], &[]).await?;
            let given = Given { parameters: self.parameters.clone(), inputs: Vec::new(), file: None };
            given.read_by(view.parameters.as_ref(), &mut parameters);
        }
        let body = MakeBackfill {
            pipeline: pipeline.to_owned(),
            schedule: schedule.to_owned(),
            from: self.from,
            to: self.to,
            parameters: parameters.into_iter().collect(),
            order: self.newest_first.then(|| "newest".to_owned()),
            parallel: Some(self.parallel),
            only_missing: self.only_missing,
        };
        if self.dry_run {
            let looked: BackfillPreview = client.post(&["backfills", "preview"], &body).await?;
            if !self.output.is_for_people() {
                return print_value(&looked, self.output, Vec::new);
            }
            let shown: Vec<String> = looked.due.iter().take(10).map(|due| words::date(*due)).collect();
            let more = looked.count.saturating_sub(shown.len() as u64);
            let mut lines = vec![format!(
                "{} runs would be started; {} due times have one already.",
                looked.count, looked.already
            )];
            lines.extend(shown);
            lines.extend((more > 0).then(|| format!("and {more} more")));
            return Ok(say(&lines.join("\n"))?);
        }
        let made: BackfillView = client.post(&["backfills"], &body).await?;
        print(&made, self.output)
    }
}
