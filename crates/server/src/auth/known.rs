//! Who carries which session or token, remembered for a while. What is committed about them (here or by another server) is heard
//! before anything is taken from memory, so that what was taken back does not count any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rigi_model::event::Subject;
use rigi_model::people::Key;
use rigi_model::{Actor, Timestamp};
use rigi_store::people::{Carrier, Held};
use rigi_store::{Commit, Result, Store, SubjectChange};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio_util::sync::CancellationToken;

use super::principal::{Account, Principal};

/// After this time it is looked up again, should word of a change have been lost.
const FRESH: Duration = Duration::from_secs(30);
/// Between two times that it is written down that something was used.
const SEEN_EVERY: Duration = Duration::from_secs(300);
/// Remembered at a time.
const MOST: usize = 20_000;

type Hash = [u8; 32];

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Known {
    store: Store,
    memory: Arc<Mutex<Memory>>,
    idle: Duration,
}

struct Memory {
    commits: broadcast::Receiver<Commit>,
    entries: HashMap<Hash, Entry>,
    /// Counts what was heard: what was read before it may be old.
    heard: u64,
}

struct Entry {
    principal: Principal,
    until: Option<Timestamp>,
    read_at: Timestamp,
}

impl Known {
    /// Remembers from now on; a session that was idle for so long has ended.
    #[must_use]
    pub fn start(store: Store, idle: Duration) -> Self {
        let commits = store.commits();
        let memory = Arc::new(Mutex::new(Memory { commits, entries: HashMap::new(), heard: 0 }));
        let known = Self { store, memory, idle };
        tokio::spawn(listen(known.store.commits(), Arc::downgrade(&known.memory)));
        known
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who carries this session.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn session(&self, secret: &str, now: Timestamp) -> Result<Option<Principal>> {
        let idle = now.before(self.idle);
        self.find(secret, now, self.store.db().held_session(secret, now, idle)).await
    }

    /// Who carries this token.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn token(&self, key: &Key, now: Timestamp) -> Result<Option<Principal>> {
        self.find(key.expose(), now, self.store.db().held_token(key.expose(), now)).await
    }

    async fn find(
        &self,
        secret: &str,
        now: Timestamp,
        read: impl Future<Output = Result<Option<Held>>>,
    ) -> Result<Option<Principal>> {
        let hash: Hash = Sha256::digest(secret.as_bytes()).into();
        let heard = {
            let mut memory = self.memory();
            memory.hear();
            if let Some(entry) = memory.entries.get(&hash) {
                let fresh = now.since(entry.read_at) < FRESH && now >= entry.read_at;
                if fresh && entry.until.is_none_or(|until| now < until) {
                    return Ok(Some(entry.principal.clone()));
                }
            }
            memory.heard
        };
        let held = read.await?;
        let seen = held.as_ref().filter(|held| now.since(held.seen_at) >= SEEN_EVERY);
        if let Some(held) = seen {
            self.note_use(held, now).await;
        }
        let mut memory = self.memory();
        memory.hear();
        let Some(held) = held else {
            memory.forget(|known, _| *known == hash);
            return Ok(None);
        };
        let principal = memory.principal_of(&hash, &held);
        if memory.heard == heard {
            let (until, read_at) = (held.until, now);
            memory.remember(hash, Entry { principal: principal.clone(), until, read_at });
        }
        Ok(Some(principal))
    }

    /// Nobody waits for it, and nothing depends on it.
    async fn note_use(&self, held: &Held, now: Timestamp) {
        let noted = match &held.carrier {
            Carrier::Session(id) => self.store.saw_session(id, now).await,
            Carrier::Token(id) => self.store.saw_token(id, now).await,
        };
        let seen = self.store.saw_person(&held.person.id, now).await;
        if let Err(error) = noted.and(seen) {
            tracing::debug!(%error, "when somebody was here last is not written down");
        }
    }
}

impl Memory {
    /// Takes in what was committed since.
    fn hear(&mut self) {
        loop {
            match self.commits.try_recv() {
                Ok(commit) => commit.others.iter().for_each(|change| self.take_in(change)),
                Err(TryRecvError::Lagged(_)) => {
                    self.heard += 1;
                    self.forget(|_, _| true);
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take_in(&mut self, change: &SubjectChange) {
        let id = change.id.as_str();
        let of_account = |wanted: &dyn Fn(&Account) -> bool, entry: &Entry| {
            entry.principal.account.as_ref().is_some_and(wanted)
        };
        self.heard += 1;
        match change.subject {
            Subject::Person => {
                self.forget(|_, entry| of_account(&|account| account.person.id.as_str() == id, entry));
            }
            Subject::Session | Subject::Token => {
                let carries = |account: &Account| match &account.carrier {
                    Carrier::Session(session) => session.as_str() == id,
                    Carrier::Token(token) => token.as_str() == id,
                };
                self.forget(|_, entry| of_account(&carries, entry));
            }
            Subject::Group => self.forget(|_, _| true),
            _ => self.heard -= 1,
        }
    }

    fn forget(&mut self, which: impl Fn(&Hash, &Entry) -> bool) {
        self.entries.retain(|hash, entry| {
            let goes = which(hash, entry);
            if goes {
                entry.principal.ended.cancel();
            }
            !goes
        });
    }

    /// Who this is; one who is the same as before keeps their streams.
    fn principal_of(&self, hash: &Hash, held: &Held) -> Principal {
        let before = self.entries.get(hash).map(|entry| &entry.principal);
        let same = before.filter(|principal| *principal.standing == held.standing);
        Principal {
            actor: Actor::named(held.person.name.as_str()),
            standing: same.map_or_else(|| Arc::new(held.standing.clone()), |same| same.standing.clone()),
            account: Some(Account {
                person: Arc::new(held.person.clone()),
                carrier: held.carrier.clone(),
                narrowed: held.narrowed,
                until: held.until,
            }),
            ended: same.map_or_else(CancellationToken::new, |same| same.ended.clone()),
        }
    }

    fn remember(&mut self, hash: Hash, entry: Entry) {
        if self.entries.len() >= MOST {
            self.entries.retain(|_, other| entry.read_at.since(other.read_at) < FRESH);
        }
        if self.entries.len() >= MOST {
            self.forget(|_, _| true);
        }
        let standing = entry.principal.standing.clone();
        // One that was more, or less, has streams that are not theirs any more.
        if let Some(before) =
            self.entries.insert(hash, entry).filter(|before| before.principal.standing != standing)
        {
            before.principal.ended.cancel();
        }
    }
}

/// Ends streams of those who are not let in any more, although nobody asks for anything.
async fn listen(mut commits: broadcast::Receiver<Commit>, memory: std::sync::Weak<Mutex<Memory>>) {
    loop {
        let told = match commits.recv().await {
            Ok(commit) => !commit.others.is_empty(),
            Err(broadcast::error::RecvError::Lagged(_)) => true,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(memory) = memory.upgrade() else { return };
        if told {
            memory.lock().unwrap_or_else(PoisonError::into_inner).hear();
        }
    }
}
