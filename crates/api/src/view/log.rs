//! Logs.

use rigi_model::Timestamp;
use rigi_model::log::Stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of a log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Number, from 1.
    pub n: u64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `stdout`, `stderr`, or `system` for Rigi's own words.
    #[schema(example = "stdout")]
    pub stream: String,
    /// Its text; bytes that are not UTF-8 read `\u{FFFD}`.
    pub text: String,
    /// The line was longer than 16 KiB and goes on in the next one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}

const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
        Stream::System => "system",
    }
}

impl LogLine {
    /// A line as it was written.
    #[must_use]
    pub fn new(n: u64, at: Timestamp, stream: Stream, text: Vec<u8>, continues: bool) -> Self {
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Self { n, at, stream: stream_name(stream).to_owned(), text, continues }
    }

    /// Whether it is one of this stream.
    #[must_use]
    pub fn is_of(&self, stream: Stream) -> bool {
        self.stream == stream_name(stream)
    }
}

/// Part of a log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// In order.
    pub lines: Vec<LogLine>,
    /// Lines in the log now.
    pub total: u64,
    /// Nothing more will come.
    pub complete: bool,
    /// Attempt it belongs to.
    pub attempt: u32,
    /// Bytes that were not kept, over the limit.
    pub cut_bytes: u64,
}

/// Lines that fit a search.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogMatches {
    /// In order.
    pub lines: Vec<LogLine>,
    /// Search on from this line; absent when the end was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}
