//! How a run ended, and what started it: Fast-Flow's words in Rigi's.

use rigi_model::{Actor, AttemptState, Reason, RunState, Trigger, TriggerKind};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub run: RunState,
    pub attempt: AttemptState,
    pub reason: Option<Reason>,
    pub message: Option<String>,
}

/// What becomes of runs that Fast-Flow never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenRuns {
    /// They are left out, and come when they have ended.
    Left,
    /// Fast-Flow has ended for good: they are lost.
    Lost,
}

/// How a run of this status and exit status ended; `None`: it has not.
pub(super) fn outcome(status: &str, exit_code: Option<i32>, open: OpenRuns) -> Option<Outcome> {
    let ended =
        |run, attempt, reason, message: Option<String>| Some(Outcome { run, attempt, reason, message });
    match status {
        "SUCCESS" => ended(RunState::Succeeded, AttemptState::Succeeded, None, None),
        "WARNING" => {
            let message = Some("ended with a warning in Fast-Flow".to_owned());
            ended(RunState::Succeeded, AttemptState::Succeeded, None, message)
        }
        "INTERRUPTED" => {
            let message = Some("stopped in Fast-Flow".to_owned());
            ended(RunState::Cancelled, AttemptState::Cancelled, Some(Reason::Cancelled), message)
        }
        "FAILED" => {
            let (reason, message) = match exit_code {
                Some(-1) => {
                    (None, "exit -1: with Fast-Flow a time limit, or a failure of its own".to_owned())
                }
                Some(137) => (
                    Some(Reason::ExitCode),
                    "exit 137: killed; Fast-Flow takes each of these for a lack of memory".to_owned(),
                ),
                Some(code) => (Some(Reason::ExitCode), format!("exit {code}")),
                None => (None, "failed; Fast-Flow does not say how".to_owned()),
            };
            ended(RunState::Failed, AttemptState::Failed, reason, Some(message))
        }
        _ if open == OpenRuns::Lost => {
            let message = format!("Fast-Flow had it as {status} when it was moved, and never ended it");
            ended(RunState::Failed, AttemptState::Lost, Some(Reason::Lost), Some(message))
        }
        _ => None,
    }
}

/// What started a run. `by`: who, where the audit log told it.
pub(super) fn trigger(triggered_by: &str, run_config: Option<&str>, by: Option<&str>) -> Trigger {
    let kind = match triggered_by {
        "manual" => TriggerKind::Manual,
        "webhook" => TriggerKind::Webhook,
        "scheduler" => TriggerKind::Schedule,
        "daemon_restart" => TriggerKind::Restart,
        "downstream" => TriggerKind::Downstream,
        retried if retried.ends_with("_retry") => TriggerKind::Rerun,
        _ => TriggerKind::Manual,
    };
    let by = match kind {
        TriggerKind::Schedule => run_config.unwrap_or("default"),
        _ => by.unwrap_or("Fast-Flow"),
    };
    Trigger { kind, by: Actor::named(by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_state() {
        let of = |status: &str, code| outcome(status, code, OpenRuns::Left).map(|o| (o.run, o.reason));
        assert_eq!(of("SUCCESS", Some(0)), Some((RunState::Succeeded, None)));
        assert_eq!(of("WARNING", Some(0)), Some((RunState::Succeeded, None)));
        assert_eq!(of("FAILED", Some(3)), Some((RunState::Failed, Some(Reason::ExitCode))));
        assert_eq!(of("FAILED", Some(-1)), Some((RunState::Failed, None)));
        assert_eq!(of("FAILED", None), Some((RunState::Failed, None)));
        assert_eq!(of("INTERRUPTED", Some(137)), Some((RunState::Cancelled, Some(Reason::Cancelled))));
        for open in ["RUNNING", "PENDING", "", "SOMETHING"] {
            assert_eq!(of(open, None), None);
            let lost = outcome(open, None, OpenRuns::Lost).unwrap();
            assert_eq!((lost.run, lost.attempt), (RunState::Failed, AttemptState::Lost));
        }
        assert!(outcome("FAILED", Some(137), OpenRuns::Left).unwrap().message.unwrap().contains("137"));
    }

    #[test]
    fn what_started_a_run_is_told_in_our_words() {
        let of = |text: &str| trigger(text, Some("prod"), Some("ada"));
        assert_eq!(
            (of("manual").kind, of("manual").by.as_str().to_owned()),
            (TriggerKind::Manual, "ada".into())
        );
        assert_eq!(
            (of("scheduler").kind, of("scheduler").by.as_str().to_owned()),
            (TriggerKind::Schedule, "prod".into())
        );
        assert_eq!(of("webhook_retry_retry").kind, TriggerKind::Rerun);
        assert_eq!(of("daemon_restart").kind, TriggerKind::Restart);
        assert_eq!(of("something").kind, TriggerKind::Manual);
        assert_eq!(trigger("downstream", None, None).by.as_str(), "Fast-Flow");
    }
}
