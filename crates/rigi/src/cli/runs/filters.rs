//! Which runs a command is about.

use clap::Args;
use rigi_api::view::RunSelection;
use rigi_model::quantity::parse_duration;
use rigi_model::{RunState, Timestamp};

use crate::cli::pairs;
use crate::terminal::Exit;
use crate::terminal::Failure;

/// Filters of runs.
#[derive(Debug, Default, Args)]
pub struct Filters {
    /// Only runs of this pipeline
    #[arg(short, long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Only runs in these states, separated by commas
    #[arg(short, long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,
    /// Only runs with this label; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Only runs younger than this (`1h`), or since this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only runs older than this (`1h`), or before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filters {
    /// No filter was given.
    pub const fn is_empty(&self) -> bool {
        let none = self.pipeline.is_none() && self.since.is_none() && self.until.is_none();
        none && self.state.is_empty() && self.labels.is_empty()
    }

    /// As the list of runs takes them.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn query(&self, now: Timestamp) -> Result<Vec<(&'static str, String)>, Failure> {
        let RunSelection { pipeline, states, labels, since, until, .. } = self.selection(now)?;
        let mut query = Vec::new();
        if !states.is_empty() {
            let states: Vec<&str> = states.into_iter().map(RunState::as_str).collect();
            query.push(("state", states.join(",")));
        }
        query.extend(labels.into_iter().map(|(name, value)| ("label", format!("{name}={value}"))));
        query.extend(pipeline.map(|name| ("pipeline", name)));
        query.extend(since.map(|time| ("since", time.to_string())));
        query.extend(until.map(|time| ("until", time.to_string())));
        Ok(query)
    }

    /// As what is done with many runs takes them.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn selection(&self, now: Timestamp) -> Result<RunSelection, Failure> {
        let at = |flag: &str, text: Option<&String>| text.map(|text| point(flag, text, now)).transpose();
        Ok(RunSelection {
            pipeline: self.pipeline.clone(),
            states: states(&self.state)?,
            labels: pairs::labels(&self.labels)?,
            q: None,
            since: at("--since", self.since.as_ref())?,
            until: at("--until", self.until.as_ref())?,
        })
    }
}

fn states(words: &[String]) -> Result<Vec<RunState>, Failure> {
    let one = |word: &String| {
        let word = word.trim().replace([' ', '-'], "_");
        RunState::parse(&word).ok_or_else(|| {
            let known: Vec<&str> = RunState::ALL.iter().map(|state| state.as_str()).collect();
            let failure = Failure::new(Exit::BadInput, format!("`{word}` is no state of a run"));
            failure.note("given by", format!("--state {word}")).note("states", known.join(", "))
        })
    };
    words.iter().map(one).collect()
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
        assert_eq!(words(&["failed", "timed-out"]).unwrap(), [RunState::Failed, RunState::TimedOut]);
        assert_eq!(words(&["broken"]).unwrap_err().exit, Exit::BadInput);
    }
}
