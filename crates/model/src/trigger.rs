//! What started a run, and who acts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What starts runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trigger {
    /// In which way.
    pub kind: TriggerKind,
    /// Who or what.
    pub by: Actor,
}

impl Trigger {
    /// A person asked for it.
    #[must_use]
    pub const fn manual(by: Actor) -> Self {
        Self { kind: TriggerKind::Manual, by }
    }
}

/// The ways in which runs are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// Somebody asked for it.
    Manual,
    /// Somebody asked for an earlier run again.
    Rerun,
    /// A time had come.
    Schedule,
    /// Another pipeline's run had ended.
    Downstream,
    /// Its own run had crashed, or the server had started.
    Restart,
    /// A request to an address of its own.
    Webhook,
    /// A file had come, or a sensor had said so.
    Event,
}

impl TriggerKind {
    const ALL: [Self; 7] = [
        Self::Manual,
        Self::Rerun,
        Self::Schedule,
        Self::Downstream,
        Self::Restart,
        Self::Webhook,
        Self::Event,
    ];

    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Rerun => "rerun",
            Self::Schedule => "schedule",
            Self::Downstream => "downstream",
            Self::Restart => "restart",
            Self::Webhook => "webhook",
            Self::Event => "event",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who acts: a person, a service account, or what acts by itself, by name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(Arc<str>);

impl Actor {
    /// Whoever has the server for themselves.
    #[must_use]
    pub fn you() -> Self {
        Self::named("you")
    }

    /// Of this name.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_words_and_are_read_back() {
        for kind in TriggerKind::ALL {
            assert_eq!(TriggerKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(TriggerKind::parse("Manual"), None);
    }
}
