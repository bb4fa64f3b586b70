//! What other servers of the same PostgreSQL commit: they announce it, and it is read from the database.
//!
//! Servers that have heard of another announce their commits; one that is alone announces nothing, and pays for nothing.
//! Ids of events have no gaps: an announcement that was lost is seen by the next one, or when the connection is made anew.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{Actor, ProjectName, RunId, RunState};
use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc, watch};

use crate::db::{Db, on_db};
use crate::postgres::Server;
use crate::seat::Lead;
use crate::tables::events::SubjectChange;
use crate::words::{Reached, Words};
use crate::{Commit, Result};

/// Between two tries to listen, while the database does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// What others have committed, as far as it is an engine's to act on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Runs that they have accepted.
    pub accepted: Vec<RunId>,
    /// Runs that are to stop, and who wants that.
    pub cancels: Vec<(RunId, Actor)>,
}

/// A row of an event: subject, id, project, kind, message.
type Row = (String, String, String, String, Option<String>);

/// Listens, and tells what others commit to those who follow commits, and to the engine.
pub(crate) struct Hearing {
    pub db: Db,
    pub server: Server,
    pub commits: broadcast::Sender<Commit>,
    pub heard: mpsc::UnboundedSender<Heard>,
    pub seat: OwnSeat,
}

/// What this server is among them.
pub(crate) enum OwnSeat {
    /// It leads, and says where it is reached. Told when another one does.
    Leads { reached: Reached, taken: watch::Sender<bool> },
    /// It follows, and tells what it hears of the one that leads.
    Follows(watch::Sender<Lead>),
}

impl Hearing {
    /// Begins to listen. Everything that others commit from now on is told; what this server commits until it listens is told
    /// once more.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn begin(self) -> Result<()> {
        let seen = self.db.last_event().await?;
        tokio::spawn(self.go_on(seen));
        Ok(())
    }

    /// Listens from now on, and tells what has happened until then.
    async fn listen(&self, seen: &mut i64) -> Result<PgListener> {
        let listener = self.server.listen().await?;
        self.server.tell(&Words::Came.of(self.server.name())).await?;
        self.answer().await?;
        let newest = self.db.last_event().await?;
        if newest > *seen {
            self.tell(*seen + 1, newest).await?;
        }
        *seen = newest;
        Ok(listener)
    }

    /// Until nobody wants to hear any more.
    async fn go_on(self, mut seen: i64) {
        let mut listener = loop {
            match self.listen(&mut seen).await {
                Ok(listener) => break listener,
                Err(error) => tracing::warn!(%error, "other servers cannot be heard; this is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.heard.closed() => return,
            }
        };
        loop {
            let told = tokio::select! {
                told = listener.try_recv() => told,
                () = self.heard.closed() => return,
            };
            let result = match told {
                Ok(Some(notice)) => self.hear(notice.payload(), &mut seen).await,
                // The connection was lost, and stands again: others may have spoken meanwhile.
                Ok(None) => self.catch_up(&mut seen).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = result {
                tracing::warn!(%error, "other servers cannot be heard; this is tried again");
                tokio::time::sleep(RETRY).await;
                if self.catch_up(&mut seen).await.is_err() {
                    continue;
                }
            }
        }
    }

    async fn hear(&self, text: &str, seen: &mut i64) -> Result<()> {
        let Some((name, words)) = Words::read(text) else { return Ok(()) };
        let own = name == self.server.name();
        match words {
            Words::Came | Words::Here | Words::Asks | Words::Leads(_) | Words::Went if own => {}
            Words::Asks => self.answer().await?,
            Words::Leads(reached) => match &self.seat {
                OwnSeat::Leads { .. } => self.answer().await?,
                OwnSeat::Follows(lead) => _ = lead.send_replace(Lead::Heard(reached)),
            },
            Words::Went => {
                if let OwnSeat::Follows(lead) = &self.seat {
                    lead.send_replace(Lead::Ended);
                }
            }
            Words::Came | Words::Here => {
                self.server.announce();
                if words == Words::Came {
                    self.answer().await?;
                    self.server.tell(&Words::Here.of(self.server.name())).await?;
                }
                // What it commits, it announces: what was before is this server's own.
                *seen = (*seen).max(self.db.last_event().await?);
            }
            Words::Events { first, last } => {
                // Its own were told by the writer; what lies between them and the last that was heard of, was not heard of.
                let from = first.min(*seen + 1);
                let until = if own { first - 1 } else { last };
                if from <= until {
                    self.tell(from, until).await?;
                }
                *seen = (*seen).max(last);
            }
        }
        Ok(())
    }

    /// Says that it leads, if it does. A server that was stopped for a while may not know that another one does.
    async fn answer(&self) -> Result<()> {
        let OwnSeat::Leads { reached, taken } = &self.seat else { return Ok(()) };
        match self.server.holds().await? {
            Some(true) => self.server.tell(&Words::Leads(reached.clone()).of(self.server.name())).await,
            Some(false) => {
                taken.send_replace(true);
                Ok(())
            }
            // The connection is being made anew.
            None => Ok(()),
        }
    }

    /// After words that may be lost: everything since the last ones.
    async fn catch_up(&self, seen: &mut i64) -> Result<()> {
        self.server.tell(&Words::Here.of(self.server.name())).await?;
        let newest = self.db.last_event().await?;
        if newest > *seen && self.server.announces() {
            self.tell(*seen + 1, newest).await?;
        }
        *seen = (*seen).max(newest);
        Ok(())
    }

    /// Reads these events, and tells them.
    async fn tell(&self, first: i64, last: i64) -> Result<()> {
        let rows = self.db.events_between(first, last).await?;
        let (heard, commit) = sorted(rows, last);
        if heard != Heard::default() {
            let _ = self.heard.send(heard);
        }
        let _ = self.commits.send(commit);
        Ok(())
    }
}

/// What an engine is to know of these events, and what everybody is told.
fn sorted(rows: Vec<Row>, last_event: i64) -> (Heard, Commit) {
    let (mut heard, mut runs, mut others) = (Heard::default(), HashSet::new(), Vec::new());
    for (subject, id, project, kind, message) in rows {
        match Subject::parse(&subject) {
            Some(Subject::Run) => {
                let Ok(run) = id.parse::<RunId>() else { continue };
                if kind == RunState::Queued.as_str() {
                    heard.accepted.push(run.clone());
                } else if kind == SubjectEvent::CANCEL_ASKED {
                    let by = message.map_or_else(Actor::you, Actor::named);
                    heard.cancels.push((run.clone(), by));
                }
                runs.insert(run);
            }
            Some(subject) => {
                others.push(SubjectChange { project: ProjectName::unchecked(project), subject, id, kind });
            }
            None => {}
        }
    }
    let mut runs = Vec::from_iter(runs);
    runs.sort_unstable();
    (heard, Commit { last_event, runs: runs.into(), others: Arc::from(others) })
}

impl Db {
    async fn events_between(&self, first: i64, last: i64) -> Result<Vec<Row>> {
        let sql = "SELECT subject, subject_id, project, kind, message FROM events WHERE id >= $1 AND id <= $2 ORDER BY id";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(first).bind(last).fetch_all(pool).await?))
    }

    /// Runs that servers without an engine were asked to stop, while no engine was there to hear of it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn asked_to_stop(&self) -> Result<Vec<(RunId, Actor)>> {
        let sql = "SELECT e.subject_id, e.message FROM events e JOIN runs r ON r.id = e.subject_id \
                   WHERE e.kind = 'cancel-asked' AND r.ended_at IS NULL AND r.cancel_requested_at IS NULL";
        let rows: Vec<(String, Option<String>)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let asked = |(run, by): (String, Option<String>)| {
            Some((run.parse().ok()?, by.map_or_else(Actor::you, Actor::named)))
        };
        Ok(rows.into_iter().filter_map(asked).collect())
    }
}
