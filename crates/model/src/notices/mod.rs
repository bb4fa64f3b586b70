//! Word of what happened: which rules there are, what one tells, and how each channel is told. Pure: time is a parameter.

mod bodies;
mod incident;
mod quiet;
mod words;

pub use bodies::{Body, body_of};
pub use incident::{Ended, Incident, Told, meet_end, meet_trouble};
pub use quiet::{Quiet, QuietError};
pub use words::{Facts, Message, message, minutes_words, together};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::expression::{ParseError, Template};
use crate::state::text_enum;

text_enum! {
    /// What a rule may tell of.
    NoticeKind {
        /// A run failed, and is not tried again: once, until the pipeline succeeds.
        Failed = "failed",
        /// A pipeline that had failed has succeeded.
        Recovered = "recovered",
        /// A run succeeded.
        Succeeded = "succeeded",
        /// A run took much longer than usual.
        Slow = "slow",
        /// A due time was missed.
        Missed = "missed",
        /// A run has waited too long.
        Waiting = "waiting",
        /// A schedule was stopped by its `stop_after`.
        Stopped = "stopped",
        /// A run used more than its soft limits.
        SoftLimit = "soft-limit",
        /// The stored files are near what they may be.
        Storage = "storage",
        /// A step waits for somebody's answer.
        Approval = "approval",
        /// A pipeline's packages have a known vulnerability.
        Vulnerable = "vulnerable",
        /// Pipelines could not be brought from a repository.
        Sync = "sync",
        /// A program has sent it.
        Sent = "sent",
        /// Somebody tries a channel.
        Test = "test",
    }
}

impl NoticeKind {
    /// Whether a rule may be about it.
    #[must_use]
    pub const fn is_ruled(self) -> bool {
        !matches!(self, Self::Sent | Self::Test)
    }

    /// Whether it comes of the end of a run.
    #[must_use]
    pub const fn is_of_ends(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Recovered | Self::Succeeded | Self::Slow | Self::SoftLimit | Self::Storage
        )
    }
}

text_enum! {
    /// How somebody is told.
    ChannelKind {
        /// Addresses, by the server's mail server.
        Mail = "mail",
        /// An incoming webhook of Slack, or of what speaks as Slack does.
        Slack = "slack",
        /// A workflow's webhook of Microsoft Teams.
        Teams = "teams",
        /// A webhook of Discord.
        Discord = "discord",
        /// A topic of ntfy.
        Ntfy = "ntfy",
        /// Any address, as JSON that is signed by Standard Webhooks.
        Webhook = "webhook",
    }
}

text_enum! {
    /// What became of a notice.
    NoticeState {
        /// It waits for its turn, or for the next try.
        Waiting = "waiting",
        /// It was taken.
        Sent = "sent",
        /// It is given up; somebody may have it tried again.
        Dead = "dead",
    }
}

/// What is told, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Of what.
    pub on: Vec<NoticeKind>,
    /// Names of pipelines, in which `*` stands for anything; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipelines: Vec<String>,
    /// Names of channels.
    pub channels: Vec<String>,
    /// What comes within this time is told together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Duration>,
    /// When nobody is told: what comes then is told afterwards, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// How long a run may wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_after: Option<Duration>,
    /// The text instead of ours, with `${…}` over [`words::Facts`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Whether it tells nothing for now.
    #[serde(default)]
    pub paused: bool,
}

impl Rule {
    /// Whether it tells this of a pipeline; of what is of none, only a rule for all does.
    #[must_use]
    pub fn tells(&self, kind: NoticeKind, pipeline: &str) -> bool {
        !self.paused && self.on.contains(&kind) && self.is_for(pipeline)
    }

    /// Whether it is about a pipeline.
    #[must_use]
    pub fn is_for(&self, pipeline: &str) -> bool {
        self.pipelines.is_empty() || self.pipelines.iter().any(|pattern| fits(pattern, pipeline))
    }

    /// The text instead of ours, read.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn template(&self) -> Result<Option<Template>, ParseError> {
        let read = |text: &String| Template::parse(&serde_json::Value::String(text.clone()));
        self.template.as_ref().map(read).transpose()
    }

    /// When a notice of now is sent.
    #[must_use]
    pub fn due(&self, now: crate::Timestamp) -> crate::Timestamp {
        let due = now.after(self.digest.unwrap_or_default());
        self.quiet.as_ref().map_or(due, |quiet| quiet.over(due))
    }
}

/// Whether a name is as a pattern says, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, is) in [
            ("etl", "etl", true),
            ("etl", "etl-2", false),
            ("etl-*", "etl-2", true),
            ("*", "", true),
            ("*-daily-*", "a-daily-b", true),
            ("*-daily", "daily", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
        ] {
            assert_eq!(fits(pattern, name), is, "{pattern} {name}");
        }
    }
}
