//! What the writer knows of a database that cannot be written now: why, and when it is tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// The shortest and the longest pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// A server whose lock went to another one writes no more: what that one does is not undone by what this one remembers.
const FOR_GOOD: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Until the next try everything is refused with the reason.
#[derive(Debug)]
pub(super) struct Away {
    error: Error,
    pause: Duration,
    pub until: Instant,
}

impl Away {
    /// After a failure: somewhat later each time, and not all servers at once.
    pub(super) fn plan(before: Option<&Self>, error: &Error, now: Instant) -> Self {
        let (shortest, longest) = PAUSES;
        let pause = before.map_or(shortest, |before| (before.pause * 2).min(longest));
        let spread = pause.mul_f64(0.75 + 0.5 * random());
        let until = now + if matches!(error, Error::InUse { .. }) { FOR_GOOD } else { spread };
        Self { error: error.again(), pause, until }
    }

    /// What is said to whoever wants something written now; `None`: it is time to try.
    pub(super) fn refusal(&self, now: Instant) -> Option<Error> {
        (now < self.until).then(|| self.error.again())
    }
}

/// 0.0..1.0; only for spreading tries.
fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
