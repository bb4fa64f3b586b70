//! `rigi runs list`.

use std::process::ExitCode;

use clap::Args;
use rigi_model::quantity::parse_duration;
use rigi_model::{RunState, Timestamp};

use crate::api::view::{Page, RunSummary};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{self, OutputArgs};
use crate::cli::pairs;
use crate::cli::session::Session;
use crate::cli::table::{Column, Field};
use crate::cli::words::{ago, date, labels, started_by, state_field, took};
use crate::client::{CallError, Client};

/// Runs that one call may answer at most.
const PAGE: usize = 200;

/// `rigi runs list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs list --pipeline co2-trend --state failed,timed_out
  rigi runs list --since 1h -l team=physics -o json
  rigi runs cancel $(rigi runs list --state queued -q)")]
pub struct List {
    /// Only runs of this pipeline
    #[arg(short, long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Only runs in these states, separated by commas
    #[arg(short, long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,
    /// Only runs with this label; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Only runs whose id begins or ends so, or whose pipeline's name contains it
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Only runs younger than this (`1h`), or since this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only runs older than this (`1h`), or before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
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
        let client = session.client()?;
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
        let mut query = Vec::new();
        if !self.state.is_empty() {
            query.push(("state", states(&self.state)?));
        }
        for label in &self.labels {
            pairs::split("-l", label)?;
            query.push(("label", label.clone()));
        }
        query.extend(self.pipeline.clone().map(|name| ("pipeline", name)));
        query.extend(self.text.clone().map(|text| ("q", text)));
        if let Some(since) = &self.since {
            query.push(("since", point("--since", since, now)?.to_string()));
        }
        if let Some(until) = &self.until {
            query.push(("until", point("--until", until, now)?.to_string()));
        }
        Ok(query)
    }
}

fn states(words: &[String]) -> Result<String, Failure> {
    let one = |word: &String| {
        let word = word.trim().replace([' ', '-'], "_");
        RunState::parse(&word).map(RunState::as_str).ok_or_else(|| {
            let known: Vec<&str> = RunState::ALL.iter().map(|state| state.as_str()).collect();
            let failure = Failure::new(Exit::BadInput, format!("`{word}` is no state of a run"));
            failure.note("given by", format!("--state {word}")).note("states", known.join(", "))
        })
    };
    Ok(words.iter().map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}

/// `1h` is an hour ago; anything with a date is that time.
fn point(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(age) = parse_duration(text) {
        return Ok(now.before(age));
    }
    let absolute = text.parse::<jiff::Timestamp>().map(|time| Timestamp(time.as_microsecond()));
    absolute.map_err(|_| {
        let failure = Failure::new(Exit::BadInput, format!("`{flag} {text}` is neither an age nor a time"));
        failure.cure(format!("write `{flag} 1h` or `{flag} 2026-03-01T12:00:00Z`"))
    })
}

/// Page by page, at most `limit`; 0 is all.
pub async fn fetch(
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
        let came = page.items.len();
        runs.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || came == 0 || runs.len() >= most {
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

    use super::*;

    #[test]
    fn times_are_ages_or_points() {
        let now = Timestamp(1_700_000_000_000_000);
        assert_eq!(point("--since", "1h", now).unwrap(), now.before(Duration::from_secs(3600)));
        assert_eq!(point("--since", "2023-11-14T22:13:20Z", now).unwrap(), now);
        assert_eq!(point("--since", "yesterday", now).unwrap_err().exit, Exit::BadInput);
    }

    #[test]
    fn states_are_known_words() {
        let words = |of: &[&str]| states(&of.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["failed", "timed-out"]).unwrap(), "failed,timed_out");
        assert_eq!(words(&["broken"]).unwrap_err().exit, Exit::BadInput);
    }
}
