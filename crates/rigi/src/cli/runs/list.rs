//! `rigi runs list`.

use std::process::ExitCode;

use clap::Args;
use rigi_api::view::{Page, RunSummary};
use rigi_model::Timestamp;

use super::filters::Filters;
use crate::cli::output::{self, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::{Column, Field};
use crate::cli::words::{ago, date, labels, started_by, state_field, took};
use crate::client::{CallError, Client};
use crate::terminal::Exit;
use crate::terminal::Failure;

/// Runs that one call may answer at most.
const PAGE: usize = 200;

/// `rigi runs list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs list --pipeline co2-trend --state failed,timed_out
  rigi runs list --since 1h -l team=physics -o json
  rigi runs list --state running -q")]
pub struct List {
    #[command(flatten)]
    filters: Filters,
    /// Only runs whose id begins or ends so, or whose pipeline's name contains it
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// How many at most; 0 is all
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    Column::fixed("RUN"),
    Column::elastic("PIPELINE", 10),
    Column::elastic("STATE", 12),
    Column::ranked("STARTED", 1),
    Column::ranked("TOOK", 2),
    Column::ranked("BY", 3),
];

const WIDE: &[Column] = &[
    Column::fixed("ACCEPTED"),
    Column::fixed("ATTEMPT"),
    Column::fixed("PRIORITY"),
    Column::fixed("LABELS"),
    Column::fixed("ID"),
];

impl List {
    /// Prints them.
    ///
    /// # Errors
    /// When a flag is wrong, or the server does not answer.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let now = Timestamp::now();
        let query = self.query(now)?;
        let client = session.reader()?;
        let runs = session.block_on(async { Ok(fetch(&client, &query, self.limit).await?) })?;
        let list = output::List {
            items: &runs,
            columns: COLUMNS,
            wide: WIDE,
            row: &|run| row(run, now),
            name: &|run| run.id.to_string(),
            nothing: "There are no such runs.",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }

    fn query(&self, now: Timestamp) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut query = self.filters.query(now)?;
        query.extend(self.text.clone().map(|text| ("q", text)));
        Ok(query)
    }
}

/// Page by page, at most `limit`; 0 is all.
async fn fetch(
    client: &Client,
    query: &[(&'static str, String)],
    limit: usize,
) -> Result<Vec<RunSummary>, CallError> {
    let most = if limit == 0 { usize::MAX } else { limit };
    let mut runs: Vec<RunSummary> = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = query.to_vec();
        query.push(("limit", PAGE.min(most - runs.len()).to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page: Page<RunSummary> = client.get(&["runs"], &query).await?;
        runs.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || runs.len() >= most {
            runs.truncate(most);
            return Ok(runs);
        }
    }
}

fn row(run: &RunSummary, now: Timestamp) -> Vec<Field> {
    vec![
        run.short.clone().into(),
        run.pipeline.clone().into(),
        state_field(run, now),
        run.started_at.map(|at| ago(now, at)).unwrap_or_default().into(),
        took(run, now).into(),
        started_by(&run.trigger).into(),
        date(run.created_at).into(),
        format!("{} of {}", run.attempt, run.max_attempts).into(),
        run.priority.to_string().into(),
        labels(&run.labels).into(),
        run.id.to_string().into(),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::cli::table::{Heads, lay_out};
    use crate::terminal::Terminal;

    const NOW: Timestamp = Timestamp(1_700_000_100_000_000);

    /// A run of this state, with further fields.
    fn run(short: &str, pipeline: &str, state: &str, more: Value) -> RunSummary {
        let mut run = json!({
            "id": format!("run_01JDBX4Q3N8ZK5V2M7WYTR{short}"), "short": short, "pipeline": pipeline, "state": state,
            "trigger": {"kind": "manual", "by": "you"}, "labels": {}, "priority": 0, "attempt": 1, "max_attempts": 1,
            "created_at": NOW.before(Duration::from_secs(200)),
        });
        let (Value::Object(run_fields), Value::Object(more)) = (&mut run, more) else { panic!("objects") };
        run_fields.extend(more);
        serde_json::from_value(run).unwrap()
    }

    fn ago(seconds: u64) -> String {
        NOW.before(Duration::from_secs(seconds)).to_string()
    }

    fn examples() -> Vec<RunSummary> {
        vec![
            run(
                "7Q2A",
                "co2-trend",
                "running",
                json!({
                    "started_at": ago(4), "progress": {"fraction": 0.08, "message": "reading"},
                }),
            ),
            run(
                "7Q19",
                "nightly",
                "queued",
                json!({
                    "message": "2nd of 3, limit of 1 at a time", "attempt": 0,
                    "trigger": {"kind": "schedule", "by": "nightly"},
                }),
            ),
            run(
                "7Q07",
                "fetch",
                "retrying",
                json!({
                    "message": "exit 1", "attempt": 2, "max_attempts": 5, "started_at": ago(60), "duration_ms": 12_000,
                    "next_attempt_at": NOW.after(Duration::from_secs(28)), "trigger": {"kind": "downstream", "by": "parse"},
                }),
            ),
            run(
                "7PZZ",
                "parse",
                "failed",
                json!({
                    "message": "killed: over 512 MiB of memory", "started_at": ago(221), "ended_at": ago(180),
                    "duration_ms": 41_000,
                }),
            ),
            run(
                "7PZY",
                "parse",
                "timed_out",
                json!({
                    "message": "took longer than 1m", "started_at": ago(7300), "duration_ms": 60_000,
                    "cancel_requested_at": ago(7000),
                }),
            ),
        ]
    }

    #[test]
    fn the_list_fits_every_terminal() {
        let rows: Vec<Vec<Field>> =
            examples().iter().map(|run| row(run, NOW)[..COLUMNS.len()].to_vec()).collect();
        let at = |width| lay_out(COLUMNS, &rows, Some(width), Heads::Shown, &Terminal::plain(width));
        for width in [40, 80, 120] {
            assert!(at(width).lines().all(|line| line.chars().count() <= width), "{}", at(width));
        }
        insta::assert_snapshot!([40, 80, 120].map(at).join("\n\n"));
    }
}
