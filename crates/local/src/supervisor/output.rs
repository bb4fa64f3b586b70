//! What attempts print.

use std::time::{Duration, Instant};

use rigi_model::Timestamp;
use rigi_model::log::Stream;

use super::attempt::Phase;
use super::reactor::Reactor;
use super::timers::TimerKind;
use crate::wire::Report;

/// How long output waits for more before it is written and told of; and the time between two such writes.
const HOLD: Duration = Duration::from_millis(10);
/// A busy stream's pipe is made as large as an ordinary user may make it.
const WIDE: usize = 1024 * 1024;
/// Portions read from one pipe before the others have their turn.
const TURNS: usize = 8;

impl Reactor {
    /// Reads what a pipe holds, a few portions at most.
    pub fn read_pipe(&mut self, id: u32, index: usize) {
        let now = Instant::now();
        let mut closed = false;
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let Some(pipe) = &attempt.pipes[index] else { return };
        let stream = [Stream::Stdout, Stream::Stderr][index];
        for _ in 0..TURNS {
            let len = match rustix::io::read(pipe, &mut self.buffer[..]) {
                Ok(0) => {
                    closed = true;
                    break;
                }
                Ok(len) => len,
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => break,
                Err(_) => {
                    closed = true;
                    break;
                }
            };
            self.read += len;
            if attempt.spool.write(Timestamp::now(), stream, &self.buffer[..len]) {
                attempt.spool.spill_busy();
            }
            if len >= 64 * 1024 && !attempt.wide[index] {
                attempt.wide[index] = true;
                // Refused where the user has many pipes already: then it stays as it is.
                let _ = rustix::pipe::fcntl_setpipe_size(pipe, WIDE);
            }
            if attempt.log_timer.is_none() {
                // A short attempt's log never comes to its file; one that has come to it waits only while it is busy.
                let at = attempt.spilled.map_or(now + HOLD, |last| now.max(last + HOLD));
                attempt.log_timer = Some(at);
                self.timers.set(at, id, TimerKind::Log);
            }
            if len < 4096 {
                break;
            }
        }
        if closed {
            attempt.pipes[index] = None;
            if attempt.phase == Phase::Ending {
                self.try_finish(id);
            }
        }
    }

    /// Reads a pipe to where it is empty, after the leader's end.
    pub fn drain(&mut self, id: u32) {
        for index in 0..2 {
            let mut portions = 0;
            while let Some(attempt) = self.attempts.get_mut(&id)
                && let Some(pipe) = &attempt.pipes[index]
                && portions < 64
            {
                portions += 1;
                let stream = [Stream::Stdout, Stream::Stderr][index];
                match rustix::io::read(pipe, &mut self.buffer[..]) {
                    Ok(0) => attempt.pipes[index] = None,
                    Ok(len) => {
                        if attempt.spool.write(Timestamp::now(), stream, &self.buffer[..len]) {
                            attempt.spool.spill_busy();
                        }
                    }
                    Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::AGAIN) => break,
                    Err(_) => attempt.pipes[index] = None,
                }
            }
        }
    }

    /// Writes an attempt's log to its file and tells of it.
    pub fn spill(&mut self, id: u32) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        attempt.log_timer = None;
        if matches!(attempt.phase, Phase::Running | Phase::Ending) {
            attempt.spilled = Some(Instant::now());
            let (lines, bytes) = attempt.spool.spill();
            let key = attempt.key.clone();
            let unfinished = attempt.unfinished.take_back(&attempt.spool);
            self.report(&Report::Log { key, at: Timestamp::now(), lines, bytes, unfinished });
            self.watch_unfinished(id);
        }
    }
}
