//! Places for connections: few for strangers, who give theirs up to newcomers; the rest for those who have signed in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connections that were closed before their time, by why.
const CLOSED: &str = "rigi_connections_closed_total";

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// All of them.
    pub all: usize,
    /// Of those that have shown neither token nor session.
    pub strangers: usize,
}

impl Places {
    /// Of a process that may have so many open files, to be shared with `others` of its kind and with its own work.
    #[must_use]
    pub fn of_limit(open_files: u64) -> Self {
        let all = usize::try_from(open_files / 4).unwrap_or(usize::MAX).max(16);
        Self { all, strangers: (all / 2).min(256) }
    }
}

/// Who is at the other end: an address, or somebody of this machine by a socket in a folder.
type Peer = Option<IpAddr>;

/// Lets connections in.
#[derive(Debug)]
pub struct Gate {
    places: Places,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    known: usize,
    /// In the order in which they came.
    strangers: BTreeMap<u64, (Peer, Arc<Notify>)>,
}

impl Taken {
    /// Closes the connection that has waited longest of the peer that has most.
    fn evict(&mut self) -> bool {
        let mut counts: HashMap<Peer, usize> = HashMap::new();
        for (peer, _) in self.strangers.values() {
            *counts.entry(*peer).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        let oldest = self.strangers.iter().find(|(_, (peer, _))| counts.get(peer) == Some(&most));
        let Some(id) = oldest.map(|(id, _)| *id) else { return false };
        if let Some((_, leave)) = self.strangers.remove(&id) {
            leave.notify_one();
        }
        true
    }
}

impl Gate {
    /// With these places, all free.
    #[must_use]
    pub fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer; `None` if all are taken by those who have signed in.
    pub fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Seat> {
        let mut taken = self.taken();
        let crowded = taken.strangers.len() >= self.places.strangers;
        let full = taken.known + taken.strangers.len() >= self.places.all;
        if crowded || full {
            let evicted = taken.evict();
            metrics::counter!(CLOSED, "why" => if evicted { "newcomers" } else { "full" }).increment(1);
            if !evicted {
                return None;
            }
        }
        let (id, leave) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        taken.strangers.insert(id, (peer, leave.clone()));
        drop(taken);
        let held = Held { gate: self.clone(), id, peer, known: AtomicBool::new(false) };
        Some(Seat { held: Arc::new(held), leave })
    }

    /// Gives one stranger's place up, where the machine has no room for more.
    pub fn make_room(&self) {
        if self.taken().evict() {
            metrics::counter!(CLOSED, "why" => "newcomers").increment(1);
        }
    }
}

#[derive(Debug)]
struct Held {
    gate: Arc<Gate>,
    id: u64,
    peer: Peer,
    known: AtomicBool,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.gate.taken();
        if self.known.load(Ordering::Relaxed) {
            taken.known -= 1;
        } else {
            taken.strangers.remove(&self.id);
        }
    }
}

/// The place of one connection; free again when the last copy is gone. Every request carries one.
#[derive(Debug, Clone)]
pub struct Seat {
    held: Arc<Held>,
    leave: Arc<Notify>,
}

impl Seat {
    /// A request of this connection has signed in: it stays as long as it wants to.
    pub fn recognise(&self) {
        if self.is_known() {
            return;
        }
        let mut taken = self.held.gate.taken();
        // One that was told to leave does.
        if taken.strangers.remove(&self.held.id).is_some() {
            taken.known += 1;
            self.held.known.store(true, Ordering::Relaxed);
        }
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.held.peer
    }

    /// Whether one has.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.held.known.load(Ordering::Relaxed)
    }

    /// Waits until somebody else needs the place.
    pub async fn taken_away(&self) {
        self.leave.notified().await;
    }
}

#[cfg(test)]
mod unit {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt as _;

    use super::*;

    fn from(last: u8) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn must_leave(seat: &Seat) -> bool {
        seat.taken_away().now_or_never().is_some()
    }

    #[test]
    fn strangers_give_their_places_up_and_those_who_signed_in_do_not() {
        let gate = Gate::new(Places { all: 4, strangers: 2 });
        let known = gate.enter(from(1)).unwrap();
        known.recognise();
        let seats: Vec<Seat> = (0..5).map(|_| gate.enter(from(1)).unwrap()).collect();
        assert_eq!(seats.iter().map(must_leave).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(known.is_known() && !must_leave(&known));
        // One that was told to leave is not recognised any more.
        seats[0].recognise();
        assert!(!seats[0].is_known());
    }

    #[test]
    fn the_peer_that_has_most_loses_its_oldest() {
        let gate = Gate::new(Places { all: 8, strangers: 3 });
        let (shy, bold) = (gate.enter(from(1)).unwrap(), [gate.enter(from(2)), gate.enter(from(2))]);
        let bold = bold.map(Option::unwrap);
        let _next = gate.enter(from(3)).unwrap();
        assert!(!must_leave(&shy) && must_leave(&bold[0]) && !must_leave(&bold[1]));
    }

    #[test]
    fn places_are_free_again_and_the_last_ones_are_for_those_who_are_in() {
        let gate = Gate::new(Places { all: 2, strangers: 2 });
        let seats: Vec<Seat> = (0..2).map(|_| gate.enter(None).unwrap()).collect();
        seats.iter().for_each(Seat::recognise);
        assert!(gate.enter(None).is_none());
        drop(seats);
        assert!((0..2).map(|_| gate.enter(None)).collect::<Vec<_>>().iter().all(Option::is_some));
        let taken = gate.taken();
        assert_eq!((taken.known, taken.strangers.len()), (0, 0));
    }
}
