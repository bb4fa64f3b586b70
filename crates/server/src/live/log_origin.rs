//! Where the log of a run comes from: its executor's file while an attempt runs, the store afterwards.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rigi_engine::Engine;
use rigi_store::logs::{Bounds, Cursor, LogPart};
use rigi_store::{Result, Run};

use super::hub::{Origin, Standing};

/// Logs that are kept open: of the current attempt, and of one before.
const OPEN: usize = 2;

/// See the module.
pub struct LogOrigin {
    engine: Engine,
    known: Mutex<Known>,
}

struct Known {
    run: Run,
    /// Grows when the run changes: its log may lie elsewhere then.
    change: u64,
    open: Vec<(u32, Cursor)>,
}

impl LogOrigin {
    /// Of a run as it was a moment ago.
    pub fn new(engine: Engine, run: Run) -> Self {
        Self { engine, known: Mutex::new(Known { run, change: 0, open: Vec::new() }) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) -> Result<Standing> {
        let id = self.known().run.request.id.clone();
        let run = self.engine.store().db().run_of_any(&id).await?;
        let mut known = self.known();
        if known.run.status != run.status {
            known.open.clear();
            known.change += 1;
            known.run = run;
        }
        Ok(standing(&known.run))
    }

    async fn page(&self, attempt: u32, from: u64, most: Bounds) -> Result<LogPart> {
        let (run, change, open) = {
            let mut known = self.known();
            let at = known.open.iter().position(|(of, _)| *of == attempt);
            let open = at.map(|at| known.open.remove(at).1);
            (open.is_none().then(|| known.run.clone()), known.change, open)
        };
        let source = match &run {
            Some(run) => Some(self.engine.log_of(run, attempt).await?),
            None => None,
        };
        // Files are read off the async threads.
        let read = tokio::task::spawn_blocking(move || {
            let cursor = match source {
                Some(source) => Cursor::open(source)?,
                None => open,
            };
            read(cursor, from, most)
        });
        let (part, cursor) = read.await.map_err(|_| rigi_store::Error::Closed)??;
        let mut known = self.known();
        if let Some(cursor) = cursor.filter(|_| known.change == change) {
            known.open.truncate(OPEN - 1);
            known.open.insert(0, (attempt, cursor));
        }
        Ok(part)
    }
}

fn read(cursor: Option<Cursor>, from: u64, most: Bounds) -> Result<(LogPart, Option<Cursor>)> {
    match cursor {
        Some(mut cursor) => Ok((cursor.read(from, most)?, Some(cursor))),
        // Nothing is there yet.
        None => Ok((LogPart { lines: Vec::new(), end: Some(1) }, None)),
    }
}

/// Where a run stands.
pub fn standing(run: &Run) -> Standing {
    Standing { attempt: run.status.attempt, state: run.status.state }
}

impl Origin for LogOrigin {
    fn standing(&self) -> BoxFuture<'_, Result<Standing>> {
        self.look().boxed()
    }

    fn read(&self, attempt: u32, from: u64, most: Bounds) -> BoxFuture<'_, Result<LogPart>> {
        self.page(attempt, from, most).boxed()
    }
}
