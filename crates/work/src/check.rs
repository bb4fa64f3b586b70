//! What a look at a target finds, one thing after the other.

use serde::{Deserialize, Serialize};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `engine`, `image`.
    pub what: String,
    /// What was found.
    pub found: Result<String, Broken>,
}

/// What is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// For people.
    pub message: String,
    /// For people.
    pub cure: String,
}

impl Check {
    /// It is as it must be.
    #[must_use]
    pub fn good(what: &str, found: impl Into<String>) -> Self {
        Self { what: what.into(), found: Ok(found.into()) }
    }

    /// It is not.
    #[must_use]
    pub fn bad(what: &str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { what: what.into(), found: Err(Broken { message: message.into(), cure: cure.into() }) }
    }
}
