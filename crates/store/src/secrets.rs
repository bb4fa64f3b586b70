//! Secrets of projects, and the keys that seal them.
//!
//! A project has a key of its own, which is sealed with the server's: where that one is replaced, only these keys are sealed anew.
//! What the former keys of the server have sealed beside them (values that runs were given) stays as it is, and these keys are kept,
//! sealed with the new one. So all that it takes to open anything is the database and the file of the present key.
//!
//! A key is replaced in three steps, of which each may be the last before a crash: the new key is written beside the old one; one
//! transaction makes it the one of the database; the file takes the old one's place. [`settle_key`] does what is left of them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rigi_model::event::Subject;
use rigi_model::hash::hex;
use rigi_model::secret_source::SecretSource;
use rigi_model::{Actor, ProjectName, Timestamp};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use crate::db::Db;
use crate::people::audit;
use crate::people::{Deed, Entry};
use crate::references::References;
use crate::seal::{self, KeyBytes, Sealer};
use crate::tables::secrets as table;
use crate::tables::secrets::SecretFacts;
use crate::write::Write;
use crate::{Commit, Error, Hidden, Result, Store};

/// The next key, until it is the one.
const NEXT_FILE: &str = "secret.key.next";

/// The secrets of a project, opened.
#[derive(Default)]
pub struct OpenSecrets {
    by_name: HashMap<String, OpenSecret>,
}

/// One of them.
pub struct OpenSecret {
    /// See [`SecretFacts::version`].
    pub version: i64,
    /// What it holds.
    pub held: Held,
}

/// What a secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Its value.
    Value(Hidden),
    /// Where its value lies.
    From(SecretSource),
}

impl OpenSecret {
    /// Its value, where it is stored.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match &self.held {
            Held::Value(value) => Some(&value.0),
            Held::From(_) => None,
        }
    }
}

impl std::fmt::Debug for OpenSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenSecrets({})", self.by_name.len())
    }
}

impl OpenSecrets {
    /// The one of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OpenSecret> {
        self.by_name.get(name)
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// What was opened, until a commit says that it is not so any more. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SecretCache {
    commits: broadcast::Sender<Commit>,
    inner: Arc<Mutex<Cached>>,
    /// Held while secrets are written or a key is replaced: two of one name may not share a commit.
    one: Arc<tokio::sync::Mutex<()>>,
    references: Arc<OnceLock<References>>,
}

#[derive(Default)]
struct Cached {
    /// Listened to while something is kept: for those who have no secrets, nobody listens.
    heard: Option<broadcast::Receiver<Commit>>,
    open: HashMap<ProjectName, Arc<OpenSecrets>>,
    /// Raised whenever something is forgotten: what was read meanwhile may be what it was before.
    forgotten: u64,
}

impl Cached {
    /// Listens no more where nothing is kept. What is being read just now may miss a change, and is not kept.
    fn rest(&mut self) {
        if self.open.is_empty() {
            self.heard = None;
            self.forgotten += 1;
        }
    }
}

impl std::fmt::Debug for SecretCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretCache")
    }
}

impl SecretCache {
    pub(crate) fn new(commits: broadcast::Sender<Commit>) -> Self {
        Self { commits, inner: Arc::default(), one: Arc::default(), references: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept, without what others have changed since.
    fn now(&self) -> MutexGuard<'_, Cached> {
        let mut cached = self.lock();
        let cached_now = &mut *cached;
        let heard = cached_now.heard.get_or_insert_with(|| self.commits.subscribe());
        loop {
            match heard.try_recv() {
                Ok(commit) => {
                    for change in commit.others.iter().filter(|change| change.subject == Subject::Secret) {
                        cached_now.open.remove(&change.project);
                        cached_now.forgotten += 1;
                    }
                }
                Err(TryRecvError::Lagged(_)) => {
                    cached_now.open.clear();
                    cached_now.forgotten += 1;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return cached,
            }
        }
    }

    /// What this server has just changed: its own answers come before its announcements.
    fn forget(&self, project: &ProjectName) {
        let mut cached = self.lock();
        cached.open.remove(project);
        cached.forgotten += 1;
        cached.rest();
    }
}

/// The line of the audit log: the name, and no value; where that lies, if it lies elsewhere.
fn note(
    write: &mut Write,
    project: &ProjectName,
    action: &'static str,
    name: &str,
    from: Option<&SecretSource>,
    deed: &Deed,
) {
    let after = from.map(|source| serde_json::json!({"from": source.to_string()}));
    let entry =
        Entry { action, project: Some(project), subject: "secret", id: name, after, ..Entry::default() };
    audit::add(write, deed, entry);
}

impl Store {
    /// The secrets of a project with their values. Kept in memory until one of them changes.
    ///
    /// # Errors
    /// If the database does not answer, or a value cannot be opened.
    pub async fn open_secrets(&self, project: &ProjectName) -> Result<Arc<OpenSecrets>> {
        let before = {
            let cached = self.secrets.now();
            if let Some(open) = cached.open.get(project) {
                return Ok(open.clone());
            }
            cached.forgotten
        };
        let mut open = OpenSecrets::default();
        let rows = self.db().sealed_secrets(project).await?;
        let rows_are_none = rows.is_empty();
        if !rows_are_none {
            let sealer = self.project_sealer(project).await?.ok_or_else(|| Error::Damaged {
                what: format!("the key of the project {project}"),
                why: "its secrets are there, and their key is not".into(),
            })?;
            for (name, version, stored) in rows {
                let damaged =
                    |why: &str| Error::Damaged { what: format!("the secret {name}"), why: why.into() };
                let held = match stored.strip_prefix(table::REFERENCE) {
                    Some(source) => Held::From(source.parse().map_err(|why: String| damaged(&why))?),
                    None => {
                        let value = sealer.unseal(&stored)?.ok_or_else(|| damaged("it is not sealed"))?;
                        Held::Value(Hidden(value))
                    }
                };
                open.by_name.insert(name, OpenSecret { version, held });
            }
        }
        let open = Arc::new(open);
        let mut cached = self.secrets.now();
        if rows_are_none {
            cached.rest();
        } else if cached.forgotten == before {
            cached.open.insert(project.clone(), open.clone());
        }
        Ok(open)
    }

    /// Sets secrets of a project, all or none; answers with what is told of them when they are durable.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn set_secrets(
        &self,
        project: &ProjectName,
        values: &[(String, String)],
        deed: &Deed,
    ) -> Result<Vec<SecretFacts>> {
        let _one = self.secrets.one.lock().await;
        let sealer = self.make_project_sealer(project, deed.at).await?;
        // The last of one name counts.
        let values: HashMap<&str, &str> =
            values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut write = Write::default();
        let by = Actor::named(deed.actor.as_str());
        for (name, value) in &values {
            table::set(&mut write, project, name, Some(sealer.seal(value)?), &by, deed.at);
            note(&mut write, project, "secrets.set", name, None, deed);
        }
        self.write_secrets(project, write).await?;
        let mut all = self.db().secrets(project).await?;
        all.retain(|facts| values.contains_key(facts.name.as_str()));
        Ok(all)
    }

    /// Says where the value of a secret lies from now on.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn set_reference(
        &self,
        project: &ProjectName,
        name: &str,
        source: &SecretSource,
        deed: &Deed,
    ) -> Result<Option<SecretFacts>> {
        let _one = self.secrets.one.lock().await;
        // Where there is a secret, there is the project's key.
        self.make_project_sealer(project, deed.at).await?;
        let (mut write, by) = (Write::default(), Actor::named(deed.actor.as_str()));
        let stored = format!("{}{source}", table::REFERENCE);
        table::set(&mut write, project, name, Some(stored), &by, deed.at);
        note(&mut write, project, "secrets.set", name, Some(source), deed);
        self.write_secrets(project, write).await?;
        Ok(self.db().secrets(project).await?.into_iter().find(|facts| facts.name == name))
    }

    /// Follows references from now on: once, when the store was opened.
    pub fn follow_references(&self, references: References) {
        // Only the first counts; nobody gives a second.
        let _ = self.secrets.references.set(references);
    }

    /// What follows references; none are allowed where nobody said so.
    #[must_use]
    pub fn references(&self) -> &References {
        self.secrets.references.get_or_init(References::default)
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this name.
    pub async fn remove_secret(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        let _one = self.secrets.one.lock().await;
        if !self.db().secrets(project).await?.iter().any(|facts| facts.name == name) {
            return Err(Error::NotFound { what: "secret", id: name.to_owned() });
        }
        let mut write = Write::default();
        table::set(&mut write, project, name, None, &Actor::named(deed.actor.as_str()), deed.at);
        note(&mut write, project, "secrets.remove", name, None, deed);
        self.write_secrets(project, write).await
    }

    async fn write_secrets(&self, project: &ProjectName, write: Write) -> Result<()> {
        let written = self.write(write).await;
        // Also where nobody knows whether it took place.
        self.secrets.forget(project);
        written
    }

    /// What seals the secrets of a project; `None`: it has had none yet.
    pub(crate) async fn project_sealer(&self, project: &ProjectName) -> Result<Option<Sealer>> {
        let Some(sealed) = self.db().project_key(project).await? else { return Ok(None) };
        opened_key(&self.sealer, &sealed).map(|key| Sealer::of_key(&key))
    }

    pub(crate) async fn make_project_sealer(&self, project: &ProjectName, now: Timestamp) -> Result<Sealer> {
        if let Some(sealer) = self.project_sealer(project).await? {
            return Ok(sealer);
        }
        let key = seal::random::<32>()?;
        self.write(table::add_key(project, self.sealer.seal(&hex(&key))?, now)).await?;
        // Another server may have been first.
        self.project_sealer(project).await?.ok_or(Error::Closed)
    }

    /// Replaces the server's key. How many keys of projects were sealed anew.
    ///
    /// # Errors
    /// If another server has the same key, or something cannot be written: then the key is what it was.
    pub async fn rotate_key(&self, deed: &Deed) -> Result<u64> {
        let now = deed.at;
        let _one = self.secrets.one.lock().await;
        if self.follows || self.db.has_others() {
            let what =
                "other servers of this database have the same key, and would open nothing more".to_owned();
            return Err(Error::Database {
                what,
                cure: "stop those that follow, replace the key, and give them the new file `secret.key`",
            });
        }
        if self.key_is_given {
            let what = "the server's key is given by the configuration".to_owned();
            return Err(Error::Database {
                what,
                cure: "set `secrets.key` to a new one and `secrets.former_key` to this one (in Vault, write a new version), and start the server again",
            });
        }
        let next = Sealer::draw()?;
        let file = self.data.join(NEXT_FILE);
        seal::write_new(&file, &next.key())?;
        let (mut write, count) = match sealed_anew(&self.db, &self.sealer, &next, now).await {
            Ok(write) => write,
            Err(error) => {
                let _ = fs::remove_file(&file);
                return Err(error);
            }
        };
        let entry = Entry { action: "secrets.rotate-key", subject: "key", id: "server", ..Entry::default() };
        audit::add(&mut write, deed, entry);
        // Whatever becomes of it, the file stays: it may be the key by now.
        self.write(write).await?;
        self.sealer.replace(next.key());
        seal::put_in_place(&self.data, &next)?;
        fs::remove_file(&file).map_err(Error::io(format!("remove {}", file.display())))?;
        Ok(count)
    }
}

/// Whether a new key lies in a data folder that may be the one or not.
pub(crate) fn is_being_replaced(data: &Path) -> bool {
    data.join(NEXT_FILE).exists()
}

fn opened_key(sealer: &Sealer, sealed: &str) -> Result<KeyBytes> {
    let damaged = || Error::Damaged { what: "a key".into(), why: "it is none".into() };
    let text = sealer.unseal(sealed)?.ok_or_else(damaged)?;
    seal::unhex(&text).and_then(|key| key.try_into().ok()).ok_or_else(damaged)
}

/// What makes another key the one of the database.
pub(crate) async fn sealed_anew(
    db: &Db,
    sealer: &Sealer,
    next: &Sealer,
    now: Timestamp,
) -> Result<(Write, u64)> {
    let (origin, _) = db.keyed_origin(sealer).await?.ok_or(Error::Closed)?;
    let mut write = crate::origin::key_name(&origin, next.key_name());
    let keys = db.project_keys().await?;
    for (project, sealed) in &keys {
        let key = opened_key(sealer, sealed)?;
        table::seal_key(&mut write, &ProjectName::unchecked(project.clone()), next.seal(&hex(&key))?);
    }
    let former = db.former_keys().await?;
    for (number, sealed) in &former {
        table::former(&mut write, *number, next.seal(&hex(&opened_key(sealer, sealed)?))?, now);
    }
    let number = former.last().map_or(1, |(number, _)| number + 1);
    table::former(&mut write, number, next.seal(&hex(&sealer.key()))?, now);
    Ok((write, keys.len() as u64))
}

/// Finishes what a crash has left of a replacement of the key: the database says which of the two it is.
pub(crate) async fn settle_key(db: &Db, data: &Path) -> Result<()> {
    let file = data.join(NEXT_FILE);
    let key = match fs::read(&file) {
        Ok(key) => key,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(format!("read {}", file.display()))(error)),
    };
    if let Some(next) = Sealer::of_key(&key) {
        let is_next = matches!(db.keyed_origin(&next).await?, Some((_, crate::origin::Keyed::ByThis)));
        if is_next {
            seal::put_in_place(data, &next)?;
        }
    }
    fs::remove_file(&file).map_err(Error::io(format!("remove {}", file.display())))
}

/// Has a sealer open what was sealed with the keys before its own.
pub(crate) async fn remember_former(db: &Db, sealer: &Sealer) -> Result<()> {
    let mut keys = Vec::new();
    for (number, sealed) in db.former_keys().await? {
        match opened_key(sealer, &sealed) {
            Ok(key) => keys.push(key),
            Err(error) => {
                tracing::warn!(number, %error, "a former key cannot be opened: what it has sealed is lost")
            }
        }
    }
    sealer.remember(keys);
    Ok(())
}
