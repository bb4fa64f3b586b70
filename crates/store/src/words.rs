//! What servers of one PostgreSQL tell each other, in a line.

use std::fmt;

/// Where other servers reach one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// Its API, as the beginning of a URL.
    pub api: Option<String>,
    /// Its door for runners, likewise.
    pub door: Option<String>,
}

/// In place of an address that there is not.
const NOWHERE: &str = "-";

/// A word of one server to all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// It has come, and wants to hear of commits.
    Came,
    /// It is there, and wants to hear of commits.
    Here,
    /// It has committed these events.
    Events {
        /// The first of them.
        first: i64,
        /// The last of them; before the first where there are none.
        last: i64,
    },
    /// It stands by, and asks whether one leads.
    Asks,
    /// It leads, and is reached so.
    Leads(Reached),
    /// It led, and has ended.
    Went,
}

impl Words {
    /// As said by a server.
    pub(crate) fn of(&self, name: &str) -> String {
        format!("{name} {self}")
    }

    /// Who said it, and what; `None`: it is no word of a server.
    pub(crate) fn read(text: &str) -> Option<(&str, Self)> {
        let mut parts = text.split(' ');
        let (name, what) = (parts.next()?, parts.next()?);
        let words = match what {
            "came" => Self::Came,
            "here" => Self::Here,
            "events" => {
                Self::Events { first: parts.next()?.parse().ok()?, last: parts.next()?.parse().ok()? }
            }
            "asks" => Self::Asks,
            "went" => Self::Went,
            "leads" => {
                let mut place = || parts.next().filter(|place| *place != NOWHERE).map(str::to_owned);
                Self::Leads(Reached { api: place(), door: place() })
            }
            _ => return None,
        };
        parts.next().is_none().then_some((name, words))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Came => f.write_str("came"),
            Self::Here => f.write_str("here"),
            Self::Events { first, last } => write!(f, "events {first} {last}"),
            Self::Asks => f.write_str("asks"),
            Self::Went => f.write_str("went"),
            Self::Leads(Reached { api, door }) => {
                let [api, door] = [api, door].map(|place| place.as_deref().unwrap_or(NOWHERE));
                write!(f, "leads {api} {door}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reached, Words};

    #[test]
    fn what_is_said_is_understood() {
        let reached = Reached { api: Some("http://10.0.0.5:7444".into()), door: None };
        let events = Words::Events { first: 3, last: 17 };
        for words in [Words::Came, Words::Here, events, Words::Asks, Words::Went, Words::Leads(reached)] {
            assert_eq!(Words::read(&words.of("me")), Some(("me", words)));
        }
        for other in ["", "me", "me goes", "me events", "me events 1", "me events 1 x", "me came back"] {
            assert_eq!(Words::read(other), None, "{other}");
        }
    }
}
