//! Incidents: trouble of one pipeline that goes on. One message when it begins and one when it is over, however often it happens in between.

use super::NoticeKind;
use crate::Timestamp;

/// Trouble that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// When it began.
    pub opened_at: Timestamp,
    /// How often it has happened.
    pub count: u32,
}

/// How a run has ended, as far as incidents are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It failed, and is not tried again.
    Failed,
    /// It succeeded.
    Succeeded,
}

/// What is to be told, and what becomes of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The incident as it is from now on; `None`: there is none.
    pub incident: Option<Incident>,
    /// What is told.
    pub kind: Option<NoticeKind>,
    /// The incident that is over.
    pub over: Option<Incident>,
}

/// What follows for a pipeline's incident of failures from the end of a run.
#[must_use]
pub fn meet_end(open: Option<Incident>, ended: Ended, now: Timestamp) -> Told {
    match ended {
        Ended::Failed => meet_trouble(open, NoticeKind::Failed, now),
        Ended::Succeeded => {
            let kind = open.as_ref().map(|_| NoticeKind::Recovered);
            Told { incident: None, kind, over: open }
        }
    }
}

/// What follows from trouble of another kind.
#[must_use]
pub fn meet_trouble(open: Option<Incident>, kind: NoticeKind, now: Timestamp) -> Told {
    match open {
        Some(open) => {
            let incident = Incident { count: open.count.saturating_add(1), ..open };
            Told { incident: Some(incident), kind: None, over: None }
        }
        None => Told { incident: Some(Incident { opened_at: now, count: 1 }), kind: Some(kind), over: None },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In any order of ends: one word at the first failure, one at the next success, nothing else, and nothing lost.
        #[test]
        fn one_word_when_it_begins_and_one_when_it_is_over(ends in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut open = None;
            let mut told = Vec::new();
            for (n, failed) in ends.iter().enumerate() {
                let ended = if *failed { Ended::Failed } else { Ended::Succeeded };
                let met = meet_end(open.take(), ended, Timestamp(n as i64));
                if let Some(kind) = met.kind {
                    told.push((n, kind));
                }
                if let Some(over) = &met.over {
                    let since = over.opened_at.0 as usize;
                    prop_assert!(ends[since..n].iter().all(|failed| *failed));
                    prop_assert_eq!(over.count as usize, n - since);
                }
                open = met.incident;
            }
            let expected: Vec<(usize, NoticeKind)> = ends.iter().enumerate().filter_map(|(n, failed)| {
                let before = n > 0 && ends[n - 1];
                match (before, *failed) {
                    (false, true) => Some((n, NoticeKind::Failed)),
                    (true, false) => Some((n, NoticeKind::Recovered)),
                    _ => None,
                }
            }).collect();
            prop_assert_eq!(told, expected);
            prop_assert_eq!(open.is_some(), ends.last().copied().unwrap_or(false));
        }
    }
}
