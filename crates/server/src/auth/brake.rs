//! How long the next sign-in has to wait after some that failed. Nobody can lock anybody else out: what fails elsewhere slows down
//! only those networks that the account was never signed in to from.

use std::net::IpAddr;
use std::time::Duration;

use rigi_model::Timestamp;
use rigi_store::people::Failures;

/// What failed before this time does not count any more.
pub const MEMORY: Duration = Duration::from_secs(3600);
/// Mistakes of one person at one place that cost nothing.
const FREE_HERE: i64 = 5;
/// Mistakes of a network, where many people may sit, that cost nothing.
const FREE_NETWORK: i64 = 50;
/// Mistakes for one account from everywhere that cost nothing.
const FREE_ACCOUNT: i64 = 20;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(900);

/// What is to come of a try to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brake {
    /// It may go on.
    Free,
    /// It may come back after this time.
    Wait(Duration),
}

impl Brake {
    /// After these failures.
    #[must_use]
    pub fn after(failed: &Failures, now: Timestamp) -> Self {
        let mut until = now;
        let waits = [
            (failed.here, FREE_HERE, failed.last_here, true),
            (failed.network, FREE_NETWORK, failed.last_network, !failed.known),
            (failed.account, FREE_ACCOUNT, failed.last_account, !failed.known),
        ];
        for (count, free, last, counts) in waits {
            if counts && count >= free {
                until = until.max(last.after(delay(count - free)));
            }
        }
        if until > now { Self::Wait(until.since(now)) } else { Self::Free }
    }
}

/// One second, two, four: up to a quarter of an hour.
fn delay(beyond: i64) -> Duration {
    let exponent = u32::try_from(beyond).unwrap_or(u32::MAX).min(10);
    Duration::from_secs(1 << exponent).min(LONGEST)
}

/// The network of an address: what one person or house has.
#[must_use]
pub fn network_of(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "here".to_owned(),
        Some(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn seconds(failed: &Failures) -> u64 {
        match Brake::after(failed, NOW) {
            Brake::Free => 0,
            Brake::Wait(time) => time.as_secs(),
        }
    }

    #[test]
    fn one_who_mistypes_waits_longer_each_time_up_to_a_quarter_of_an_hour() {
        let here = |count| seconds(&Failures { here: count, last_here: NOW, ..Failures::default() });
        assert_eq!([4, 5, 6, 8, 100].map(here), [0, 1, 2, 8, 900]);
        let long_ago =
            Failures { here: 8, last_here: NOW.before(Duration::from_secs(9)), ..Failures::default() };
        assert_eq!(seconds(&long_ago), 0);
    }

    #[test]
    fn nobody_is_locked_out_by_others() {
        let storm = Failures {
            account: 100_000,
            last_account: NOW,
            network: 100_000,
            last_network: NOW,
            ..Failures::default()
        };
        assert_eq!(seconds(&storm), 900);
        assert_eq!(seconds(&Failures { known: true, ..storm }), 0);
    }

    #[test]
    fn networks_are_what_one_house_has() {
        let of = |text: &str| network_of(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert_eq!(network_of(None), "here");
    }
}
