//! How often many readers are woken. A write to a socket costs the same for one line as for ten: the more readers, the
//! longer lines gather, so that the work stays below a part of one core; few readers have each line at once.

use std::time::Duration;

use tokio::time::Instant;

/// What each reader adds to the time between two tellings.
const EACH: Duration = Duration::from_micros(95);
/// The longest that lines gather.
const LONGEST: Duration = Duration::from_millis(48);
/// Timers are no finer than this.
const FINEST: Duration = Duration::from_millis(2);

/// The time between two tellings to so many readers.
pub fn window(readers: usize) -> Duration {
    EACH.saturating_mul(u32::try_from(readers).unwrap_or(u32::MAX)).min(LONGEST)
}

/// Keeps the time.
#[derive(Debug)]
pub struct Pace {
    last: Instant,
}

impl Pace {
    pub fn new() -> Self {
        Self { last: Instant::now() - LONGEST }
    }

    /// Waits until it is time to tell so many readers.
    pub async fn wait(&mut self, readers: usize) {
        let (window, gone) = (window(readers), self.last.elapsed());
        if window >= FINEST && gone < window {
            tokio::time::sleep(window - gone).await;
        }
        self.last = Instant::now();
    }
}
