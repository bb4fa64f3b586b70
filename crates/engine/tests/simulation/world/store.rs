//! What is durable: rows of runs, files by content, and who holds the lock that allows to write.
//!
//! It does what the tables of `rigi-store` do: the newest status of a run wins within a commit, and an ended run is never
//! changed again. Only the session that holds the lock writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rigi_model::pipeline::concurrency::RunKey;
use rigi_model::run::RunStatus;
use rigi_model::{AttemptKey, ContentHash, PipelineName, ProjectName, RunId, Timestamp};
use rigi_store::retention::{Ended, Keep, beyond};
use rigi_store::{NewRun, OpenRun, RunChange};

use super::history::History;

/// A session of a server with the database.
pub type Session = u32;

/// A stored run.
#[derive(Debug, Clone)]
pub struct Row {
    pub request: Arc<NewRun>,
    pub status: RunStatus,
    /// Content of its files.
    pub content: BTreeSet<ContentHash>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Store {
    pub runs: BTreeMap<RunId, Row>,
    /// Submissions that must not be taken twice, with what became of them.
    pub keys: BTreeMap<u32, Vec<RunId>>,
    /// Who may write.
    pub holder: Option<Session>,
    sessions: Session,
    /// Grows with every event.
    pub last_event: u64,
    /// Which session wrote the newest event.
    pub last_writer: Session,
    /// Nothing can be written.
    pub full: bool,
    /// Content, and when it was last put.
    pub files: BTreeMap<ContentHash, i64>,
}

/// One commit.
#[derive(Debug, Default, Clone)]
pub struct Work {
    pub runs: Vec<(u32, Vec<Arc<NewRun>>)>,
    pub changes: Vec<RunChange>,
}

impl Work {
    pub fn events(&self) -> u64 {
        let accepted = self.runs.iter().map(|(_, runs)| runs.len()).sum::<usize>();
        (accepted + self.changes.iter().map(|c| c.events.len()).sum::<usize>()) as u64
    }
}

impl Store {
    /// Whether an attempt has a place and no stored end.
    pub fn is_open(&self, key: &AttemptKey) -> bool {
        let status = self.runs.get(&key.run).map(|row| &row.status);
        status.is_some_and(|status| status.attempt == key.number && status.state.is_active())
    }

    /// Takes the lock, if nobody has it.
    pub fn lock(&mut self) -> Option<Session> {
        if self.holder.is_some() {
            return None;
        }
        self.sessions += 1;
        self.holder = Some(self.sessions);
        self.holder
    }

    /// The session is over; its lock is free.
    pub fn unlock(&mut self, session: Session) {
        if self.holder == Some(session) {
            self.holder = None;
        }
    }

    /// Writes all of it; every change is shown to the history first.
    pub fn commit(&mut self, by: Session, work: &Work, history: &mut History) -> Result<(), String> {
        if work.events() > 0 {
            self.last_event += work.events();
            self.last_writer = by;
        }
        for (key, runs) in &work.runs {
            if self.keys.contains_key(key) {
                continue;
            }
            self.keys.insert(*key, runs.iter().map(|run| run.id.clone()).collect());
            for run in runs {
                let status = RunStatus::accepted(run.created_at);
                let row = Row { request: run.clone(), status, content: BTreeSet::new() };
                if self.runs.insert(run.id.clone(), row).is_some() {
                    return Err(format!("{} is stored twice", run.id));
                }
            }
        }
        for change in &work.changes {
            let Some(row) = self.runs.get_mut(&change.run) else {
                return Err(format!("{} is changed, and is not stored", change.run));
            };
            history.change(row, change)?;
            if !row.status.state.is_terminal() {
                row.status = change.status.clone();
            }
            for file in &change.artifacts {
                if !self.files.contains_key(&file.sha256) {
                    return Err(format!("a file of {} was collected before it was stored", change.run));
                }
                row.content.insert(file.sha256);
            }
        }
        Ok(())
    }

    /// What an engine starts from.
    pub fn open_runs(&self) -> Vec<OpenRun> {
        let open = self.runs.values().filter(|row| !row.status.state.is_terminal());
        let run = |row: &Row| OpenRun {
            id: row.request.id.clone(),
            project: row.request.project.clone(),
            pipeline: row.request.pipeline.clone(),
            part: row.request.part(),
            parent: None,
            priority: row.request.priority,
            target: row.request.target.clone(),
            trigger: row.request.trigger.clone(),
            key: row.request.env.get(RunKey::VARIABLE).and_then(|text| RunKey::parse(text)),
            status: row.status.clone(),
        };
        open.map(run).collect()
    }

    /// Removes ended runs that are not kept, by the rule of the real store.
    pub fn forget(&mut self, keep: &Keep, now: Timestamp) -> Vec<RunId> {
        let mut pipelines: BTreeMap<(ProjectName, PipelineName), Vec<Ended>> = BTreeMap::new();
        for (id, row) in self.runs.iter().rev() {
            if let Some(at) = row.status.ended_at {
                let ended = Ended { id: id.clone(), at, bytes: row.status.stored_bytes };
                pipelines
                    .entry((row.request.project.clone(), row.request.pipeline.clone()))
                    .or_default()
                    .push(ended);
            }
        }
        let gone: Vec<RunId> = pipelines.into_values().flat_map(|rows| beyond(keep, now, rows)).collect();
        for run in &gone {
            self.runs.remove(run);
        }
        gone
    }

    /// Content that some run refers to.
    pub fn referenced(&self) -> BTreeSet<ContentHash> {
        self.runs.values().flat_map(|row| row.content.iter().copied()).collect()
    }
}
