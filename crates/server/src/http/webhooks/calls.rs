//! How often somebody has called of late.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rigi_model::WebhookId;

use crate::http::error::{ApiError, ApiResult};

/// Calls of one address with a key, or that are refused, within [`WINDOW`].
pub(in crate::http) const OF_ADDRESS: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// Callers that are remembered.
const MOST: usize = 10_000;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::http) enum Caller {
    /// An address that has not shown a secret.
    Address(Option<IpAddr>),
    /// The sender of a webhook.
    Webhook(WebhookId),
}

/// How often each has called of late.
#[derive(Debug, Default)]
pub struct Calls {
    of: Mutex<HashMap<Caller, (Instant, u32)>>,
}

impl Calls {
    /// Counts a call, and refuses one that comes too often.
    pub(in crate::http) fn count(&self, caller: Caller, most: u32, now: Instant) -> ApiResult<()> {
        self.look(caller, most, now, 1)
    }

    /// Refuses one that has called too often, without counting it.
    pub(super) fn check(&self, caller: Caller, most: u32, now: Instant) -> ApiResult<()> {
        self.look(caller, most, now, 0)
    }

    fn look(&self, caller: Caller, most: u32, now: Instant, more: u32) -> ApiResult<()> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |since: &Instant| now.saturating_duration_since(*since) < WINDOW;
        if of.len() >= MOST {
            of.retain(|_, (since, _)| fresh(since));
        }
        let (since, calls) = of.entry(caller).or_insert((now, 0));
        if !fresh(since) {
            (*since, *calls) = (now, 0);
        }
        *calls = calls.saturating_add(more);
        if *calls < most.saturating_add(more) {
            return Ok(());
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(*since));
        Err(ApiError::too_many(format!("more than {most} calls of webhooks within a minute"), left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_too_often_waits_and_others_do_not() {
        let (calls, now) = (Calls::default(), Instant::now());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| Caller::Address(text.parse().ok()));
        let count = |caller: &Caller, now| calls.count(caller.clone(), OF_ADDRESS, now).is_ok();
        assert!((0..OF_ADDRESS).all(|_| count(&one, now)));
        assert!(!count(&one, now) && count(&other, now));
        assert!(calls.check(one.clone(), OF_ADDRESS, now).is_err());
        assert!(calls.check(other, OF_ADDRESS, now).is_ok());
        assert!(count(&one, now + WINDOW));
    }
}
