//! What servers of one PostgreSQL tell each other, in a line.

use std::fmt;

/// A word of one server to all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Words {
    /// As said by a server.
    pub(crate) fn of(self, name: &str) -> String {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn what_is_said_is_understood() {
        for words in [Words::Came, Words::Here, Words::Events { first: 3, last: 17 }] {
            assert_eq!(Words::read(&words.of("me")), Some(("me", words)));
        }
        for other in ["", "me", "me went", "me events", "me events 1", "me events 1 x", "me came back"] {
            assert_eq!(Words::read(other), None, "{other}");
        }
    }
}
