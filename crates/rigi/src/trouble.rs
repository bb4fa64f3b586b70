//! What keeps something from being done with what lies on this machine: a stable code, what went wrong, what to do. How that is shown, and how
//! a command ends with it, is the terminal's.

use rigi_model::ErrorCode;

/// See the module.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// Its code.
    pub code: ErrorCode,
    /// What went wrong, in a line.
    pub message: String,
    /// What to do.
    pub cure: String,
    /// The server that it is about.
    pub server: Option<String>,
}

impl Trouble {
    /// With what to do.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>, cure: &str) -> Self {
        Self { code, message: message.into(), cure: cure.to_owned(), server: None }
    }
}
