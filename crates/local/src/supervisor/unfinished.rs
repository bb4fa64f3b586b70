//! Lines that have not ended, as progress bars and questions are: told as they stand once they have stood for a moment.
//!
//! They pass: nothing of them is written down. A line that ends is in the log, and what was told of it is taken back.

use std::time::{Duration, Instant};

use rigi_model::Timestamp;
use rigi_model::log::{Stream, Unfinished};

use super::attempt::Phase;
use super::reactor::Reactor;
use super::spool::Spool;
use super::timers::TimerKind;
use crate::wire::Report;

/// A line is told of when it has stood for so long, and then so often at most.
const STANDS: Duration = Duration::from_millis(250);
/// Bytes of it that are told at most.
const TOLD: usize = 4096;

const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

/// What is told of one attempt's unfinished lines.
#[derive(Debug, Default)]
pub struct Telling {
    /// When to look again; the lines that stood when it was set.
    pub timer: Option<Instant>,
    stood: [Option<u64>; 2],
    /// Which lines were told, and how they stood.
    told: [Option<(u64, String)>; 2],
}

impl Telling {
    /// Takes back what was told of lines that have ended. The others, if there were such.
    pub fn take_back(&mut self, spool: &Spool) -> Option<Vec<Unfinished>> {
        let mut ended = false;
        for (told, stream) in self.told.iter_mut().zip(STREAMS) {
            ended |= told.take_if(|(line, _)| *line != spool.unfinished(stream).0).is_some();
        }
        ended.then(|| self.lines())
    }

    /// Whether a line stands otherwise than it was told.
    fn is_due(&self, spool: &Spool) -> bool {
        STREAMS.iter().zip(&self.told).any(|(stream, told)| {
            let (line, text) = spool.unfinished(*stream);
            let known = told.as_ref().filter(|(known, _)| *known == line);
            !text.is_empty() && known.is_none_or(|(_, known)| *known != shown(text))
        })
    }

    /// Remembers which lines stand now.
    fn wait(&mut self, spool: &Spool, until: Instant) {
        self.timer = Some(until);
        self.stood = STREAMS.map(|stream| {
            let (line, text) = spool.unfinished(stream);
            (!text.is_empty()).then_some(line)
        });
    }

    /// The lines as they stand, if those that have stood for a while have changed.
    fn look(&mut self, spool: &Spool) -> Option<Vec<Unfinished>> {
        self.timer = None;
        let mut changed = false;
        for ((told, stood), stream) in self.told.iter_mut().zip(self.stood).zip(STREAMS) {
            let (line, text) = spool.unfinished(stream);
            if text.is_empty() || stood != Some(line) {
                continue;
            }
            let now = (line, shown(text));
            if told.as_ref() != Some(&now) {
                *told = Some(now);
                changed = true;
            }
        }
        changed.then(|| self.lines())
    }

    fn lines(&self) -> Vec<Unfinished> {
        let told = STREAMS.iter().zip(&self.told);
        let line = |(stream, told): (&Stream, &Option<(u64, String)>)| {
            let (_, text) = told.as_ref()?;
            (!text.is_empty()).then(|| Unfinished { stream: *stream, text: text.clone() })
        };
        told.filter_map(line).collect()
    }
}

/// What a terminal shows of a line: what was written over is gone.
fn shown(text: &[u8]) -> String {
    let end = text.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let text = &text[..end];
    let frame = memchr::memrchr(b'\r', text).map_or(text, |end| &text[end + 1..]);
    String::from_utf8_lossy(&frame[frame.len().saturating_sub(TOLD)..]).into_owned()
}

impl Reactor {
    /// Sees to it that a line that stands is told of.
    pub fn watch_unfinished(&mut self, id: u32) {
        if !self.is_heard() {
            return;
        }
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        if attempt.unfinished.timer.is_none() && attempt.unfinished.is_due(&attempt.spool) {
            let until = Instant::now() + STANDS;
            attempt.unfinished.wait(&attempt.spool, until);
            self.timers.set(until, id, TimerKind::Unfinished);
        }
    }

    /// Tells of lines that have stood for a moment.
    pub fn tell_unfinished(&mut self, id: u32) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let lines = attempt.unfinished.look(&attempt.spool);
        if let Some(unfinished) = lines.filter(|_| attempt.phase == Phase::Running) {
            let (lines, bytes) = attempt.spool.spilled();
            let (key, at) = (attempt.key.clone(), Timestamp::now());
            self.report(&Report::Log { key, at, lines, bytes, unfinished: Some(unfinished) });
        }
        // Others may have begun meanwhile.
        self.watch_unfinished(id);
    }

    /// Tells a new server of what stands now.
    pub fn tell_unfinished_anew(&mut self) {
        let ids: Vec<u32> = self.attempts.keys().copied().collect();
        for id in ids {
            if let Some(attempt) = self.attempts.get_mut(&id) {
                attempt.unfinished.told = [None, None];
            }
            self.watch_unfinished(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stream: Stream, text: &str) -> Unfinished {
        Unfinished { stream, text: text.to_owned() }
    }

    #[test]
    fn a_line_that_stands_is_told_once_as_it_stands_and_taken_back_when_it_ends() {
        let mut spool = Spool::new("/nowhere".into(), None);
        let mut telling = Telling::default();
        let (now, at) = (Instant::now(), Timestamp(1));
        assert!(!telling.is_due(&spool));
        spool.write(at, Stream::Stdout, b"begun\nworking ");
        assert!(telling.is_due(&spool));
        telling.wait(&spool, now);
        assert_eq!(telling.look(&spool), Some(vec![line(Stream::Stdout, "working ")]));
        assert!(!telling.is_due(&spool));
        spool.write(at, Stream::Stderr, b" 5 %\r 50 %\r\r");
        assert!(telling.is_due(&spool));
        telling.wait(&spool, now);
        let both = vec![line(Stream::Stdout, "working "), line(Stream::Stderr, " 50 %")];
        assert_eq!((telling.look(&spool), telling.take_back(&spool)), (Some(both), None));
        // Another line of the same words is another line.
        spool.write(at, Stream::Stdout, b"\nworking ");
        assert_eq!(telling.take_back(&spool), Some(vec![line(Stream::Stderr, " 50 %")]));
        assert!(telling.is_due(&spool));
        telling.wait(&spool, now);
        spool.write(at, Stream::Stdout, b"\nworking ");
        // It has not stood yet.
        assert_eq!(telling.look(&spool), None);
        spool.write(at, Stream::Stdout, b"\n");
        spool.write(at, Stream::Stderr, b"\n");
        assert_eq!(telling.take_back(&spool), Some(Vec::new()));
        assert!(!telling.is_due(&spool));
        assert_eq!(telling.take_back(&spool), None);
    }

    #[test]
    fn a_line_that_shows_nothing_is_none() {
        let mut spool = Spool::new("/nowhere".into(), None);
        let mut telling = Telling::default();
        spool.write(Timestamp(1), Stream::Stdout, b"50 %");
        telling.wait(&spool, Instant::now());
        assert!(telling.look(&spool).is_some_and(|lines| lines.len() == 1));
        spool.write(Timestamp(1), Stream::Stdout, b"\r\r");
        assert!(!telling.is_due(&spool));
        spool.write(Timestamp(1), Stream::Stderr, b"\r");
        telling.wait(&spool, Instant::now());
        assert!(telling.look(&spool).is_some_and(|lines| lines.len() == 1));
        assert!(!telling.is_due(&spool));
    }

    #[test]
    fn of_a_long_line_the_end_is_told_and_behind_the_limit_nothing() {
        let mut spool = Spool::new("/nowhere".into(), Some(30_000));
        let mut telling = Telling::default();
        spool.write(Timestamp(1), Stream::Stdout, &[b'x'; 20_000]);
        telling.wait(&spool, Instant::now());
        let told = telling.look(&spool).unwrap();
        // The first piece is in the log already.
        assert_eq!(told[0].text.len(), 20_000 - rigi_model::log::PIECE_LEN);
        spool.write(Timestamp(1), Stream::Stdout, &[b'y'; 9_000]);
        telling.wait(&spool, Instant::now());
        assert_eq!(telling.look(&spool).unwrap()[0].text, "y".repeat(TOLD));
        spool.write(Timestamp(1), Stream::Stdout, &[b'z'; 9_000]);
        assert_eq!(telling.take_back(&spool), Some(Vec::new()));
        assert!(!telling.is_due(&spool));
    }
}
