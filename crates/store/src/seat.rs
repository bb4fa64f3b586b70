//! Which of several servers of one PostgreSQL leads.
//!
//! The one that leads holds a lock of the database by the very connection that it writes with: whoever has lost that connection
//! writes nothing, so that two never do. Those that stand by look once a second whether the lock is free, and ask the one that leads
//! whether it is there. If it is silent for long (stopped, cut off, its machine gone), they have the database end its connection.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::db::{Db, DbConfig};
use crate::postgres::Server;
pub use crate::words::Reached;
use crate::words::Words;
use crate::{Result, Store};

/// Between two looks of a server that stands by.
const LOOK: Duration = Duration::from_secs(1);
/// Questions without an answer, one a look, until the one that leads is taken for gone.
const UNANSWERED: u32 = 5;
/// PostgreSQL may take so long to see that a process was killed.
const SETTLE: (u32, Duration) = (10, Duration::from_millis(50));

/// What was last heard of the server that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// Nothing.
    Unheard,
    /// It is there, and is reached so.
    Heard(Reached),
    /// It has ended.
    Ended,
}

/// A look at who leads, before a server opens anything. While it is kept, no other server that looks begins to lead.
#[derive(Debug)]
pub struct Election {
    is_led: bool,
    _turn: Option<PgConnection>,
}

/// The lock of the database, until it is dropped.
#[derive(Debug)]
pub struct Chair {
    holds: PgConnection,
}

impl Election {
    /// Waits for its turn, and looks.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn hold(config: &DbConfig) -> Result<Self> {
        let Db::Postgres(server) = Db::open(config).await? else {
            return Ok(Self { is_led: false, _turn: None });
        };
        let turn = server.turn().await?;
        let mut is_led = server.holder().await?.is_some();
        for _ in 0..SETTLE.0 {
            if !is_led {
                break;
            }
            sleep(SETTLE.1).await;
            is_led = server.holder().await?.is_some();
        }
        server.close().await;
        Ok(Self { is_led, _turn: Some(turn) })
    }

    /// Whether another server leads.
    #[must_use]
    pub const fn is_led(&self) -> bool {
        self.is_led
    }
}

impl Store {
    /// Says where other servers reach this one: to be called before [`Self::hear_others`].
    pub fn reached_at(&self, reached: Reached) {
        // Said once.
        let _ = self.reached.set(reached);
    }

    /// What is heard of the server that leads.
    #[must_use]
    pub fn lead_heard(&self) -> watch::Receiver<Lead> {
        self.lead.subscribe()
    }

    /// Resolves when another server is heard to lead. Asks until then.
    pub async fn is_led_by_another(&self) {
        let Db::Postgres(server) = &self.db else { return std::future::pending().await };
        let mut heard = self.lead.subscribe();
        while !matches!(*heard.borrow_and_update(), Lead::Heard(_)) {
            if let Err(error) = server.tell(&Words::Asks.of(server.name())).await {
                tracing::debug!(%error, "the server that leads cannot be asked; this is tried again");
            }
            // Whether it comes or not, it is looked at again.
            let _ = tokio::time::timeout(LOOK, heard.changed()).await;
        }
    }

    /// Lets go of the lead after the last write, and tells those that stand by. One that had lost it before has nothing to tell.
    pub async fn step_down(&self) {
        let Db::Postgres(server) = &self.db else { return };
        let leads = matches!(server.holds().await, Ok(Some(true)));
        server.let_go().await;
        if leads && let Err(error) = server.tell(&Words::Went.of(server.name())).await {
            tracing::debug!(%error, "others find by themselves that this server has ended");
        }
    }

    /// Stands by: resolves when this server may lead, with the lock. Never with SQLite.
    pub async fn stand_by(&self) -> Chair {
        let Db::Postgres(server) = &self.db else { return std::future::pending().await };
        let mut heard = self.lead.subscribe();
        let mut standing = None;
        let mut unanswered = 0;
        loop {
            match look(server, &mut standing).await {
                Ok(true) => {
                    if let Some(holds) = standing {
                        return Chair { holds };
                    }
                }
                Ok(false) if unanswered >= UNANSWERED => {
                    tracing::warn!(seconds = unanswered, "the server that leads is silent: it leads no more");
                    unanswered = 0;
                    match server.depose().await {
                        Ok(()) => continue,
                        Err(error) => tracing::warn!(%error, "its connection cannot be ended"),
                    }
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "whether another server leads cannot be seen; this is tried again");
                    (standing, unanswered) = (None, 0);
                }
            }
            if server.tell(&Words::Asks.of(server.name())).await.is_ok() {
                unanswered += 1;
            }
            let until = Instant::now() + LOOK;
            while let Ok(Ok(())) = timeout_at(until, heard.changed()).await {
                unanswered = 0;
                if *heard.borrow_and_update() == Lead::Ended {
                    break;
                }
            }
        }
    }
}

/// Takes the lock if it is free, by a connection that stays.
async fn look(server: &Server, standing: &mut Option<PgConnection>) -> Result<bool> {
    if standing.is_none() {
        *standing = Some(server.standing().await?);
    }
    match standing {
        Some(connection) => server.try_lock(connection).await,
        None => Ok(false),
    }
}

impl Chair {
    /// Lets go of it.
    pub async fn leave(self) {
        // The database frees the lock with the connection in any case.
        let _ = self.holds.close().await;
    }
}
