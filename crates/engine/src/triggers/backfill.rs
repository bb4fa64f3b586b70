//! Backfills: one task of the server that leads starts the runs of their due times, as many at a time as each says. It waits for word of one,
//! or of a run of one that has ended.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::pipeline::spec::Schedule;
use rigi_model::triggers::{BackfillState, TimeState};
use rigi_model::{Actor, BackfillId, RunId, Timestamp, Trigger, TriggerKind};
use rigi_store::triggers::{Backfill, BackfillTime, backfill_key};
use rigi_store::{Commit, IdempotencyKey, Result};
use tokio::sync::broadcast::{self, error::RecvError};

use super::known::{self, Scheduled};
use crate::Engine;
use crate::clock::sleep;
use crate::projects::{Project, Projects};
use crate::submit::{Submission, SubmitError, may_pass};

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// Due times whose runs are started before it is looked at how the backfill stands.
const TOGETHER: u32 = 64;

/// Starts it, on a server that leads.
pub(super) fn start(engine: Engine, projects: Projects) {
    let commits = engine.store().commits();
    tokio::spawn(Backfiller { engine, projects, active: HashMap::new() }.run(commits));
}

struct Backfiller {
    engine: Engine,
    projects: Projects,
    /// Runs that have not ended, and whose they are.
    active: HashMap<BackfillId, HashSet<RunId>>,
}

/// What came of looking at a backfill.
enum Looked {
    /// Its runs are at work.
    Waits,
    /// Something is to be tried again.
    Later,
}

impl Backfiller {
    async fn run(mut self, mut commits: broadcast::Receiver<Commit>) {
        loop {
            let wait = match self.look().await {
                Ok(wait) => wait,
                Err(rigi_store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "backfills cannot be looked at; this is tried again");
                    Some(AGAIN)
                }
            };
            tokio::select! {
                over = self.hear(&mut commits) => if over { return },
                () = sleep(wait) => {}
            }
        }
    }

    /// Until there is word of a backfill, or of one of its runs; `true`: the server ends.
    async fn hear(&self, commits: &mut broadcast::Receiver<Commit>) -> bool {
        loop {
            match commits.recv().await {
                Ok(commit) => {
                    let own = commit.others.iter().any(|change| {
                        change.subject == Subject::Backfill && change.kind != SubjectEvent::FIRED
                    });
                    let active = |run: &RunId| self.active.values().any(|runs| runs.contains(run));
                    if own || (!self.active.is_empty() && commit.runs.iter().any(active)) {
                        return false;
                    }
                }
                Err(RecvError::Lagged(_)) => return false,
                Err(RecvError::Closed) => return true,
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Duration>> {
        let running = self.engine.store().db().running_backfills().await?;
        self.active.retain(|id, _| running.iter().any(|one| one.id == *id));
        let mut wait = None;
        for one in running {
            if let Looked::Later = self.go_on(&one).await? {
                wait = Some(AGAIN);
            }
        }
        Ok(wait)
    }

    async fn go_on(&mut self, one: &Backfill) -> Result<Looked> {
        let db = self.engine.store().db().clone();
        let open: HashSet<RunId> = db.open_backfill_runs(&one.id).await?.into_iter().collect();
        let room = one.spec.parallel.saturating_sub(u32::try_from(open.len()).unwrap_or(u32::MAX));
        self.active.insert(one.id.clone(), open);
        let waiting = db.waiting_times(&one.id, room.min(TOGETHER)).await?;
        let idle = self.active.get(&one.id).is_none_or(HashSet::is_empty);
        if waiting.is_empty() {
            if room > 0 && idle {
                self.engine
                    .store()
                    .set_backfill(one, BackfillState::Done, &[], None, Timestamp::now())
                    .await?;
            }
            return Ok(Looked::Waits);
        }
        let found = match self.projects.of(&one.schedule.project) {
            Some(project) => self.scheduled(&project, one).await?.map(|scheduled| (project, scheduled)),
            None => None,
        };
        let Some((project, scheduled)) = found else {
            let gone = "its schedule is not there any more".to_owned();
            let refused: Vec<BackfillTime> = waiting
                .into_iter()
                .map(|time| BackfillTime { state: TimeState::Refused, reason: Some(gone.clone()), ..time })
                .collect();
            self.engine.store().note_backfill_times(one, &refused, Timestamp::now()).await?;
            return Box::pin(self.go_on(one)).await;
        };
        let full = waiting.len() as u32 == room.min(TOGETHER);
        let mut came = Vec::with_capacity(waiting.len());
        let mut later = false;
        for time in waiting {
            match self.start_one(&project, &scheduled, one, time).await? {
                Some(time) => came.push(time),
                None => {
                    later = true;
                    break;
                }
            }
        }
        let runs = came.iter().filter_map(|time| time.run.clone());
        self.active.entry(one.id.clone()).or_default().extend(runs);
        self.engine.store().note_backfill_times(one, &came, Timestamp::now()).await?;
        if later {
            return Ok(Looked::Later);
        }
        // Some were refused, or there is room for more, or one has ended meanwhile.
        if full || came.iter().any(|time| time.run.is_none()) {
            return match self.stands(one).await? {
                true => Box::pin(self.go_on(one)).await,
                false => Ok(Looked::Waits),
            };
        }
        Ok(Looked::Waits)
    }

    /// Whether it still starts runs, and has room for one.
    async fn stands(&self, one: &Backfill) -> Result<bool> {
        let now = self.engine.store().db().backfill(&one.id).await?;
        let open = self.engine.store().db().open_backfill_runs(&one.id).await?.len();
        Ok(now.is_some_and(|now| now.state == BackfillState::Running) && open < one.spec.parallel as usize)
    }

    async fn scheduled(&self, project: &Project, one: &Backfill) -> Result<Option<Scheduled>> {
        let all = known::of_project(self.engine.store(), project).await?;
        Ok(all.into_iter().find(|known| known.key == one.schedule))
    }

    /// `None`: it is to be tried again.
    async fn start_one(
        &self,
        project: &Project,
        scheduled: &Scheduled,
        one: &Backfill,
        time: BackfillTime,
    ) -> Result<Option<BackfillTime>> {
        let submission = submission(scheduled, one, &time);
        let key = IdempotencyKey { key: backfill_key(&one.id, &time), request: "backfill".to_owned() };
        match self.engine.submit(&project.catalog, vec![submission], Some(key)).await {
            Ok(submitted) => {
                let run = submitted.ids.into_iter().next();
                Ok(Some(BackfillTime { state: TimeState::Run, run, ..time }))
            }
            Err(SubmitError::Store(rigi_store::Error::Closed)) => Err(rigi_store::Error::Closed),
            Err(error) if may_pass(&error) => {
                tracing::warn!(backfill = %one.id, %error, "a run is not started yet; this is tried again");
                Ok(None)
            }
            Err(error) => {
                let reason = Some(error.to_string());
                Ok(Some(BackfillTime { state: TimeState::Refused, reason, ..time }))
            }
        }
    }
}

fn submission(scheduled: &Scheduled, one: &Backfill, time: &BackfillTime) -> Submission {
    let Schedule { parameters, labels, target, .. } = &scheduled.schedule;
    let previous = scheduled.rhythm.as_ref().and_then(|rhythm| rhythm.last_before(time.due));
    let trigger = Trigger { kind: TriggerKind::Schedule, by: Actor::named(format!("backfill {}", one.id)) };
    let mut submission = Submission {
        entry: Some(one.schedule.id.clone()),
        due: Some((time.due, previous)),
        ..Submission::of(one.schedule.pipeline.clone(), trigger)
    };
    // Those of the spec are taken with its entry.
    if scheduled.made {
        submission.parameters = parameters.clone().into_iter().collect();
        submission.labels.clone_from(labels);
        submission.target.clone_from(target);
    }
    submission.parameters.extend(one.spec.parameters.clone());
    submission
}
