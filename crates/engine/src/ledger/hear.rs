//! What follows from each message.

use std::collections::HashMap;
use std::sync::Arc;

use rigi_model::attempt::FailureClass;
use rigi_model::event::{RunEvent, tell_versions};
use rigi_model::run::{EnvironmentUse, Happening, LogFacts};
use rigi_model::triggers::FollowUpKind;
use rigi_model::{Actor, AttemptKey, Exit, Reason, RunId, RunState, Timestamp};
use rigi_store::{NewRun, RunChange};
use rigi_work::plan::{AttemptPlan, Ended, Observation, Observed};
use tokio::sync::oneshot;

use super::entry::Entry;
use super::round::Leaving;
use super::{
    CancelAnswer, CannotPlan, Kept, Ledger, Look, Message, Order, Policies, Pulse, PulseKind, Round,
};

/// Requests that are kept in memory while their runs wait.
const CACHED_REQUESTS: usize = 5000;

impl<P: Policies> Ledger<P> {
    /// Takes a message in.
    pub fn hear(&mut self, message: Message, now: Timestamp, round: &mut Round) {
        let waits =
            matches!(message, Message::Cancel { .. } | Message::CancelMany { .. } | Message::Foreign(_));
        if let Some(later) = self.loading.as_mut().filter(|_| waits) {
            later.push(message);
            return;
        }
        match message {
            Message::Accepted(runs) => self.accepted(&runs, now, round),
            Message::Queued(runs) => self.take_queue(runs),
            Message::QueueLoaded => self.end_loading(now, round),
            Message::Foreign(heard) => self.hear_foreign(heard, now, round),
            Message::Verified { asked, waiting } => self.take_foreign(&asked, &waiting, now, round),
            Message::CancelMany { project, mut runs, by, reply } => {
                let is_its =
                    |run: &RunId| self.runs.get(run).is_some_and(|entry| entry.of.kind.project == project);
                runs.retain(is_its);
                self.cancel_many(&runs, &by, reply, now, round);
            }
            Message::Cancel { run, by, reply } => self.cancel(&run, by, reply, now, round),
            Message::Observed(observed) => self.observed(observed, round),
            Message::Planned { key, plan } => self.planned(&key, *plan, now, round),
            Message::Kept { key, at, kept } => self.kept(&key, at, *kept, round),
            Message::Look { runs, reply } => {
                let _ = reply.send(self.look(runs));
            }
            Message::Waiting { project, limit, reply } => {
                let _ = reply.send(self.board.some_waiting(&project, limit).cloned().collect());
            }
            Message::Count { reply } => {
                let _ = reply.send(self.board.counts());
            }
            Message::CountOf { of, reply } => {
                let _ = reply.send(of.iter().map(|of| self.board.counts_of(of)).collect());
            }
            Message::Limit { of, most } => self.board.limit(of, most),
            Message::Weigh { project, weight } => self.board.weigh(&project, weight),
            Message::Close { reply } => {
                self.board.close();
                self.closing = Some(reply);
            }
        }
    }

    pub(super) fn accepted(&mut self, runs: &[Arc<NewRun>], now: Timestamp, round: &mut Round) {
        for request in runs {
            // Read with the stored queue, in between its commit and this word of it.
            if self.runs.contains_key(&request.id) {
                continue;
            }
            let cache = self.cached_requests < CACHED_REQUESTS;
            self.cached_requests += usize::from(cache);
            let needs = self.policies.needs(&request.project, &request.part());
            let by = self.policies.started_by(&request.trigger);
            let entry = Entry::accepted(request, (by, needs), cache, &mut self.runs_of);
            self.board.wait(&request.id, &entry.of.kind, entry.priority);
            if let Some(key) = &entry.of.kind.key {
                self.keys.enter(&request.project, key, &request.id);
            }
            self.runs.insert(request.id.clone(), entry);
            self.meet_key(&request.id, now, round);
            if let Some(by) = self.to_stop.remove(&request.id) {
                self.cancel_one(&request.id, by, now, round);
            }
        }
    }

    fn cancel(
        &mut self,
        run: &RunId,
        by: Actor,
        reply: oneshot::Sender<CancelAnswer>,
        now: Timestamp,
        round: &mut Round,
    ) {
        let asked = self.cancel_one(run, by, now, round);
        // Its end may be on its way to the disk: it is told when it is there.
        let answer = if asked { CancelAnswer::Accepted } else { CancelAnswer::Ended };
        round.replies.push((reply, answer));
    }

    fn cancel_many(
        &mut self,
        runs: &[RunId],
        by: &Actor,
        reply: oneshot::Sender<u64>,
        now: Timestamp,
        round: &mut Round,
    ) {
        let accepted = runs.iter().filter(|run| self.cancel_one(run, by.clone(), now, round)).count();
        round.counts.push((reply, accepted as u64));
    }

    /// `false`: the run has ended.
    pub(super) fn cancel_one(&mut self, run: &RunId, by: Actor, now: Timestamp, round: &mut Round) -> bool {
        let Some(entry) = self.runs.get(run) else { return false };
        let (key, keeping) = (entry.key(run.clone()), entry.keeping);
        let stop = (entry.launched && !keeping).then(|| (key.clone(), entry.of.kind.target.clone()));
        let grace = self.policies.grace(Some(&entry.of.part));
        self.meet(run, Happening::CancelRequested { by }, now, round);
        if let Some((key, target)) = stop {
            round.orders.push(Order::Stop { target: Some(target), key, grace });
        } else if keeping {
            round.orders.push(Order::StopKeeping(key));
        }
        true
    }

    fn observed(&mut self, observed: Observed, round: &mut Round) {
        let Observed { key, at, what } = observed;
        let current = |entry: &&mut Entry| entry.attempt() == key.number && entry.state().is_active();
        let Some(entry) = self.runs.get_mut(&key.run).filter(current) else {
            // The attempt has no place any more: its end is acknowledged, so that its executor forgets it. The change
            // that took its place away may still be on its way to the disk.
            if matches!(what, Observation::Ended(_)) {
                round.releases.push((None, key));
            }
            return;
        };
        let attempt = key.number;
        match what {
            Observation::Preparing { reason, message } => {
                self.meet(&key.run, Happening::Preparing { attempt, reason, message }, at, round);
            }
            Observation::Prepared { environment, message, took } => {
                let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                let environment = EnvironmentUse { id: environment, label: message, took_us };
                let built = environment.took_us > 0 && self.policies.audits();
                let look = built.then_some((FollowUpKind::Packages, at));
                round.follows |= built;
                let add = |change: &mut RunChange| change.follow_ups.extend(look);
                self.meet_with(&key.run, Happening::Prepared { attempt, environment }, at, round, add);
            }
            Observation::Started { .. } => {
                if entry.state() == RunState::Starting {
                    let secrets = entry.live.as_mut().and_then(|live| live.secrets.take());
                    let given = secrets.map(|told| told_event(&key, RunEvent::SECRETS, at, told));
                    let told = self.policies.tells_lineage().then_some((FollowUpKind::LineageBegin, at));
                    let add = |change: &mut RunChange| {
                        change.events.extend(given);
                        change.follow_ups.extend(told);
                    };
                    self.meet_with(&key.run, Happening::Started { attempt }, at, round, add);
                }
            }
            Observation::Log { lines, .. } => {
                entry.live().log_lines = lines;
                round.pulses.push(Pulse { run: key.run, attempt, what: PulseKind::Log(lines) });
            }
            Observation::Unfinished(lines) => {
                let lines: Arc<[_]> = lines.into();
                entry.live().unfinished = lines.clone();
                round.pulses.push(Pulse { run: key.run, attempt, what: PulseKind::Unfinished(lines) });
            }
            Observation::Sample(sample) => {
                entry.live().add_sample(at, sample);
                self.meet_soft_limits(&key, at, sample, round);
                round.pulses.push(Pulse { run: key.run, attempt, what: PulseKind::Sample(at, sample) });
            }
            Observation::Note(note) => {
                if entry.live().take_note(&note) {
                    round.pulses.push(Pulse { run: key.run, attempt, what: PulseKind::Progress });
                }
            }
            Observation::Ended(ended) => self.ended(key, at, *ended, round),
        }
    }

    fn ended(&mut self, key: AttemptKey, at: Timestamp, ended: Ended, round: &mut Round) {
        let Some(entry) = self.runs.get_mut(&key.run) else { return };
        if entry.keeping {
            return;
        }
        entry.keeping = true;
        let sampled = entry.live.as_ref().is_some_and(|live| !live.samples.is_empty());
        let whole = ended.outputs.is_none() && ended.left.is_empty() && ended.stored.is_empty();
        if whole && ended.log.file.is_none() && ended.log.inline.is_empty() && !sampled {
            self.kept(&key, at, Kept::nothing(ended), round);
            return;
        }
        let samples =
            entry.live.as_ref().map(|live| live.samples.iter().copied().collect()).unwrap_or_default();
        let (declared, output_size) =
            (self.policies.outputs(&entry.of.part), self.policies.output_size(&entry.of.part));
        let cancelled = entry.is_cancelled();
        let project = entry.of.kind.project.clone();
        let leaving = Leaving { key, project, at, ended, declared, output_size, samples, cancelled };
        round.orders.push(Order::Keep(Box::new(leaving)));
    }

    fn kept(&mut self, key: &AttemptKey, at: Timestamp, kept: Kept, round: &mut Round) {
        let Some(entry) = self.runs.get(&key.run).filter(|e| e.attempt() == key.number) else { return };
        let target = entry.of.kind.target.clone();
        let artifacts =
            kept.artifacts.iter().fold((0, 0), |(count, bytes), a| (count + 1, bytes + a.size.max(0) as u64));
        let ended = Happening::Ended {
            attempt: key.number,
            exit: kept.exit,
            started_at: kept.started_at,
            usage: kept.usage,
            log: LogFacts { lines: kept.log_lines, cut_bytes: kept.log_cut },
            artifacts,
            log_bytes: kept.log_bytes,
            left: kept.left,
            quote: kept.quote,
        };
        let (log, log_object, samples, files) = (kept.log, kept.log_object, kept.samples, kept.artifacts);
        let route = kept.route.map(|route| told_event(key, RunEvent::ROUTE, at, route));
        self.meet_with(&key.run, ended, at, round, |change: &mut RunChange| {
            if let Some(attempt) = &mut change.attempt {
                (attempt.log, attempt.log_object, attempt.samples) = (log, log_object, samples);
            }
            change.artifacts = files;
            // What it chose comes before how it ended.
            change.events.splice(0..0, route);
        });
        round.releases.push((Some(target), key.clone()));
    }

    fn planned(
        &mut self,
        key: &AttemptKey,
        plan: Result<AttemptPlan, CannotPlan>,
        now: Timestamp,
        round: &mut Round,
    ) {
        let Some(entry) = self.runs.get_mut(&key.run).filter(|e| e.attempt() == key.number) else {
            return;
        };
        if entry.launched || entry.state() != RunState::Starting {
            return;
        }
        if entry.is_cancelled() {
            self.never_started(key, Exit::Stopped, now, round);
            return;
        }
        match plan {
            Ok(plan) => {
                let target = entry.of.kind.target.clone();
                if !self.targets.contains(&target) {
                    let message = format!("this server has no target `{target}`");
                    let class = FailureClass::User;
                    let exit = Exit::NotStarted { class, reason: Reason::TargetUnavailable, message };
                    self.never_started(key, exit, now, round);
                    return;
                }
                entry.launched = true;
                if !plan.secrets.versions.is_empty() {
                    entry.live().secrets = Some(tell_versions(&plan.secrets.versions));
                }
                round.orders.push(Order::Launch { target, plan: Box::new(plan) });
            }
            Err(CannotPlan { class, reason, message, .. }) => {
                let exit = Exit::NotStarted { class, reason, message };
                self.never_started(key, exit, now, round);
            }
        }
    }

    pub(super) fn never_started(&mut self, key: &AttemptKey, exit: Exit, now: Timestamp, round: &mut Round) {
        let (usage, log) = (rigi_model::Usage::default(), LogFacts::default());
        let ended = Happening::Ended {
            attempt: key.number,
            exit,
            started_at: None,
            usage,
            log,
            artifacts: (0, 0),
            log_bytes: 0,
            left: None,
            quote: None,
        };
        self.meet(&key.run, ended, now, round);
    }

    fn look(&self, runs: Vec<RunId>) -> HashMap<RunId, Look> {
        let entry = |run: &RunId| self.runs.get(run).map(|entry| (run.clone(), entry));
        let known: Vec<(RunId, &Entry)> = runs.iter().filter_map(entry).collect();
        let waiting = known.iter().filter(|(_, entry)| entry.state() == RunState::Queued);
        let wanted: Vec<_> =
            waiting.map(|(run, entry)| (run.clone(), entry.of.kind.clone(), entry.priority)).collect();
        let places = self.board.places(&wanted);
        let mut places: HashMap<RunId, _> = wanted.into_iter().map(|(run, ..)| run).zip(places).collect();
        let look = |(run, entry): (RunId, &Entry)| {
            let place = places.remove(&run).flatten();
            (run, Look { place, live: entry.live.as_deref().cloned().unwrap_or_default() })
        };
        known.into_iter().map(look).collect()
    }
}

/// An event of an attempt that tells something beside its states.
fn told_event(key: &AttemptKey, kind: &'static str, at: Timestamp, told: String) -> RunEvent {
    let AttemptKey { run, number: attempt } = key.clone();
    RunEvent { run, at, kind, attempt, reason: None, message: Some(told) }
}
