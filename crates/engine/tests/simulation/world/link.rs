//! The executor's near side: a server's connection to the supervisor. Orders arrive in their order, or not at all.
//!
//! It does what `rigi_local::process::link` does: it keeps an order until the supervisor has spoken of the attempt, and
//! after a new connection gives it again what was lost with the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rigi_model::{AttemptKey, Exit, Timestamp, Usage};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{Ended, EndedLog, Known, Observation, Observed};

use super::mutation::Mutation;
use super::scenario::SECOND;
use super::supervisor::Order;
use super::{Event, World};

/// Where an attempt is, as far as this side knows.
#[derive(Debug, Clone)]
struct Place {
    /// The supervisor has spoken of it.
    spoken: bool,
    /// It is to be stopped.
    stopping: Option<Duration>,
    /// It ended on this side.
    ended: bool,
}

/// A server's side of the connection.
#[derive(Debug, Default)]
pub struct Link {
    /// The connection, if there is one.
    pub number: Option<u32>,
    places: BTreeMap<AttemptKey, Place>,
    /// Orders arrive one after the other.
    last_order: i64,
    /// The newest report that was passed on.
    last_report: u64,
}

impl World {
    /// Connects a server to the supervisor, which from now on hears no other. What it knows is its welcome.
    pub fn connect(&mut self, server: u32) -> Option<(u32, Vec<Known>)> {
        if !self.supervisor.up {
            return None;
        }
        if server < self.supervisor.newest {
            return None;
        }
        self.supervisor.newest = server;
        // Another server that had its ear is cut off, and tries to come back.
        if let Some((before, _)) = self.supervisor.link.take()
            && before != server
        {
            self.unlink(before);
        }
        self.supervisor.links += 1;
        let number = self.supervisor.links;
        self.supervisor.link = Some((server, number));
        let known = self.supervisor.known();
        self.tell_all();
        // What was told at once may have been lost with the connection.
        self.supervisor
            .link
            .is_some_and(|(of, link)| of == server && link == number)
            .then_some((number, known))
    }

    /// The connection of a server broke: it connects again.
    pub fn unlink(&mut self, server: u32) {
        if let Some(link) = self.link_of(server) {
            link.number = None;
            let delay = self.rng.i64(1000..200_000);
            self.after(delay, Event::Reconnect(server));
        }
    }

    /// A server is gone: the supervisor hears another.
    pub fn hang_up(&mut self, id: u32) {
        if self.supervisor.link.is_some_and(|(server, _)| server == id) {
            self.supervisor.link = None;
        }
    }

    /// A server that lost its connection tries again; it ends when it hears that a newer one has been welcomed.
    pub fn reconnect(&mut self, id: u32) {
        if self.servers.get(&id).is_none_or(|s| s.link.number.is_some()) {
            return;
        }
        let Some((number, known)) = self.connect(id) else {
            if self.supervisor.up && id < self.supervisor.newest {
                self.trace(|| format!("server {id} hears that a newer one has been welcomed"));
                // It ends in order: what is under way goes on for a while.
                let delay = self.rng.i64(0..5 * SECOND);
                self.after(delay, Event::End(id));
                return;
            }
            let delay = self.rng.i64(1000..200_000);
            self.after(delay, Event::Reconnect(id));
            return;
        };
        self.stats.reconnects += 1;
        self.trace(|| format!("server {id} is connected again; {} attempts are known", known.len()));
        let known: BTreeSet<_> = known.into_iter().map(|k| k.key).collect();
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.link.number = Some(number);
        let (mut orders, mut gone) = (Vec::new(), Vec::new());
        for (key, place) in &server.link.places {
            match place {
                Place { ended: true, .. } => {}
                Place { stopping: Some(grace), .. } if known.contains(key) => {
                    if self.mutation != Mutation::ForgetStops {
                        orders.push(Order::Stop(key.clone(), *grace));
                    }
                }
                _ if known.contains(key) => {}
                Place { spoken: false, stopping: None, .. } => orders.push(Order::Launch(key.clone())),
                Place { stopping, .. } => gone.push((key.clone(), stopping.is_some())),
            }
        }
        for order in orders {
            self.order(id, order);
        }
        for (key, stopping) in gone {
            let lost = Exit::Lost { message: "its notes are gone".into() };
            self.end_here(id, key, if stopping { Exit::Stopped } else { lost });
        }
    }

    /// Hands an attempt over.
    pub fn link_launch(&mut self, server: u32, key: AttemptKey) {
        let Some(link) = self.link_of(server) else { return };
        if !link.places.contains_key(&key) {
            link.places.insert(key.clone(), Place { spoken: false, stopping: None, ended: false });
            self.order(server, Order::Launch(key));
        }
    }

    /// Asks for an attempt's end.
    pub fn link_stop(&mut self, server: u32, key: AttemptKey, grace: Duration) {
        let Some(link) = self.link_of(server) else { return };
        match link.places.get_mut(&key) {
            Some(Place { ended: true, .. }) => return,
            Some(place) => place.stopping = Some(grace),
            None => {}
        }
        self.order(server, Order::Stop(key, grace));
    }

    /// An attempt may be forgotten.
    pub fn link_release(&mut self, server: u32, key: AttemptKey) {
        let Some(link) = self.link_of(server) else { return };
        match link.places.remove(&key) {
            Some(Place { ended: true, .. }) => {}
            _ => self.order(server, Order::Release(key)),
        }
    }

    /// What the supervisor knew when the server connected for the first time.
    pub fn adopt(&mut self, server: u32, number: u32, known: &[Known]) {
        let Some(link) = self.link_of(server) else { return };
        link.number = Some(number);
        let place = Place { spoken: true, stopping: None, ended: false };
        link.places = known.iter().map(|known| (known.key.clone(), place.clone())).collect();
    }

    fn link_of(&mut self, server: u32) -> Option<&mut Link> {
        self.servers.get_mut(&server).map(|server| &mut server.link)
    }

    fn order(&mut self, server: u32, order: Order) {
        let (now, delay) = (self.now, self.rng.i64(20..400));
        let Some(link) = self.link_of(server) else { return };
        // Without a connection it is written to nobody: what matters is given again.
        let Some(number) = link.number else { return };
        link.last_order = link.last_order.max(now + delay);
        let at = link.last_order;
        self.at(at, Event::Order { server, link: number, order });
    }

    fn end_here(&mut self, server: u32, key: AttemptKey, exit: Exit) {
        self.history.may_end(&key, exit.clone());
        let Some(link) = self.link_of(server) else { return };
        link.places.insert(key.clone(), Place { spoken: true, stopping: None, ended: true });
        let (usage, log, stored) = (Usage::default(), EndedLog::default(), Vec::new());
        let ended = Ended {
            exit,
            started_at: None,
            usage,
            log,
            route: None,
            outputs: None,
            stored,
            left: LeftOut::default(),
        };
        let what = Observation::Ended(Box::new(ended));
        self.pass_on(server, Observed { key, at: Timestamp(self.now), what });
    }

    /// A report arrives; one of an earlier connection does not.
    pub fn on_report(&mut self, server: u32, link: u32, number: u64, observed: Observed) {
        let Some(own) = self.link_of(server).filter(|own| own.number == Some(link)) else { return };
        if let Some(place) = own.places.get_mut(&observed.key) {
            place.spoken = true;
        }
        if number < own.last_report {
            self.stats.reordered += 1;
        } else {
            own.last_report = number;
        }
        self.trace(|| format!("server {server} hears of {}: {}", observed.key, told(&observed.what)));
        self.pass_on(server, observed);
    }
}

fn told(what: &Observation) -> String {
    match what {
        Observation::Ended(ended) => format!("ended, {:?}", ended.exit),
        other => format!("{other:?}"),
    }
}
