//! A mistake in a spec: where it is, what is wrong and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::place::Position;

/// What is wrong with a spec, or (as a warning) what does not mean what it seems to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mistake {
    /// Counts from 1; 0 is a file or folder as a whole.
    pub line: u32,
    /// In characters, counts from 1.
    pub column: u32,
    /// Below the pipeline's folder, where it is not the spec's file; empty is the folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do, as a sentence, where the message does not say it already.
    pub cure: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    #[must_use]
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self { line: at.line, column: at.column, path: None, message: message.into(), cure: None }
    }

    /// A mistake of a file or folder as a whole, by its path below the pipeline's folder; an empty one is that folder.
    #[must_use]
    pub fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self { path: Some(path.to_owned()), ..Self::new(Position { line: 0, column: 0 }, message) }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn with_cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }
}

impl fmt::Display for Mistake {
    /// `4:1  message`, and the cure in brackets; whoever prints puts the file's name and a colon in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.position(), self.message)?;
        self.cure.as_ref().map_or(Ok(()), |cure| write!(f, " ({cure})"))
    }
}
