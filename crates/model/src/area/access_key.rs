//! What is before a secret: an id that says whose it is. There is no session token: all that a server has to know of a run's
//! credentials stands in the id, and the secret is made from it, so that a changed id fits no secret.

use std::fmt;

use crate::{RunId, StorageKeyId, Timestamp};

/// How those of runs begin.
const OF_RUN: &str = "RGR";
/// How those of people begin.
const NAMED: &str = "RGK";
/// Characters of an id without its kind.
const ID: usize = 26;

/// `AWS_ACCESS_KEY_ID`, where Rigi itself answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessKey {
    /// Of a run, until a time.
    Run {
        /// Which.
        run: RunId,
        /// Whole seconds since 1970.
        until: u32,
    },
    /// Of a key that somebody has made.
    Named(StorageKeyId),
}

impl AccessKey {
    /// For a run, until a time; fractions of a second are cut.
    #[must_use]
    pub fn of_run(run: RunId, until: Timestamp) -> Self {
        Self::Run { run, until: u32::try_from(until.0 / 1_000_000).unwrap_or(u32::MAX) }
    }

    /// Reads one; `None`: none of ours looks like this.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        if let Some(id) = text.strip_prefix(NAMED) {
            return format!("{}_{id}", StorageKeyId::PREFIX).parse().ok().map(Self::Named);
        }
        let (id, until) = text.strip_prefix(OF_RUN)?.split_at_checked(ID)?;
        let until = (until.len() == 8).then(|| u32::from_str_radix(until, 16).ok())??;
        let key = Self::Run { run: format!("{}_{id}", RunId::PREFIX).parse().ok()?, until };
        // One way to write each: no `+`, no small letters.
        (key.to_string() == text).then_some(key)
    }

    /// When it stops to serve, if that stands in it.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Run { until, .. } => Some(Timestamp(i64::from(*until) * 1_000_000)),
            Self::Named(_) => None,
        }
    }
}

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { run, until } => {
                write!(f, "{OF_RUN}{}{until:08X}", &run.as_str()[RunId::PREFIX.len() + 1..])
            }
            Self::Named(id) => write!(f, "{NAMED}{}", &id.as_str()[StorageKeyId::PREFIX.len() + 1..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_is_read_back_and_nothing_else_is_one() {
        let run = AccessKey::of_run(RunId::from_bits(7), Timestamp(1_700_000_000_999_999));
        let named = AccessKey::Named(StorageKeyId::from_bits(9));
        for key in [&run, &named] {
            let text = key.to_string();
            assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{text}");
            assert_eq!(AccessKey::parse(&text).as_ref(), Some(key));
        }
        assert_eq!(run.until(), Some(Timestamp(1_700_000_000_000_000)));
        let text = run.to_string();
        for wrong in
            ["", "RGR", "AKIAIOSFODNN7EXAMPLE", &text[1..], &text[..36], &text.to_lowercase(), "RGKé"]
        {
            assert_eq!(AccessKey::parse(wrong), None, "{wrong}");
        }
        let plus = format!("{}+{}", &text[..29], &text[30..]);
        assert_eq!(AccessKey::parse(&plus), None);
    }
}
