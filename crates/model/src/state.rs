//! The states of a run and of an attempt, and which may follow which.

/// Defines an enum whose variants have one stable text each.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of a life.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text, as stored and as the API says it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of a stored text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use text_enum;

text_enum! {
    /// Where a run is. Terminal states never change.
    RunState {
        /// Accepted and durable; waits for a place.
        Queued = "queued",
        /// An attempt was handed to an executor, which prepares it.
        Starting = "starting",
        /// The attempt's process runs.
        Running = "running",
        /// An attempt failed; the next waits for its delay.
        Retrying = "retrying",
        /// Ended with exit status 0.
        Succeeded = "succeeded",
        /// Ended otherwise, and no attempt is left.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Cancelled = "cancelled",
        /// Ended by its time limit.
        TimedOut = "timed_out",
        /// Never started, by its own rules.
        Skipped = "skipped",
    }
}

impl RunState {
    /// Whether this is an end.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut | Self::Skipped)
    }

    /// Whether the run has a place, so that it counts against limits.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }

    /// Whether `next` may follow this state.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use RunState::{
            Cancelled, Failed, Queued, Retrying, Running, Skipped, Starting, Succeeded, TimedOut,
        };
        match self {
            Queued => matches!(next, Starting | Cancelled | Failed | Skipped),
            // Back to `Queued`: the start was given up before anything ran (for instance the server was replaced).
            Starting => {
                matches!(next, Running | Retrying | Queued | Succeeded | Failed | Cancelled | TimedOut)
            }
            Running => matches!(next, Retrying | Succeeded | Failed | Cancelled | TimedOut),
            Retrying => matches!(next, Queued | Starting | Cancelled | Failed),
            Succeeded | Failed | Cancelled | TimedOut | Skipped => false,
        }
    }
}

text_enum! {
    /// Where one attempt is.
    AttemptState {
        /// Handed to an executor.
        Starting = "starting",
        /// Its process runs.
        Running = "running",
        /// Exit status 0.
        Succeeded = "succeeded",
        /// Any other end of its own.
        Failed = "failed",
        /// Ended on request.
        Cancelled = "cancelled",
        /// Ended by its time limit.
        TimedOut = "timed_out",
        /// Its executor vanished; nobody knows how it ended.
        Lost = "lost",
    }
}

impl AttemptState {
    /// Whether this is an end.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Starting | Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_never_change_and_all_others_can_end() {
        for &from in RunState::ALL {
            let next: Vec<_> = RunState::ALL.iter().filter(|&&to| from.may_become(to)).collect();
            assert_eq!(from.is_terminal(), next.is_empty(), "{from}");
            assert!(from.is_terminal() || from.may_become(RunState::Cancelled), "{from} cannot be cancelled");
            assert_eq!(RunState::parse(from.as_str()), Some(from));
        }
    }
}
