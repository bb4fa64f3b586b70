//! The task that waits for due times.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, RunId, Timestamp};
use rigi_store::Commit;
use rigi_store::triggers::ScheduleKey;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

use super::fire::{Looked, wake_at};
use super::happen::{self, KnownTrigger, Names};
use super::known::{self, Scheduled, rhythm_text};
use crate::Engine;
use crate::clock::sleep;
use crate::projects::{Project, Projects};

/// The clock may be set at any time: it is looked at this often while something is due some day.
const GLANCE: Duration = Duration::from_secs(60);
/// What could not be read is read again after this time.
const AGAIN: Duration = Duration::from_secs(30);
/// Changes of a folder that come together are read once.
const SETTLE: Duration = Duration::from_millis(200);

/// Starts it, on a server that leads.
pub fn start(engine: Engine, projects: Projects) {
    if !engine.leads() {
        return;
    }
    super::follow::start(engine.clone(), projects.clone());
    super::backfill::start(engine.clone(), projects.clone());
    let watcher = super::happen::start_watching(engine.clone(), projects.clone());
    let commits = engine.store().commits();
    let (told, changed) = mpsc::unbounded_channel();
    let scheduler = Scheduler {
        engine,
        projects,
        told,
        watcher,
        armed: HashMap::new(),
        wakes: BTreeSet::new(),
        waiting: HashMap::new(),
        followed: BTreeSet::new(),
    };
    tokio::spawn(scheduler.run(commits, changed));
}

/// A schedule that starts runs.
struct Armed {
    one: Scheduled,
    since: Timestamp,
    wake: Option<Timestamp>,
}

struct Scheduler {
    engine: Engine,
    projects: Projects,
    /// For those who follow folders.
    told: mpsc::UnboundedSender<ProjectName>,
    /// Who looks for files.
    watcher: mpsc::UnboundedSender<ProjectName>,
    armed: HashMap<ScheduleKey, Armed>,
    /// When each is to be looked at next.
    wakes: BTreeSet<(Timestamp, ScheduleKey)>,
    /// Those that wait for a run to end.
    waiting: HashMap<RunId, ScheduleKey>,
    /// Projects whose folders are followed.
    followed: BTreeSet<ProjectName>,
}

impl Scheduler {
    async fn run(
        mut self,
        mut commits: broadcast::Receiver<Commit>,
        mut changed: mpsc::UnboundedReceiver<ProjectName>,
    ) {
        let mut stale: BTreeSet<ProjectName> = self.all_projects();
        loop {
            self.read(&mut stale).await;
            self.look().await;
            let until = self.next_look(!stale.is_empty());
            tokio::select! {
                () = sleep(until) => {}
                project = changed.recv() => {
                    // The scheduler itself holds a sender: it never ends.
                    stale.extend(project);
                    tokio::time::sleep(SETTLE).await;
                    while let Ok(project) = changed.try_recv() {
                        stale.insert(project);
                    }
                }
                heard = self.hear(&mut commits) => match heard {
                    Some(projects) => stale.extend(projects),
                    None => return,
                },
            }
        }
    }

    fn all_projects(&self) -> BTreeSet<ProjectName> {
        self.projects.all().iter().map(|project| project.id().clone()).collect()
    }

    fn next_look(&self, failed: bool) -> Option<Duration> {
        let now = Timestamp::now();
        let first = self
            .wakes
            .first()
            .map(|(at, _)| if *at > now { at.since(now).min(GLANCE) } else { Duration::ZERO });
        if failed { Some(first.unwrap_or(AGAIN).clamp(Duration::from_secs(1), AGAIN)) } else { first }
    }

    /// Waits for word of something that concerns schedules: the projects whose schedules are others than before. `None`: the server ends.
    async fn hear(&mut self, commits: &mut broadcast::Receiver<Commit>) -> Option<BTreeSet<ProjectName>> {
        loop {
            let commit = match commits.recv().await {
                Ok(commit) => commit,
                Err(RecvError::Lagged(_)) => return Some(self.everything_anew()),
                Err(RecvError::Closed) => return None,
            };
            let mut stale = BTreeSet::new();
            for change in commit.others.iter() {
                match change.subject {
                    Subject::Schedule | Subject::Trigger if change.kind != SubjectEvent::FIRED => {
                        _ = stale.insert(change.project.clone())
                    }
                    Subject::Project if change.kind != SubjectEvent::RUNS_REMOVED => {
                        _ = stale.insert(change.project.clone());
                    }
                    _ => {}
                }
            }
            let mut woken = false;
            if !self.waiting.is_empty() {
                for run in commit.runs.iter() {
                    if let Some(key) = self.waiting.remove(run) {
                        self.wake(&key, Some(Timestamp::now()));
                        woken = true;
                    }
                }
            }
            if woken || !stale.is_empty() {
                return Some(stale);
            }
        }
    }

    /// Something was missed: all is read again, and who waits looks again.
    fn everything_anew(&mut self) -> BTreeSet<ProjectName> {
        let keys: Vec<ScheduleKey> = self.waiting.drain().map(|(_, key)| key).collect();
        keys.iter().for_each(|key| self.wake(key, Some(Timestamp::now())));
        self.all_projects()
    }

    fn wake(&mut self, key: &ScheduleKey, at: Option<Timestamp>) {
        let Some(armed) = self.armed.get_mut(key) else { return };
        if let Some(before) = armed.wake.take() {
            self.wakes.remove(&(before, key.clone()));
        }
        armed.wake = at;
        if let Some(at) = at {
            self.wakes.insert((at, key.clone()));
        }
    }

    /// Reads the schedules of these projects again; what could not be read stays among them.
    async fn read(&mut self, stale: &mut BTreeSet<ProjectName>) {
        if stale.is_empty() {
            return;
        }
        // Word of a commit comes before whoever made it has read the projects again.
        if let Err(error) = self.projects.refresh(&self.engine).await {
            tracing::warn!(%error, "projects cannot be read; this is tried again");
            return;
        }
        for id in std::mem::take(stale) {
            let Some(project) = self.projects.of(&id) else {
                self.disarm(&id, &BTreeSet::new());
                self.engine.awaited().set(&id, Names::default());
                _ = self.watcher.send(id);
                continue;
            };
            self.follow(&project);
            if let Err(error) = self.read_one(&project).await {
                tracing::warn!(project = %id, %error, "schedules cannot be read; this is tried again");
                stale.insert(id);
            }
        }
        if stale.is_empty() {
            self.engine.awaited().known();
        }
    }

    fn disarm(&mut self, project: &ProjectName, but: &BTreeSet<ScheduleKey>) {
        let gone = |key: &&ScheduleKey| key.project == *project && !but.contains(*key);
        let gone: Vec<ScheduleKey> = self.armed.keys().filter(gone).cloned().collect();
        for key in gone {
            self.wake(&key, None);
            self.armed.remove(&key);
        }
        self.waiting.retain(|_, key| key.project != *project || but.contains(key));
    }

    async fn read_one(&mut self, project: &Project) -> rigi_store::Result<()> {
        self.engine.read_triggers(project).await?;
        // Whoever looks for files lives as long as this.
        _ = self.watcher.send(project.id().clone());
        let all = known::of_project(self.engine.store(), project).await?;
        let now = Timestamp::now();
        let unseen = |one: &&Scheduled| one.rhythm.is_some() && one.since.is_none();
        let seen: Vec<_> =
            all.iter().filter(unseen).map(|one| (one.key.clone(), rhythm_text(&one.schedule))).collect();
        self.engine.store().saw_schedules(&seen, now).await?;
        let mut there = BTreeSet::new();
        for one in all {
            let since = one.since.unwrap_or(now);
            if !one.is_armed() {
                continue;
            }
            let key = one.key.clone();
            there.insert(key.clone());
            // What is due already is seen at once, what waits goes on waiting.
            let next = one.next(since, 1).first().map(|due| wake_at(&one, *due));
            let waits = self.waiting.values().any(|other| *other == key);
            self.wake(&key, None);
            self.armed.insert(key.clone(), Armed { one, since, wake: None });
            if !waits {
                self.wake(&key, next);
            }
        }
        self.disarm(project.id(), &there);
        Ok(())
    }

    /// Hears of changes of a project's folder from now on.
    fn follow(&mut self, project: &Project) {
        if !self.followed.insert(project.id().clone()) {
            return;
        }
        let (mut changes, told, id) = (project.catalog.changes(), self.told.clone(), project.id().clone());
        tokio::spawn(async move {
            while !matches!(changes.recv().await, Err(RecvError::Closed)) {
                if told.send(id.clone()).is_err() {
                    return;
                }
            }
        });
    }

    /// Does what has become due.
    async fn look(&mut self) {
        let now = Timestamp::now();
        while let Some((at, key)) = self.wakes.first().cloned() {
            if at > now {
                return;
            }
            self.wake(&key, None);
            let Some(armed) = self.armed.get(&key) else { continue };
            let Some(project) = self.projects.of(&key.project) else { continue };
            match self.engine.fire(&project.catalog, &armed.one, armed.since, now).await {
                Ok(Looked::Settled(since, next)) => {
                    if let Some(armed) = self.armed.get_mut(&key) {
                        armed.since = since;
                    }
                    self.wake(&key, next);
                }
                Ok(Looked::WaitsFor(run, since)) => {
                    if let Some(armed) = self.armed.get_mut(&key) {
                        armed.since = since;
                    }
                    // It may have ended since it was looked at.
                    let over = self.engine.store().db().run(&key.project, &run).await;
                    if over.is_ok_and(|run| run.status.state.is_terminal()) {
                        self.wake(&key, Some(now.after(Duration::from_millis(1))));
                    } else {
                        let armed = self.armed.get(&key);
                        let next = armed
                            .and_then(|armed| Some(wake_at(&armed.one, *armed.one.next(now, 1).first()?)));
                        self.waiting.insert(run, key.clone());
                        self.wake(&key, next);
                    }
                }
                // Word of it comes with its commit.
                Ok(Looked::Paused) => {}
                Err(rigi_store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(schedule = %key, %error, "what is due cannot be started; this is tried again");
                    self.wake(&key, Some(now.after(AGAIN)));
                }
            }
        }
    }
}

impl Engine {
    /// The schedules of a project, as its folder and the database have them now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn schedules_of(&self, project: &Project) -> rigi_store::Result<Vec<Scheduled>> {
        known::of_project(self.store(), project).await
    }

    /// The triggers of a project, as its folder and the database have them now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn triggers_of(&self, project: &Project) -> rigi_store::Result<Vec<KnownTrigger>> {
        happen::of_project(self.store(), project).await
    }

    /// Hears from now on of the ends that triggers of a project wait for.
    async fn read_triggers(&self, project: &Project) -> rigi_store::Result<()> {
        let all = self.triggers_of(project).await?;
        self.awaited().set(project.id(), happen::awaited(&all));
        Ok(())
    }
}
