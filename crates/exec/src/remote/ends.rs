//! How a remote attempt ends: by its runner's last word, or without one.

use rigi_model::log::{Encoder, Stream};
use rigi_model::{AttemptKey, Exit, Timestamp};
use rigi_work::plan::{Ended, EndedLog, Observation, STOPPED, sentence};
use rigi_work::wire::LastWord;

use super::folder::Folder;
use super::{Refusal, Remote};

impl Remote {
    /// The attempt has ended, and all it left has arrived. Blocks until that is durable.
    ///
    /// # Errors
    /// If the log is not all there, or the disk does not take it.
    pub fn end(&self, key: &AttemptKey, last: LastWord) -> Result<(), Refusal> {
        let known = self.with(key, |attempt| {
            let shift = attempt.record.claimed.as_ref().map_or(0, |claimed| claimed.shift_us);
            let facts = (attempt.folder.clone(), shift, attempt.stopping, attempt.record.target.clone());
            (!attempt.ended).then_some(facts)
        });
        let Some((folder, shift, stopping, target)) = known.ok_or_else(|| Refusal::Gone(key.clone()))? else {
            // It did not hear the answer.
            return Ok(());
        };
        let mut ended = last.ended;
        if ended.exit == Exit::Stopped && !stopping && self.moved(key).is_none() && self.is_blind(&target) {
            return Err(Refusal::Early(key.clone()));
        }
        let mut word = None;
        if ended.exit == Exit::Stopped {
            // The runner knows no more than that it was told to end: by us, or by others, as where a node is drained.
            let (exit, said) = match (stopping, self.moved(key)) {
                // Before its start the runner has said so itself.
                (true, _) => (Exit::Stopped, ended.started_at.map(|_| STOPPED.to_owned())),
                (false, Some(message)) => {
                    let said = sentence(&message);
                    (Exit::Evicted { message }, Some(said))
                }
                (false, None) => {
                    let message = "its container was told to end, and not by Rigi".to_owned();
                    let said = sentence(&message);
                    (Exit::Lost { message }, Some(said))
                }
            };
            ended.exit = exit;
            word = said;
        }
        ended.started_at = ended.started_at.map(|at| Timestamp(at.0.saturating_add(shift)));
        ended.log.inline = Vec::new();
        let length = folder.log_length()?;
        // What another server got of them is not here.
        let without = last.outputs && folder.outputs().is_none();
        if length < last.log_bytes || without {
            return Err(Refusal::Gap(length));
        }
        ended.log.file = (length > 0).then(|| folder.log_file());
        // Said once, also when the runner repeats itself.
        if let Some(word) = word.filter(|_| length == last.log_bytes) {
            let added = add(key, &folder, ended.log.lines, &[], &[word]);
            ended.log.lines = added.lines;
            ended.log.file = added.file.or(ended.log.file);
        }
        ended.outputs = folder.outputs();
        ended.stored = folder.stored()?;
        self.close(key, Timestamp(last.at.0.saturating_add(shift)), ended)
    }

    /// An end without the runner's word: what the executor saw. To the end of its log go the `rest` of what it wrote, as
    /// far as it did not arrive, and `words`. Blocks.
    pub fn end_here(&self, key: &AttemptKey, exit: Exit, rest: &[u8], words: &[String]) {
        let now = Timestamp::now();
        let known = self.with_open(key, |attempt| (attempt.folder.clone(), attempt.lines));
        let Ok((folder, lines)) = known else { return };
        let lines = folder.lines().unwrap_or(lines);
        let log = add(key, &folder, lines, rest, words);
        let ended = Ended::bare(exit, log);
        if let Err(error) = self.close(key, now, ended.clone()) {
            // Nobody says it again before the next start: it is told, though it cannot be written down.
            tracing::error!(%key, %error, "the end of an attempt cannot be written down");
            self.tell(key.clone(), now, Observation::Ended(Box::new(ended)));
        }
    }

    fn close(&self, key: &AttemptKey, at: Timestamp, ended: Ended) -> Result<(), Refusal> {
        let folder = self.with(key, |attempt| attempt.folder.clone());
        folder.ok_or_else(|| Refusal::Gone(key.clone()))?.write_last_word(at, &ended)?;
        let first = self.with(key, |attempt| !std::mem::replace(&mut attempt.ended, true));
        if first != Some(true) {
            // Told twice at the same time: the first word counts.
            return Ok(());
        }
        self.tell(key.clone(), at, Observation::Ended(Box::new(ended)));
        Ok(())
    }
}

/// Adds what did not arrive, and words for people, to the end of a log that has so many lines.
fn add(key: &AttemptKey, folder: &Folder, lines: u64, rest: &[u8], words: &[String]) -> EndedLog {
    let now = Timestamp::now();
    let mut encoder = Encoder::new(lines + 1);
    encoder.write(now, Stream::Stdout, rest);
    encoder.end(now, Stream::Stdout);
    for word in words {
        encoder.note(now, word);
    }
    let mut log = EndedLog { lines: encoder.lines(), ..EndedLog::default() };
    let mut block = Vec::new();
    encoder.take(&mut block);
    let length = folder.log_length().unwrap_or(0);
    match folder.append(length, &block) {
        Ok(0) => {}
        Ok(_) => log.file = Some(folder.log_file()),
        Err(error) => tracing::error!(%key, %error, "the end of a log cannot be written"),
    }
    log
}
