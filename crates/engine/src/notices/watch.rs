//! The task that looks at what happens beside the ends of runs, on the server that leads: rows that were written, and runs that wait.

use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind, meet_trouble};
use rigi_model::{ProjectName, RunState, Timestamp};
use rigi_store::notices::{Happened, Occurrence, Words};
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::{Commit, Result};
use tokio::sync::broadcast::{self, error::RecvError};

use super::happened::{Tale, incident, keep, named};
use super::known::may_wait;
use crate::Engine;
use crate::clock::sleep;
use crate::projects::Projects;

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// While runs wait in a project that wants to know, they are looked at this often at most.
const LOOK: Duration = Duration::from_secs(15);
/// Waiting runs of a project that are looked at.
const OLDEST: u32 = 200;

/// Starts it, on a server that leads.
pub fn start(engine: Engine, projects: Projects) {
    if !engine.leads() {
        return;
    }
    let commits = engine.store().commits();
    tokio::spawn(Watch { engine, projects }.run(commits));
}

struct Watch {
    engine: Engine,
    projects: Projects,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Something was written.
    Something,
    /// The rules are others.
    Rules,
    /// The server ends.
    Over,
}

impl Watch {
    async fn run(self, mut commits: broadcast::Receiver<Commit>) {
        let mut heard = Heard::Rules;
        loop {
            let next = match self.look(heard).await {
                Ok(next) => next,
                Err(rigi_store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "what happened cannot be looked at; this is tried again");
                    Some(AGAIN)
                }
            };
            heard = tokio::select! {
                heard = hear(&mut commits, !self.engine.rules().waiting().is_empty()) => heard,
                () = sleep(next) => Heard::Something,
            };
            if heard == Heard::Over {
                return;
            }
        }
    }

    async fn look(&self, heard: Heard) -> Result<Option<Duration>> {
        if heard == Heard::Rules {
            self.engine.rules().read(self.engine.store()).await?;
        }
        loop {
            let all = self.engine.store().db().occurrences().await?;
            for one in &all {
                self.occurred(one).await?;
            }
            if all.len() < 1000 {
                break;
            }
        }
        self.waiting().await
    }

    async fn occurred(&self, one: &Occurrence) -> Result<()> {
        let (now, project) = (Timestamp::now(), &one.project);
        let rules = self.engine.rules().of(project);
        let mut words = Words::default();
        let facts = Facts { project: named(&self.projects, project), ..one.facts.clone() };
        // A due time that is missed again and again is one trouble, until the pipeline succeeds.
        let dedupe = match (one.kind, &one.pipeline) {
            (NoticeKind::Missed, Some(pipeline)) => {
                let open = self.engine.store().db().open_incidents(project, pipeline).await?;
                let before = open.iter().find(|incident| incident.kind == one.kind);
                let told = meet_trouble(before.map(incident), one.kind, now);
                let id = keep((before, &told), (project, one.kind, pipeline), None, now, &mut words);
                told.kind.and(id).map(|id| format!("{id} {}", one.kind))
            }
            // What is new beside what is known already is told, and is the same trouble.
            (NoticeKind::Vulnerable, Some(pipeline)) => {
                let open = self.engine.store().db().open_incidents(project, pipeline).await?;
                let before = open.iter().find(|incident| incident.kind == one.kind);
                let told = meet_trouble(before.map(incident), one.kind, now);
                let id = keep((before, &told), (project, one.kind, pipeline), None, now, &mut words);
                id.map(|id| format!("{id} {} {}", one.kind, one.id))
            }
            (NoticeKind::Recovered, Some(pipeline)) => {
                let open = self.engine.store().db().open_incidents(project, pipeline).await?;
                let over = open.into_iter().find(|incident| incident.kind == NoticeKind::Vulnerable);
                over.map(|over| {
                    let dedupe = format!("{} {}", over.id, one.kind);
                    words.incidents.push(rigi_store::notices::IncidentRow { closed_at: Some(now), ..over });
                    dedupe
                })
            }
            _ => {
                let run = one.facts.run.as_ref().map(|run| format!("{run} {}", one.kind));
                Some(run.unwrap_or_else(|| one.id.to_string()))
            }
        };
        if let Some(dedupe) = dedupe {
            Tale { kind: one.kind, facts, dedupe, project }.tell(&rules, now, &mut words);
        }
        self.engine.store().tell_of(&Happened::Occurrence(Box::new(one.clone())), words, now).await
    }

    /// Looks at the runs that wait where somebody wants to know; when to look again.
    async fn waiting(&self) -> Result<Option<Duration>> {
        let mut next: Option<Duration> = None;
        for (project, least) in self.engine.rules().waiting() {
            if let Some(wait) = self.waiting_in(&project, least).await? {
                next = Some(next.map_or(wait, |next| next.min(wait)));
            }
        }
        Ok(next.map(|next| next.max(LOOK)))
    }

    async fn waiting_in(&self, project: &ProjectName, least: Duration) -> Result<Option<Duration>> {
        let (now, db) = (Timestamp::now(), self.engine.store().db());
        let filter = RunFilter { states: vec![RunState::Queued], limit: OLDEST, ..RunFilter::default() };
        let waiting = db.list_runs(project, &filter).await?.runs;
        // The newest first: the last is the oldest of those.
        let Some(oldest) = waiting.last() else { return Ok(None) };
        let waited = now.since(oldest.created_at);
        if waited < least {
            return Ok(Some(least - waited));
        }
        let rules = self.engine.rules().of(project);
        for run in waiting.iter().rev() {
            let waited = now.since(run.created_at);
            let longer = |rule: &&rigi_store::notices::NamedRule| waited >= may_wait(rule);
            let meant: Vec<_> = rules.iter().filter(longer).cloned().collect();
            if meant.is_empty() {
                break;
            }
            let open = db.open_incidents(project, run.pipeline.as_str()).await?;
            if open.iter().any(|incident| incident.kind == NoticeKind::Waiting) {
                continue;
            }
            let mut words = Words::default();
            let told = meet_trouble(None, NoticeKind::Waiting, now);
            let of = (project, NoticeKind::Waiting, run.pipeline.as_str());
            let id = keep((None, &told), of, Some(&run.id), now, &mut words);
            let facts = Facts {
                project: named(&self.projects, project),
                pipeline: Some(run.pipeline.to_string()),
                run: Some(run.id.to_string()),
                message: run.status.message.clone(),
                duration_ms: Some(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)),
                ..Facts::default()
            };
            if let Some(id) = id {
                let kind = NoticeKind::Waiting;
                Tale { kind, facts, dedupe: format!("{id} {kind}"), project }.tell(&meant, now, &mut words);
            }
            self.engine.store().tell_of(&Happened::Seen(project.clone()), words, now).await?;
        }
        Ok(Some(LOOK))
    }
}

/// Until something was written that is to be looked at. Where runs may not wait for ever, runs are as well.
async fn hear(commits: &mut broadcast::Receiver<Commit>, runs: bool) -> Heard {
    loop {
        let commit = match commits.recv().await {
            Ok(commit) => commit,
            Err(RecvError::Lagged(_)) => return Heard::Rules,
            Err(RecvError::Closed) => return Heard::Over,
        };
        let mut heard = None;
        for change in commit.others.iter().filter(|change| change.subject == Subject::Notice) {
            match change.kind.as_str() {
                SubjectEvent::CHANGED => return Heard::Rules,
                SubjectEvent::FIRED => heard = Some(Heard::Something),
                _ => {}
            }
        }
        if runs && !commit.runs.is_empty() {
            // Runs that come and go in quick succession are looked at together.
            tokio::time::sleep(Duration::from_millis(200)).await;
            heard = heard.or(Some(Heard::Something));
        }
        if let Some(heard) = heard {
            return heard;
        }
    }
}
