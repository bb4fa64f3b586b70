//! The line that says why a program failed, among the lines that it wrote: what a person would quote.
//!
//! Known is how languages tell of an exception that ended a program: its closing line wins, whatever stands behind it. Of
//! every other program it is the last line of stderr that says something. Little is kept while lines pass, however many.

mod shapes;

use std::collections::VecDeque;

use self::shapes::{Closing, is_noise, traceback_prefix};
use super::{Ending, Line, Stream};
use crate::Timestamp;
use crate::text::{plain_line, without_escapes};

/// Bytes that are looked at of a line.
const LOOKED_AT: usize = 1024;
/// Lines of stderr that are kept in case that no exception is among them.
const RECENT: usize = 16;
/// More lines than this behind an exception, and the program went on.
const FOLLOWING: u64 = 50;
/// It also went on if it wrote something so many microseconds later.
const LATER: i64 = 60_000_000;
/// Bytes before `Traceback` that may stand before its other lines too.
const LONGEST_PREFIX: usize = 64;

/// Hears a log's lines in order, and knows what to quote.
#[derive(Debug, Default)]
pub struct LastWords {
    stdout: Listener,
    stderr: Listener,
    /// When the last line was written.
    end: Timestamp,
}

impl LastWords {
    /// Hears the next line.
    pub fn hear(&mut self, line: &Line<'_>) {
        let listener = match line.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
            Stream::System => return,
        };
        self.end = line.at;
        let keep = if line.stream == Stream::Stderr { Keep::Recent } else { Keep::Nothing };
        listener.hear(line, keep);
    }

    /// What to quote, on one line, not cut yet; an exception of stdout is that of a program whose stderr was sent there.
    #[must_use]
    pub fn quote(&self) -> Option<String> {
        let end = self.end;
        let found = || self.stderr.exception(end).or_else(|| self.stderr.last(end));
        found().or_else(|| self.stdout.exception(end))
    }
}

/// What is kept of lines that are no exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Recent,
    Nothing,
}

/// Where a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Elsewhere,
    /// In a traceback of Python, before its closing line.
    Frames,
    /// In one of an exception group.
    GroupFrames,
    /// In one that ends nothing.
    Ignored,
    /// The line before says that the next traceback ends nothing.
    Warned,
}

#[derive(Debug)]
struct Found {
    text: Vec<u8>,
    closing: Closing,
    line: u64,
    at: Timestamp,
    /// Its message stands on the next line.
    unfinished: bool,
}

#[derive(Debug, Default)]
struct Recent {
    text: Vec<u8>,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Listener {
    lines: u64,
    /// The next piece belongs to the line before it.
    continues: bool,
    place: Place,
    /// What stands before each line of the traceback, as `[rank0]: ` does.
    prefix: Vec<u8>,
    found: Option<Found>,
    recent: VecDeque<Recent>,
    /// The last line that was set in: it counts where all are.
    set_in: Option<Recent>,
}

impl Listener {
    fn hear(&mut self, line: &Line<'_>, keep: Keep) {
        let goes_on = std::mem::replace(&mut self.continues, line.ending == Ending::Continues);
        let text = line.text.trim_ascii_end();
        let text = match memchr::memrchr(b'\r', text) {
            Some(end) => &text[end + 1..],
            // Of a long line its beginning counts.
            None if goes_on => return,
            None => text,
        };
        let text = &text[..text.len().min(LOOKED_AT)];
        if text.is_empty() {
            return;
        }
        if memchr::memchr(0x1b, text).is_none() {
            self.take(text, line.at, keep);
            return;
        }
        let text = String::from_utf8_lossy(text);
        let text = without_escapes(&text);
        let text = text.trim_ascii_end();
        if !text.is_empty() {
            self.take(text.as_bytes(), line.at, keep);
        }
    }

    fn take(&mut self, text: &[u8], at: Timestamp, keep: Keep) {
        self.lines += 1;
        let text = text.strip_prefix(&self.prefix[..]).unwrap_or(text);
        let is_set_in = text.first().is_some_and(u8::is_ascii_whitespace);
        self.finish_message(text);
        if !self.follow_traceback(text, at, is_set_in) && !is_set_in {
            self.look_for_closing(text, at);
        }
        if keep == Keep::Nothing {
            return;
        }
        if is_set_in {
            keep_line(self.set_in.get_or_insert_default(), text, at);
            return;
        }
        let mut slot =
            if self.recent.len() < RECENT { None } else { self.recent.pop_front() }.unwrap_or_default();
        keep_line(&mut slot, text, at);
        self.recent.push_back(slot);
    }

    /// Adds the line to an exception whose message begins on it.
    fn finish_message(&mut self, text: &[u8]) {
        let Some(found) = self.found.as_mut().filter(|found| found.unfinished) else { return };
        found.unfinished = false;
        let message = text.trim_ascii();
        found.text.push(b' ');
        found.text.extend_from_slice(message.strip_prefix(b"! ").unwrap_or(message));
    }

    /// Whether the line belongs to a traceback of Python.
    fn follow_traceback(&mut self, text: &[u8], at: Timestamp, is_set_in: bool) -> bool {
        if let Some(prefix) = traceback_prefix(text) {
            let is_group = prefix == b"  + Exception Group ";
            if !is_group && (is_set_in || prefix.len() > LONGEST_PREFIX) {
                return true;
            }
            self.prefix.clear();
            if !is_group {
                self.prefix.extend_from_slice(prefix);
            }
            self.place = match self.place {
                Place::Warned => Place::Ignored,
                _ if is_group => Place::GroupFrames,
                _ => Place::Frames,
            };
            return true;
        }
        match self.place {
            Place::Elsewhere => false,
            Place::Warned => {
                self.place = Place::Elsewhere;
                false
            }
            Place::GroupFrames => {
                let Some(inner) = text.strip_prefix(b"  | ") else {
                    if !is_set_in {
                        self.place = Place::Elsewhere;
                    }
                    return is_set_in;
                };
                if shapes::is_exception(inner) {
                    self.close(inner, at);
                }
                true
            }
            Place::Frames if !is_set_in && shapes::is_exception(text) => {
                self.close(text, at);
                true
            }
            Place::Ignored if !is_set_in => {
                (self.place, self.prefix) = (Place::Elsewhere, Vec::new());
                true
            }
            // Others may write in between.
            Place::Frames | Place::Ignored => is_set_in,
        }
    }

    fn close(&mut self, text: &[u8], at: Timestamp) {
        (self.place, self.prefix) = (Place::Elsewhere, Vec::new());
        self.found_one(text, Closing::Traceback, at);
    }

    fn look_for_closing(&mut self, text: &[u8], at: Timestamp) {
        if shapes::ends_nothing(text) {
            self.place = Place::Warned;
            return;
        }
        let Some(closing) = shapes::closing(text) else { return };
        // What looks like one may be the rest of a traceback's message.
        let is_rest = closing == Closing::Named
            && self.found.as_ref().is_some_and(|found| {
                found.closing == Closing::Traceback && self.lines - found.line <= FOLLOWING
            });
        if !is_rest {
            self.found_one(text, closing, at);
        }
    }

    fn found_one(&mut self, text: &[u8], closing: Closing, at: Timestamp) {
        let is_bare = memchr::memchr2(b':', b' ', text) == Some(text.len() - 1);
        let unfinished = text.ends_with(b":") && (closing == Closing::Headed || is_bare);
        self.found = Some(Found { text: text.to_vec(), closing, line: self.lines, at, unfinished });
    }

    fn exception(&self, end: Timestamp) -> Option<String> {
        let found = self.found.as_ref()?;
        let is_last = self.lines - found.line <= FOLLOWING && end.0.saturating_sub(found.at.0) <= LATER;
        quoted(&found.text).filter(|_| is_last)
    }

    fn last(&self, end: Timestamp) -> Option<String> {
        let set_in = self.set_in.as_ref().filter(|_| self.recent.is_empty());
        let lines = self.recent.iter().rev().chain(set_in);
        let fresh = lines.filter(|recent| end.0.saturating_sub(recent.at.0) <= LATER);
        fresh.filter_map(|recent| quoted(&recent.text)).find(|text| !is_noise(text))
    }
}

fn keep_line(slot: &mut Recent, text: &[u8], at: Timestamp) {
    slot.at = at;
    slot.text.clear();
    slot.text.extend_from_slice(text);
}

fn quoted(text: &[u8]) -> Option<String> {
    let text = plain_line(&String::from_utf8_lossy(text), LOOKED_AT);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
