//! One round of the core: hear all that has arrived, decide, write in one piece, act when it is durable.

use std::sync::Arc;
use std::time::Duration;

use rigi_model::{Target, Timestamp};
use rigi_store::{Pace, RunChange};
use rigi_work::plan::{Executor, Observed};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Core;
use super::finish::Keeper;
use super::others;
use crate::clock::Moment;
use crate::decide::DiskRoom;
use crate::ledger::{CancelAnswer, Leaving, Message, Order, Round};
use crate::secrets;

/// Between two looks at a disk without room, while runs wait for it.
const ROOM: Duration = Duration::from_secs(1);
/// Messages heard in one round at most.
const MESSAGES: usize = 1024;
/// With so many active runs, rounds are [`ROUND`] apart at least.
const BUSY: u64 = 8;
/// See [`BUSY`].
const ROUND: Duration = Duration::from_millis(1);

impl Core {
    /// Runs until nobody is left who could say anything.
    pub(crate) async fn run(mut self) {
        let mut messages = Vec::with_capacity(MESSAGES);
        let mut observed = Vec::with_capacity(MESSAGES);
        let mut last = Instant::now();
        let (mut moment, mut lacking) = (Moment::now(), false);
        loop {
            let due = self.ledger.next_due();
            tokio::select! {
                heard = self.inbox.recv_many(&mut messages, MESSAGES) => if heard == 0 {
                    return;
                },
                // Closed when there is no executor any more: then nothing can be seen.
                _ = self.observed.recv_many(&mut observed, MESSAGES), if !self.observed.is_closed() => {}
                () = until(due) => {}
                () = tokio::time::sleep(ROOM), if lacking => {}
            }
            self.gather(&mut messages, &mut observed, last).await;
            last = Instant::now();
            let now = self.follow_clock(&mut moment);
            let mut round = Round::default();
            for message in messages.drain(..).chain(observed.drain(..).map(Message::Observed)) {
                self.ledger.hear(message, now, &mut round);
                self.act(&mut round);
            }
            lacking = self.ledger.has_waiting() && self.lacks_room();
            self.ledger.decide(now, &mut round);
            if self.flush(round).await.is_err() {
                return;
            }
        }
    }

    /// When much is going on, what comes within a moment is heard together: each round is a commit, and one commit costs
    /// hardly less than a larger one.
    async fn gather(&mut self, messages: &mut Vec<Message>, observed: &mut Vec<Observed>, last: Instant) {
        if self.ledger.active() >= BUSY {
            tokio::time::sleep_until(last + ROUND).await;
        }
        while messages.len() < MESSAGES
            && let Ok(message) = self.inbox.try_recv()
        {
            messages.push(message);
        }
        while observed.len() < MESSAGES
            && let Ok(what) = self.observed.try_recv()
        {
            observed.push(what);
        }
    }

    /// What the system's clock says. If it was set, delays stay as long as they were.
    fn follow_clock(&mut self, last: &mut Moment) -> Timestamp {
        let before = std::mem::replace(last, Moment::now());
        let by = before.set_until(last);
        if by != 0 {
            tracing::warn!(
                seconds = by / 1_000_000,
                "the system's clock was set: delays stay as long as they were"
            );
            self.ledger.set_clock(by);
        }
        last.wall
    }

    /// Looks at the disk, and has places given only while it has room.
    fn lacks_room(&mut self) -> bool {
        let checked = self.room.check();
        let room = if checked.is_ok() { DiskRoom::Enough } else { DiskRoom::Lacking };
        if self.ledger.set_room(room) {
            match &checked {
                Ok(()) => tracing::info!("the disk has room again: what waits is started"),
                Err(error) => tracing::warn!(%error, "nothing is started until there is room"),
            }
        }
        checked.is_err()
    }

    /// Does what is to be done at once.
    pub(super) fn act(&mut self, round: &mut Round) {
        for order in round.orders.drain(..) {
            match order {
                Order::Launch { target, plan } => {
                    if let Some(executor) = self.executors.get(&target) {
                        executor.launch(*plan);
                    }
                }
                Order::Stop { target, key, grace } => {
                    self.executors_of(target.as_ref()).for_each(|executor| executor.stop(&key, grace));
                }
                Order::Keep(leaving) => self.keep(*leaving),
                Order::StopKeeping(key) => {
                    if let Some(brake) = self.brakes.get(&key) {
                        brake.pull();
                    }
                }
            }
        }
        for pulse in round.pulses.drain(..) {
            // Nobody listens: nobody is told.
            let _ = self.pulses.send(pulse);
        }
    }

    /// The executor of a target, or all of them.
    pub(super) fn executors_of<'a>(
        &'a self,
        target: Option<&'a Target>,
    ) -> impl Iterator<Item = &'a Arc<dyn Executor>> {
        let of = move |(its, _): &(&Target, _)| target.is_none_or(|target| target == *its);
        self.executors.iter().filter(of).map(|(_, executor)| executor)
    }

    fn keep(&mut self, leaving: Leaving) {
        let (keeper, key, at, ended) = Keeper::new(self.store.blobs(&leaving.project), leaving);
        if ended.outputs.is_some() {
            self.brakes.retain(|_, brake| brake.is_held());
            self.brakes.insert(key.clone(), keeper.brake());
        }
        let (outbox, store) = (self.outbox.clone(), self.store.clone());
        tokio::spawn(async move {
            let mut kept = Box::new(keeper.keep(key.clone(), at, ended).await);
            if let Some(quote) = kept.quote.take() {
                kept.quote = secrets::cover(&store, &key.run, &quote).await;
            }
            let _ = outbox.send(Message::Kept { key, at, kept });
        });
    }

    /// Hands the changes to the store; what follows from them is done when they are durable.
    async fn flush(&mut self, round: Round) -> rigi_store::Result<()> {
        let Round { changes, claims, releases, replies, counts, verify, step_ends, follows, .. } = round;
        let waits = !releases.is_empty()
            || !replies.is_empty()
            || !counts.is_empty()
            || !verify.is_empty()
            || !step_ends.is_empty()
            || follows;
        if changes.is_empty() && !waits {
            return Ok(());
        }
        if !claims.is_empty() {
            self.forget_policies();
        }
        let pace = if waits || !claims.is_empty() || changes.iter().any(RunChange::is_end) {
            Pace::Now
        } else {
            Pace::Soon
        };
        // Without changes it is durable when all before it is.
        let durable = self.store.change(changes, pace).await?;
        let claimed: Vec<_> = claims.into_iter().filter_map(|run| self.ledger.to_plan(run)).collect();
        if claimed.is_empty() && !waits {
            return Ok(());
        }
        let releases: Vec<_> = releases
            .into_iter()
            .map(|(target, key)| (self.executors_of(target.as_ref()).cloned().collect::<Vec<_>>(), key))
            .collect();
        let (planner, store, outbox) = (self.planner(), self.store.clone(), self.outbox.clone());
        let (needs, after) = (self.ledger.policies().needs.clone(), self.after.clone());
        tokio::spawn(async move {
            if durable.await.is_err() {
                return;
            }
            for (executors, key) in releases {
                executors.iter().for_each(|executor| executor.release(&key));
            }
            answer(replies, counts);
            after.tell(step_ends, follows);
            tokio::join!(planner.plan(claimed), others::verify(&store, &needs, verify, &outbox));
        });
        Ok(())
    }
}

/// Tells those who asked runs to stop; who has gone is not told.
fn answer(
    replies: Vec<(oneshot::Sender<CancelAnswer>, CancelAnswer)>,
    counts: Vec<(oneshot::Sender<u64>, u64)>,
) {
    for (reply, answer) in replies {
        let _ = reply.send(answer);
    }
    for (reply, count) in counts {
        let _ = reply.send(count);
    }
}

/// Waits until a time by the system's clock, or for ever.
async fn until(time: Option<Timestamp>) {
    match time {
        // A clock that jumps is looked at again within a minute.
        Some(time) => tokio::time::sleep(time.since(Timestamp::now()).min(Duration::from_secs(60))).await,
        None => std::future::pending().await,
    }
}
