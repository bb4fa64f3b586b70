//! The attempts of a run before its current one, a line each.

use std::time::Duration;

use rigi_api::view::{AttemptView, RunSummary};
use rigi_model::quantity::show_duration;

use crate::client::{CallError, Client};

/// More than so many are not told one by one.
const MOST: usize = 5;

/// Asks for those that there were, if there were any.
///
/// # Errors
/// As any call.
pub async fn earlier(client: &Client, run: &RunSummary) -> Result<Vec<AttemptView>, CallError> {
    if run.attempt < 2 {
        return Ok(Vec::new());
    }
    let mut all: Vec<AttemptView> = client.all(&["runs", run.id.as_str(), "attempts"], &[]).await?;
    all.retain(|attempt| attempt.number < run.attempt);
    Ok(all)
}

/// `attempt 1 lost after 3 s · The cluster moved it out of the way`: one line each, the last ones.
pub fn lines(attempts: &[AttemptView]) -> Vec<String> {
    let left = attempts.len().saturating_sub(MOST);
    let more = (left > 0).then(|| format!("{left} before these"));
    more.into_iter().chain(attempts.iter().skip(left).map(line)).collect()
}

fn line(attempt: &AttemptView) -> String {
    let state = attempt.state.as_str().replace('_', " ");
    let ran = attempt.started_at.zip(attempt.ended_at).map(|(from, to)| {
        let ran = Duration::from_millis(to.since(from).as_millis().try_into().unwrap_or(u64::MAX));
        format!(" after {}", show_duration(ran))
    });
    let why = attempt.message.as_ref().filter(|why| **why != state).map(|why| format!(" · {why}"));
    format!("attempt {} {state}{}{}", attempt.number, ran.unwrap_or_default(), why.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32, message: Option<&str>) -> AttemptView {
        let text = serde_json::json!({
            "number": number, "state": "lost", "message": message, "created_at": "2026-03-01T12:00:00Z",
            "started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T12:00:03Z",
            "usage": {"cpu_ms": 0, "max_memory": 0}, "log": {"lines": 0, "cut_bytes": 0},
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn each_says_how_it_ended() {
        let said = lines(&[attempt(1, Some("the cluster moved it")), attempt(2, None)]);
        assert_eq!(said, ["attempt 1 lost after 3 s · the cluster moved it", "attempt 2 lost after 3 s"]);
    }

    #[test]
    fn of_many_the_last_are_told() {
        let all: Vec<_> = (1..=9).map(|number| attempt(number, None)).collect();
        let said = lines(&all);
        assert_eq!((said.len(), said[0].as_str()), (6, "4 before these"));
        assert!(said[5].starts_with("attempt 9 "), "{said:?}");
    }
}
