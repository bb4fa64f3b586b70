//! What is done about due times: runs are started, and what became of each is written down.

use std::time::Duration;

use rigi_model::triggers::{CatchUp, Due, FireOutcome, LATE, Overlap, look};
use rigi_model::{Actor, RunId, RunState, Timestamp, Trigger, TriggerKind};
use rigi_store::IdempotencyKey;
use rigi_store::people::Deed;
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::triggers::{Fire, FiredRun, Pause, fire_key};

use super::known::{Scheduled, rhythm_text};
use crate::Engine;
use crate::catalog::Catalog;
use crate::submit::{Submission, SubmitError, may_pass};

/// What could not be tried is tried again after this time.
const AGAIN: Duration = Duration::from_secs(30);
/// Runs of a schedule that are looked at for those that have not ended.
const RECENT: u32 = 50;

/// What came of looking at one schedule.
pub(super) enum Looked {
    /// All is settled up to this time; look again then.
    Settled(Timestamp, Option<Timestamp>),
    /// One waits for this run to end; what was due up to this time is settled.
    WaitsFor(RunId, Timestamp),
    /// It is paused.
    Paused,
}

/// A moment of its own for each due time within the jitter: always the same one.
fn delay_of(one: &Scheduled, due: Timestamp) -> Duration {
    let jitter = one.schedule.jitter.unwrap_or_default().as_micros() as u64;
    if jitter == 0 {
        return Duration::ZERO;
    }
    let text = format!("{} {} {}", one.key.project, one.key, due.0);
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    Duration::from_micros(hash % jitter)
}

/// When a due time is to be looked at.
pub(super) fn wake_at(one: &Scheduled, due: Timestamp) -> Timestamp {
    due.after(delay_of(one, due))
}

impl Engine {
    /// Does what has become due of a schedule since `since`.
    pub(super) async fn fire(
        &self,
        catalog: &Catalog,
        one: &Scheduled,
        since: Timestamp,
        now: Timestamp,
    ) -> rigi_store::Result<Looked> {
        let Some(rhythm) = &one.rhythm else { return Ok(Looked::Settled(now, None)) };
        let found = look(rhythm, one.rules(), since, now);
        let mut fires = Vec::new();
        let mut settled = since;
        let starts = found.due.iter().filter(|(_, due)| *due == Due::Start).count();
        let mut seen = 0;
        let mut looked = None;
        for (due, fate) in found.due {
            if wake_at(one, due) > now {
                looked = Some(Looked::Settled(settled, Some(wake_at(one, due))));
                break;
            }
            let (outcome, reason) = match fate {
                Due::Skipped(why) => (FireOutcome::Skipped, why),
                Due::Missed(why) => (FireOutcome::Missed, why),
                Due::Start => {
                    seen += 1;
                    let last = if seen == starts { Turn::Last } else { Turn::Before };
                    match self.start_due(catalog, one, due, now, last).await? {
                        Started::Run(run) => {
                            fires.push(fire_of(one, due, FireOutcome::Run, None, Some(run), now));
                            // One by one: the next of them meets it.
                            self.store.note_fires(&std::mem::take(&mut fires)).await?;
                            settled = due;
                            continue;
                        }
                        Started::Not(outcome, why) => (outcome, why),
                        Started::Waits(run) => {
                            looked = Some(Looked::WaitsFor(run, settled));
                            break;
                        }
                        Started::Later => {
                            looked = Some(Looked::Settled(settled, Some(now.after(AGAIN))));
                            break;
                        }
                        Started::Paused => {
                            looked = Some(Looked::Paused);
                            break;
                        }
                    }
                }
            };
            fires.push(fire_of(one, due, outcome, Some(reason), None, now));
            settled = due;
        }
        if !fires.is_empty() {
            self.store.note_fires(&fires).await?;
        }
        let next = found.next.map(|due| wake_at(one, due));
        Ok(looked.unwrap_or(Looked::Settled(settled.max(since), next)))
    }

    async fn start_due(
        &self,
        catalog: &Catalog,
        one: &Scheduled,
        due: Timestamp,
        now: Timestamp,
        turn: Turn,
    ) -> rigi_store::Result<Started> {
        if one.restarts {
            return self.restart_due(catalog, one, due).await;
        }
        let recent = self
            .store
            .db()
            .runs_of_schedule(&one.key, RECENT.max(one.schedule.stop_after.unwrap_or(0)))
            .await?;
        if let Some(most) = one.schedule.stop_after
            && self.stop_if_failing(one, most as usize, &recent, now).await?
        {
            return Ok(Started::Paused);
        }
        let open = recent.into_iter().filter(|fired| !fired.state.is_terminal());
        let open: Vec<RunId> = open.map(|fired| fired.run).collect();
        if let Some(run) = open.first().cloned() {
            match one.overlap() {
                Overlap::Allow => {}
                Overlap::Skip => {
                    return Ok(Started::Not(
                        FireOutcome::Skipped,
                        format!("the run {run} before it had not ended"),
                    ));
                }
                // What is made up for is done one after the other; else only the last waits.
                Overlap::Queue if turn == Turn::Last || Self::makes_all_up(one, due, now) => {
                    return Ok(Started::Waits(run));
                }
                Overlap::Queue => {
                    let why =
                        format!("the run {run} before it had not ended, and a later one waits for that");
                    return Ok(Started::Not(FireOutcome::Skipped, why));
                }
                Overlap::Replace => {
                    self.cancel_many(&one.key.project, open, &actor(one)).await;
                }
            }
        }
        self.submit_due(catalog, one, due).await
    }

    /// Stops what runs of a pipeline, and starts the same again. Where nothing runs, nothing is started.
    async fn restart_due(
        &self,
        catalog: &Catalog,
        one: &Scheduled,
        due: Timestamp,
    ) -> rigi_store::Result<Started> {
        let filter = RunFilter {
            pipeline: Some(one.key.pipeline.clone()),
            states: vec![RunState::Starting, RunState::Running, RunState::Retrying],
            limit: RECENT,
            ..RunFilter::default()
        };
        let open = self.store.db().list_runs(&one.key.project, &filter).await?.runs;
        let Some(newest) = open.first().map(|run| run.id.clone()) else {
            return Ok(Started::Not(FireOutcome::Skipped, "no run of it was at work".to_owned()));
        };
        let run = self.store.db().run(&one.key.project, &newest).await?;
        self.cancel_many(&one.key.project, open.into_iter().map(|run| run.id).collect(), &actor(one)).await;
        let trigger = Trigger { kind: TriggerKind::Restart, by: actor(one) };
        let submission = Submission { due: Some((due, None)), ..Submission::again(&run.request, trigger) };
        self.submit_one(catalog, one, submission, due).await
    }

    fn makes_all_up(one: &Scheduled, due: Timestamp, now: Timestamp) -> bool {
        matches!(one.rules().catch_up, CatchUp::All(_)) && now.since(due) > LATE
    }

    async fn submit_due(
        &self,
        catalog: &Catalog,
        one: &Scheduled,
        due: Timestamp,
    ) -> rigi_store::Result<Started> {
        let previous = one.rhythm.as_ref().and_then(|rhythm| rhythm.last_before(due));
        let trigger = Trigger { kind: TriggerKind::Schedule, by: actor(one) };
        let mut submission = Submission {
            entry: Some(one.key.id.clone()),
            due: Some((due, previous)),
            ..Submission::of(one.key.pipeline.clone(), trigger)
        };
        // Those of the spec are taken with its entry.
        if one.made {
            submission.parameters = one.schedule.parameters.clone().into_iter().collect();
            submission.labels = one.schedule.labels.clone();
            submission.target = one.schedule.target.clone();
        }
        self.submit_one(catalog, one, submission, due).await
    }

    async fn submit_one(
        &self,
        catalog: &Catalog,
        one: &Scheduled,
        submission: Submission,
        due: Timestamp,
    ) -> rigi_store::Result<Started> {
        let key = IdempotencyKey { key: fire_key(&one.key, due), request: "due".to_owned() };
        match self.submit(catalog, vec![submission], Some(key)).await {
            Ok(submitted) => match submitted.ids.into_iter().next() {
                Some(run) => Ok(Started::Run(run)),
                None => Ok(Started::Later),
            },
            Err(SubmitError::Store(rigi_store::Error::Closed)) => Err(rigi_store::Error::Closed),
            Err(error) if may_pass(&error) => {
                tracing::warn!(schedule = %one.key, %due, %error, "a run that is due is not started yet; this is tried again");
                Ok(Started::Later)
            }
            Err(error) => Ok(Started::Not(FireOutcome::Missed, error.to_string())),
        }
    }

    /// Pauses a schedule whose last runs have all failed.
    async fn stop_if_failing(
        &self,
        one: &Scheduled,
        most: usize,
        recent: &[FiredRun],
        now: Timestamp,
    ) -> rigi_store::Result<bool> {
        let failed = |fired: &FiredRun| matches!(fired.state, RunState::Failed | RunState::TimedOut);
        // What failed before it was let go on does not count again.
        let counts =
            |fired: &&FiredRun| one.resumed_at.is_none_or(|at| fired.due > at) && fired.state.is_terminal();
        let newest: Vec<_> = recent.iter().filter(counts).take(most).collect();
        if most == 0 || newest.len() < most || !newest.into_iter().all(failed) {
            return Ok(false);
        }
        let runs =
            if most == 1 { "the last run failed".to_owned() } else { format!("the last {most} runs failed") };
        let pause = Pause { at: now, by: "rigi".to_owned(), why: Some(format!("{runs} (`stop_after`)")) };
        let deed = Deed::of_server("rigi", now);
        self.store.pause_schedule(&one.key, &rhythm_text(&one.schedule), Some(&pause), &deed).await?;
        Ok(true)
    }
}

/// Whether another of the same schedule is due after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Before,
    Last,
}

/// What came of trying to start a run.
enum Started {
    Run(RunId),
    Not(FireOutcome, String),
    Waits(RunId),
    Later,
    Paused,
}

/// Under its own name its runs are started.
fn actor(one: &Scheduled) -> Actor {
    Actor::named(one.key.id.as_str())
}

fn fire_of(
    one: &Scheduled,
    due: Timestamp,
    outcome: FireOutcome,
    reason: Option<String>,
    run: Option<RunId>,
    at: Timestamp,
) -> Fire {
    Fire { schedule: one.key.clone(), due, outcome, reason, run, at }
}
