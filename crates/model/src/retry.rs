//! How long to wait before the next attempt. The strategies and their defaults are Fast-Flow's; jitter is ours.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When and how often a failed attempt is followed by another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Further attempts after the first; 0 is none.
    pub attempts: u32,
    /// How the delay grows.
    pub strategy: RetryStrategy,
    /// Spreads each delay by up to this part of itself, in both directions: 0.0 to 1.0.
    pub jitter: f64,
}

/// What a spec says of it: what it leaves out is that of whoever is asked next.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RetrySpec {
    /// Further attempts after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How the delay grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RetryStrategy>,
    /// Spreads each delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
}

impl RetrySpec {
    /// A schedule's words over its pipeline's.
    #[must_use]
    pub fn over(self, pipeline: Option<&Self>) -> Self {
        let Some(pipeline) = pipeline else { return self };
        Self {
            attempts: self.attempts.or(pipeline.attempts),
            strategy: self.strategy.or_else(|| pipeline.strategy.clone()),
            jitter: self.jitter.or(pipeline.jitter),
        }
    }

    /// The policy that these words and the server's own make.
    #[must_use]
    pub fn policy(&self, server: &RetryPolicy) -> RetryPolicy {
        RetryPolicy {
            attempts: self.attempts.unwrap_or(server.attempts),
            strategy: self.strategy.clone().unwrap_or_else(|| server.strategy.clone()),
            jitter: self.jitter.unwrap_or(server.jitter),
        }
    }
}

/// How the delay before attempt n + 1 follows from n.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RetryStrategy {
    /// Always the same.
    FixedDelay {
        /// The delay.
        delay: Duration,
    },
    /// `initial_delay * multiplier^(n-1)`, at most `max_delay`.
    ExponentialBackoff {
        /// The first delay.
        initial_delay: Duration,
        /// The longest delay.
        max_delay: Duration,
        /// At least 1.
        multiplier: f64,
    },
    /// A list; its last value repeats.
    CustomSchedule {
        /// Not empty.
        delays: Vec<Duration>,
    },
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let strategy = RetryStrategy::FixedDelay { delay: Duration::from_secs(60) };
        Self { attempts: 0, strategy, jitter: 0.0 }
    }
}

/// No delay is longer than a year, whatever the numbers of a spec multiply to.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl RetryPolicy {
    /// The delay after `failed` attempts have failed; `None` when no attempt is left. `random` lies in 0.0..1.0.
    #[must_use]
    pub fn delay_after(&self, failed: u32, random: f64) -> Option<Duration> {
        if failed == 0 || failed > self.attempts {
            return None;
        }
        let base = self.strategy.delay(failed).as_secs_f64();
        let spread = base * self.jitter.clamp(0.0, 1.0) * (random.clamp(0.0, 1.0) * 2.0 - 1.0);
        Some(Duration::try_from_secs_f64((base + spread).max(0.0)).unwrap_or(LONGEST).min(LONGEST))
    }
}

impl RetryStrategy {
    fn delay(&self, failed: u32) -> Duration {
        match self {
            Self::FixedDelay { delay } => *delay,
            Self::ExponentialBackoff { initial_delay, max_delay, multiplier } => {
                let factor = multiplier.max(1.0).powi(i32::try_from(failed - 1).unwrap_or(i32::MAX));
                let seconds = (initial_delay.as_secs_f64() * factor).min(max_delay.as_secs_f64());
                Duration::try_from_secs_f64(seconds).unwrap_or(*max_delay)
            }
            Self::CustomSchedule { delays } => {
                let index = (failed as usize - 1).min(delays.len().saturating_sub(1));
                delays.get(index).copied().unwrap_or(Duration::from_secs(60))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn delays(strategy: RetryStrategy, attempts: u32) -> Vec<Option<Duration>> {
        let policy = RetryPolicy { attempts, strategy, jitter: 0.0 };
        (1..=attempts + 1).map(|n| policy.delay_after(n, 0.5)).collect()
    }

    #[test]
    fn delays_follow_the_strategy() {
        let fixed = RetryStrategy::FixedDelay { delay: s(10) };
        assert_eq!(delays(fixed, 2), [Some(s(10)), Some(s(10)), None]);
        let exponential =
            RetryStrategy::ExponentialBackoff { initial_delay: s(60), max_delay: s(200), multiplier: 2.0 };
        assert_eq!(delays(exponential, 3), [Some(s(60)), Some(s(120)), Some(s(200)), None]);
        let custom = RetryStrategy::CustomSchedule { delays: vec![s(1), s(5)] };
        assert_eq!(delays(custom, 3), [Some(s(1)), Some(s(5)), Some(s(5)), None]);
    }

    #[test]
    fn jitter_stays_within_its_part_and_huge_numbers_do_not_panic() {
        let strategy = RetryStrategy::FixedDelay { delay: s(100) };
        let policy = RetryPolicy { attempts: 1, strategy, jitter: 0.2 };
        assert_eq!(policy.delay_after(1, 0.0), Some(s(80)));
        assert_eq!(policy.delay_after(1, 1.0), Some(s(120)));
        let strategy = RetryStrategy::ExponentialBackoff {
            initial_delay: Duration::MAX,
            max_delay: Duration::MAX,
            multiplier: f64::MAX,
        };
        let policy = RetryPolicy { attempts: u32::MAX, strategy, jitter: 1.0 };
        assert!(policy.delay_after(u32::MAX, 1.0) <= Some(LONGEST));
    }

    fn hundredths(most: u32) -> impl Strategy<Value = f64> {
        (0..=most).prop_map(|n| f64::from(n) / 100.0)
    }

    fn any_strategy() -> impl Strategy<Value = RetryStrategy> {
        let time = || (0..u64::MAX, 0..1_000_000_000u32).prop_map(|(s, ns)| Duration::new(s, ns));
        prop_oneof![
            time().prop_map(|delay| RetryStrategy::FixedDelay { delay }),
            (time(), time(), hundredths(10_000)).prop_map(|(initial_delay, max_delay, multiplier)| {
                RetryStrategy::ExponentialBackoff { initial_delay, max_delay, multiplier }
            }),
            prop::collection::vec(time(), 0..4).prop_map(|delays| RetryStrategy::CustomSchedule { delays }),
        ]
    }

    proptest! {
        #[test]
        fn a_delay_is_given_as_often_as_the_policy_says_and_is_never_absurd(
            strategy in any_strategy(), attempts in 0..20u32, failed in 0..25u32,
            jitter in hundredths(200), random in 0.0..1.0f64,
        ) {
            let policy = RetryPolicy { attempts, strategy, jitter };
            let delay = policy.delay_after(failed, random);
            prop_assert_eq!(delay.is_some(), failed > 0 && failed <= attempts);
            prop_assert!(delay <= Some(LONGEST));
        }

        #[test]
        fn without_jitter_delays_do_not_shrink(
            initial in 0..100_000u64, most in 0..100_000u64, multiplier in 1.0..10.0f64, failed in 1..30u32,
        ) {
            let strategy = RetryStrategy::ExponentialBackoff {
                initial_delay: s(initial), max_delay: s(most), multiplier,
            };
            let policy = RetryPolicy { attempts: 100, strategy, jitter: 0.0 };
            let delay = |failed| policy.delay_after(failed, 0.9).unwrap();
            prop_assert!(delay(failed) <= delay(failed + 1));
            prop_assert!(delay(failed) <= s(most));
        }

        #[test]
        fn policies_read_back(strategy in any_strategy(), attempts in any::<u32>(), jitter in hundredths(100)) {
            let policy = RetryPolicy { attempts, strategy, jitter };
            let text = serde_json::to_string(&policy).unwrap();
            let read: RetryPolicy = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}
