//! Fair share between projects, and between those who start the runs of one: whose turn it is.
//!
//! Of places that several projects wait for, each holds as many as its weight says, but for one, however long its runs take and
//! however many wait. Which of them has the one more is a matter of virtual time: a project's time goes on by the inverse of its
//! weight with each place that it gets, and whoever is least far is next. Who wants nothing for a while is one turn behind when it
//! comes back, and served first; it is not repaid what it left to others.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The weight of a project that says nothing.
pub const WEIGHT: u32 = 1;

/// A turn of weight 1, in virtual time: 2^64 hold 2^34 of them.
const TURN: u64 = 1 << 30;

/// So many turns a project may be behind the others while it waits: for places that were not for its runs, or not yet its own.
const BEHIND: u64 = 64;

/// How far one project is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub weight: u64,
    /// Virtual time.
    at: u64,
    /// When it was last served, as a number that grows with every place.
    served: u64,
    /// It wanted nothing for at least a turn, and has had no place since.
    fresh: bool,
}

impl Default for Share {
    fn default() -> Self {
        Self { weight: u64::from(WEIGHT), at: 0, served: 0, fresh: false }
    }
}

impl Share {
    /// The smallest is next: who comes new or back, then how far it is, then when it was last served.
    pub(super) fn turn(&self, clock: u64) -> (Reverse<bool>, u64, u64) {
        let least = clock.saturating_sub(BEHIND * (TURN / self.weight));
        (Reverse(self.fresh), self.at.max(least), self.served)
    }

    /// It gets a place, the `number`th of all; the clock after that.
    pub(super) fn serve(&mut self, clock: u64, number: u64) -> u64 {
        let (_, at, _) = self.turn(clock);
        *self = Self {
            weight: self.weight,
            at: at.saturating_add(TURN / self.weight),
            served: number,
            fresh: false,
        };
        clock.max(at)
    }

    /// It waits, and did not before.
    fn join(&mut self, clock: u64) {
        let least = clock.saturating_sub(TURN / self.weight);
        if self.at <= least {
            (self.at, self.fresh) = (least, true);
        }
    }
}

/// How far all are. Only who has waited is here.
#[derive(Debug, Clone)]
pub(super) struct Shares<K> {
    /// What is not in the list has [`WEIGHT`].
    weights: BTreeMap<K, u32>,
    known: BTreeMap<K, Share>,
    /// How far the one was that was served last, or another before it.
    pub clock: u64,
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self { weights: BTreeMap::new(), known: BTreeMap::new(), clock: 0 }
    }
}

impl<K: Ord + Clone> Shares<K> {
    pub(super) fn of(&self, whose: &K) -> Share {
        let weight = || u64::from(self.weights.get(whose).copied().unwrap_or(WEIGHT).max(1));
        let new = || Share { weight: weight(), ..Share::default() };
        self.known.get(whose).copied().unwrap_or_else(new)
    }

    /// A run of theirs gets a place, the `number`th of all.
    pub(super) fn serve(&mut self, whose: &K, number: u64) {
        let mut share = self.of(whose);
        self.clock = share.serve(self.clock, number);
        self.set(whose, share);
    }

    /// A run of theirs waits, the only one.
    pub(super) fn join(&mut self, whose: &K) {
        let mut share = self.of(whose);
        share.join(self.clock);
        self.set(whose, share);
    }

    /// Their weight from now on; how far they are stays.
    pub(super) fn weigh(&mut self, whose: &K, weight: u32) {
        self.weights.insert(whose.clone(), weight);
        if let Some(known) = self.known.get_mut(whose) {
            known.weight = u64::from(weight.max(1));
        }
    }

    fn set(&mut self, whose: &K, share: Share) {
        match self.known.get_mut(whose) {
            Some(known) => *known = share,
            None => _ = self.known.insert(whose.clone(), share),
        }
    }
}

/// Which of these, by their active runs and their weights, may take a place: not who holds, by weight, as much already as another
/// would with one more.
pub(super) fn may_take(all: &[(u64, u64)]) -> impl Fn(u64, u64) -> bool + use<> {
    let wide = |active: u64, weight: u64| (u128::from(active), u128::from(weight));
    let more = all.iter().map(|&(active, weight)| wide(active + 1, weight));
    let least = more.min_by(|one, other| (one.0 * other.1).cmp(&(other.0 * one.1)));
    move |active, weight| {
        let (active, weight) = wide(active, weight);
        least.is_none_or(|(most, of)| active * of < most * weight)
    }
}
