//! The task that looks for files: when a trigger's interval is over, and at once when the kernel tells of a change.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rigi_model::triggers::TriggerOn;
use rigi_model::triggers::files::Pattern;
use rigi_model::{ProjectName, Timestamp};
use rigi_store::triggers::TriggerKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::KnownTrigger;
use super::files::{Look, Looking};
use super::folder::Place;
use super::known::of_project;
use crate::Engine;
use crate::clock::sleep;
use crate::projects::Projects;

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(30);
/// The longest wait at a time: the clock may be set.
const GLANCE: Duration = Duration::from_secs(60);
/// Changes of a folder that come together are looked at once.
const TOGETHER: Duration = Duration::from_millis(100);

/// Starts it; it is told of projects whose triggers may be others than before.
pub(in crate::triggers) fn start(engine: Engine, projects: Projects) -> mpsc::UnboundedSender<ProjectName> {
    let (told, stale) = mpsc::unbounded_channel();
    let (sender, changed) = mpsc::unbounded_channel();
    let watcher = Watcher {
        engine,
        projects,
        armed: HashMap::new(),
        generation: 0,
        looks: JoinSet::new(),
        kernel: None,
        sender,
        folders: BTreeMap::new(),
    };
    tokio::spawn(watcher.run(stale, changed));
    told
}

struct Armed {
    one: KnownTrigger,
    generation: u64,
    /// `None`: it is being looked.
    looking: Option<Looking>,
    due: Timestamp,
    /// Something changed while it was being looked.
    again: bool,
    folder: Option<PathBuf>,
}

/// What came of a look.
struct Looked {
    key: TriggerKey,
    generation: u64,
    looking: Looking,
    next: rigi_store::Result<Duration>,
}

struct Watcher {
    engine: Engine,
    projects: Projects,
    armed: HashMap<TriggerKey, Armed>,
    generation: u64,
    looks: JoinSet<Looked>,
    kernel: Option<RecommendedWatcher>,
    sender: mpsc::UnboundedSender<PathBuf>,
    /// Folders that the kernel tells of, and by how many triggers each is meant.
    folders: BTreeMap<PathBuf, usize>,
}

impl Watcher {
    async fn run(
        mut self,
        mut stale: mpsc::UnboundedReceiver<ProjectName>,
        mut changed: mpsc::UnboundedReceiver<PathBuf>,
    ) {
        let mut unread: Option<ProjectName> = None;
        loop {
            if let Some(project) = unread.take()
                && let Err(error) = self.read(&project).await
            {
                tracing::warn!(%project, %error, "triggers cannot be read; this is tried again");
                unread = Some(project);
            }
            self.look();
            let wait = match unread {
                Some(_) => Some(AGAIN),
                None => self.next(),
            };
            tokio::select! {
                project = stale.recv(), if unread.is_none() => match project {
                    Some(project) => unread = Some(project),
                    None => return,
                },
                Some(path) = changed.recv() => {
                    self.touched(&path);
                    tokio::time::sleep(TOGETHER).await;
                    while let Ok(path) = changed.try_recv() {
                        self.touched(&path);
                    }
                }
                Some(looked) = self.looks.join_next(), if !self.looks.is_empty() => match looked {
                    Ok(looked) => if self.took(looked) { return },
                    Err(error) => tracing::error!(%error, "a look for files has broken"),
                },
                () = sleep(wait) => {}
            }
        }
    }

    fn next(&self) -> Option<Duration> {
        let now = Timestamp::now();
        let due = self.armed.values().filter(|one| one.looking.is_some()).map(|one| one.due).min()?;
        Some(if due > now { due.since(now).min(GLANCE) } else { Duration::ZERO })
    }

    /// Reads the triggers of a project again. What is known of those that are as before stays.
    async fn read(&mut self, id: &ProjectName) -> rigi_store::Result<()> {
        let all = match self.projects.of(id) {
            Some(project) => of_project(self.engine.store(), &project).await?,
            None => Vec::new(),
        };
        let of_files = |one: &KnownTrigger| one.is_armed() && matches!(one.spec.on, TriggerOn::Files(_));
        let all: HashMap<TriggerKey, KnownTrigger> =
            all.into_iter().filter(of_files).map(|one| (one.key.clone(), one)).collect();
        let gone = |(key, armed): (&TriggerKey, &Armed)| {
            let same = all.get(key).is_some_and(|one| one.spec == armed.one.spec);
            (key.project == *id && !same).then(|| key.clone())
        };
        let gone: Vec<TriggerKey> = self.armed.iter().filter_map(gone).collect();
        for key in gone {
            let folder = self.armed.remove(&key).and_then(|armed| armed.folder);
            folder.into_iter().for_each(|folder| self.unfollow(&folder));
        }
        for (key, one) in all {
            if self.armed.contains_key(&key) {
                continue;
            }
            let TriggerOn::Files(files) = &one.spec.on else { continue };
            // What a spec holds was read before.
            let Ok(pattern) = Pattern::parse(&files.pattern) else { continue };
            let deep = pattern.deep;
            let (store, allowed) = (self.engine.store(), &self.engine.settings().watched_folders);
            let place = Place::new(pattern, store.blobs(id), allowed.clone(), store.data());
            let folder = place.local().map(Path::to_owned);
            let followed = folder.filter(|folder| self.follow(folder, deep));
            self.generation += 1;
            let (looking, generation) = (Some(Looking::new(place, &one)), self.generation);
            let due = Timestamp::now();
            self.armed.insert(key, Armed { one, generation, looking, due, again: false, folder: followed });
        }
        Ok(())
    }

    /// Has the kernel tell of changes of a folder; where it cannot, the interval is what there is.
    fn follow(&mut self, folder: &Path, deep: bool) -> bool {
        if let Some(count) = self.folders.get_mut(folder) {
            *count += 1;
            return true;
        }
        if self.engine.settings().watched_folders.check(folder, self.engine.store().data()).is_err() {
            return false;
        }
        if self.kernel.is_none() {
            let sender = self.sender.clone();
            let told = move |event: notify::Result<notify::Event>| {
                if let Ok(event) = event
                    && !matches!(event.kind, EventKind::Access(_) | EventKind::Remove(_))
                {
                    event.paths.into_iter().for_each(|path| _ = sender.send(path));
                }
            };
            self.kernel = notify::recommended_watcher(told).ok();
        }
        // Of two triggers of one folder the first says how deep; the other has its interval.
        let mode = if deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        let watched = self.kernel.as_mut().is_some_and(|kernel| kernel.watch(folder, mode).is_ok());
        if watched {
            self.folders.insert(folder.to_owned(), 1);
        }
        watched
    }

    fn unfollow(&mut self, folder: &Path) {
        let Some(count) = self.folders.get_mut(folder) else { return };
        *count -= 1;
        if *count == 0 {
            self.folders.remove(folder);
            if let Some(kernel) = &mut self.kernel {
                // One that is gone is not followed any more as it is.
                _ = kernel.unwatch(folder);
            }
        }
    }

    fn touched(&mut self, path: &Path) {
        let now = Timestamp::now();
        for armed in self.armed.values_mut() {
            if armed.folder.as_ref().is_some_and(|folder| path.starts_with(folder)) {
                armed.due = now;
                armed.again = true;
            }
        }
    }

    /// Begins the looks that are due.
    fn look(&mut self) {
        let now = Timestamp::now();
        for (key, armed) in &mut self.armed {
            if armed.due > now {
                continue;
            }
            let Some(project) = self.projects.of(&key.project) else { continue };
            let Some(mut looking) = armed.looking.take() else { continue };
            armed.again = false;
            let (engine, one) = (self.engine.clone(), armed.one.clone());
            let (key, generation) = (key.clone(), armed.generation);
            self.looks.spawn(async move {
                let TriggerOn::Files(files) = &one.spec.on else {
                    return Looked { key, generation, looking, next: Ok(GLANCE) };
                };
                let look =
                    Look { engine: &engine, project: &project, one: &one, files, now: Timestamp::now() };
                let next = look.look(&mut looking).await;
                Looked { key, generation, looking, next }
            });
        }
    }

    /// `true`: the server ends.
    fn took(&mut self, looked: Looked) -> bool {
        let next = match looked.next {
            Ok(next) => next,
            Err(rigi_store::Error::Closed) => return true,
            Err(error) => {
                tracing::warn!(trigger = %looked.key, %error, "files cannot be looked for; this is tried again");
                AGAIN
            }
        };
        let armed = self.armed.get_mut(&looked.key);
        if let Some(armed) = armed.filter(|armed| armed.generation == looked.generation) {
            let next = if armed.again { Duration::ZERO } else { next };
            armed.due = Timestamp::now().after(next);
            let place = looked.looking.place().local().map(Path::to_owned);
            armed.looking = Some(looked.looking);
            // A folder that was made later.
            if armed.folder.is_none()
                && let (Some(folder), TriggerOn::Files(files)) = (place, &armed.one.spec.on)
            {
                let deep = Pattern::parse(&files.pattern).is_ok_and(|pattern| pattern.deep);
                let key = looked.key;
                if self.follow(&folder, deep)
                    && let Some(armed) = self.armed.get_mut(&key)
                {
                    armed.folder = Some(folder);
                }
            }
        }
        false
    }
}
