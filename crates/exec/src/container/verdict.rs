//! What an engine shows of a container that ended without its runner's word, in the words of an attempt's end.

use bollard::models::ContainerState;
use rigi_model::attempt::FailureClass;
use rigi_model::quantity::show_size;
use rigi_model::{Exit, Reason};
use rigi_work::plan::{BEFORE_START, STOPPED, sentence};

/// What is known beside the container's own state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// Its end was asked for.
    pub stopping: bool,
    /// Its runner had come.
    pub claimed: bool,
    /// The attempt's limit on memory, if it has one.
    pub memory: Option<u64>,
}

/// How the attempt ended, and what its log says of it. `None`: the container is not there any more.
pub fn verdict(state: Option<&ContainerState>, known: Known, complaints: &[String]) -> (Exit, String) {
    if known.stopping {
        let word = if known.claimed { STOPPED } else { BEFORE_START };
        return (Exit::Stopped, word.to_owned());
    }
    let Some(state) = state else {
        let message = "its container is gone: somebody removed it".to_owned();
        return (Exit::Lost { message: message.clone() }, sentence(&message));
    };
    let not_executed = format!("exec {}:", super::body::at::PROGRAM);
    if complaints.iter().any(|line| line.contains(&not_executed)) {
        let message = "Rigi's program does not start in this image: it was built for another C library. Use the released \
                       binary on the server, which needs none."
            .to_owned();
        let (class, reason) = (FailureClass::User, Reason::StartFailed);
        return (Exit::NotStarted { class, reason, message: message.clone() }, message);
    }
    if state.oom_killed == Some(true) {
        let word = match known.memory {
            Some(limit) => format!("Killed: it used more than its limit of {} of memory.", show_size(limit)),
            None => "Killed: the machine ran out of memory.".to_owned(),
        };
        return (Exit::OutOfMemory { limit: known.memory }, word);
    }
    let code = state.exit_code.unwrap_or(0);
    let why = state.error.as_deref().map(str::trim).filter(|error| !error.is_empty());
    let message = match (why, code) {
        (Some(why), _) => format!("its container did not run: {why}"),
        (None, 137) => "its container was killed, and not by Rigi".to_owned(),
        (None, code) => format!("its container ended with status {code} without a word of its runner"),
    };
    (Exit::Lost { message: message.clone() }, sentence(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i64, oom: bool) -> ContainerState {
        ContainerState { exit_code: Some(code), oom_killed: Some(oom), ..ContainerState::default() }
    }

    #[test]
    fn what_was_asked_for_is_no_loss() {
        let known = Known { stopping: true, ..Known::default() };
        assert_eq!(verdict(Some(&ended(137, false)), known, &[]).0, Exit::Stopped);
        assert_eq!(verdict(None, known, &[]).0, Exit::Stopped);
    }

    #[test]
    fn memory_is_told_from_other_kills() {
        let known = Known { memory: Some(64 << 20), ..Known::default() };
        let (exit, word) = verdict(Some(&ended(137, true)), known, &[]);
        assert_eq!(exit, Exit::OutOfMemory { limit: Some(64 << 20) });
        assert!(word.contains("64 MiB"), "{word}");
        assert!(matches!(verdict(Some(&ended(137, false)), known, &[]).0, Exit::Lost { .. }));
        let words = ["exec /rigi/bin/rigi: no such file or directory".to_owned()];
        let (exit, _) = verdict(Some(&ended(1, false)), Known::default(), &words);
        assert!(matches!(exit, Exit::NotStarted { reason: Reason::StartFailed, .. }));
        assert_eq!(verdict(None, Known::default(), &[]).1, "Its container is gone: somebody removed it.");
    }
}
