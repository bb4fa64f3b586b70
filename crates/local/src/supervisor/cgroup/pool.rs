//! The groups that were made, and which of them are free.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rigi_work::plan::PlanLimits;

use super::around::Around;
use super::{v1, v2};

/// Which version, and where groups can be made.
#[derive(Debug)]
pub enum GroupPlace {
    /// One folder per controller.
    V1(v1::Controllers),
    /// One folder.
    V2(PathBuf),
    /// None: the container around this process is the one attempt's group.
    Around(Around),
}

/// All groups of one supervisor.
#[derive(Debug)]
pub struct Pool {
    place: Arc<GroupPlace>,
    free: Mutex<Vec<u32>>,
    next: std::sync::atomic::AtomicU32,
}

impl Pool {
    /// Finds where groups can be made; `None` if nowhere. `name` must be this data folder's alone: groups that are
    /// found under it are taken for left over, and every process in them is killed.
    pub fn open(name: &str) -> Option<Self> {
        let place = v2::find(name).map(GroupPlace::V2).or_else(|| v1::find(name).map(GroupPlace::V1))?;
        let pool = Self { place: Arc::new(place), free: Mutex::default(), next: 0.into() };
        pool.clear();
        Some(pool)
    }

    /// Takes the container around this process for the group of its one attempt.
    pub fn around() -> Option<Self> {
        let place = Arc::new(GroupPlace::Around(Around::find()?));
        Some(Self { place, free: Mutex::default(), next: 0.into() })
    }

    /// Kills what is left in groups of an earlier supervisor, and removes them.
    fn clear(&self) {
        for root in self.place.roots() {
            for entry in fs::read_dir(root).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    kill_all(&path);
                    // Fails while killed processes are still leaving; such a group is found again next time.
                    let _ = fs::remove_dir(&path);
                }
            }
        }
    }

    /// A group that holds these limits; `None` if it cannot be made, which the limits' other means then make good.
    pub fn take(&self, limits: &PlanLimits) -> Option<Group> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // A used group may still hold more memory (files in the cache) than the new limit allows: then a new one is made.
        let fresh = std::iter::repeat_with(|| self.fresh()).take(2);
        free.into_iter().chain(fresh).find_map(|index| self.prepare(index, limits))
    }

    fn fresh(&self) -> u32 {
        self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }

    fn prepare(&self, index: u32, limits: &PlanLimits) -> Option<Group> {
        let mut group =
            Group { index, place: self.place.clone(), oom_before: 0, processes_before: 0, memory: false };
        if let Err(error) = group.prepare(limits) {
            eprintln!("The control group {index} cannot be used: {error}");
            return None;
        }
        group.oom_before = group.count("oom");
        group.processes_before = group.count("processes");
        Some(group)
    }

    /// The group's processes are gone: another attempt may have it.
    pub fn give_back(&self, group: &Group) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(group.index);
    }

    /// Removes the groups, at the end.
    pub fn remove(&self) {
        for _ in 0..20 {
            self.clear();
            let left =
                self.place.roots().into_iter().filter(|root| fs::remove_dir(root).is_err() && root.exists());
            if left.count() == 0 {
                return;
            }
            // A process that was killed leaves its group a moment later, and nothing tells when.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl GroupPlace {
    fn roots(&self) -> Vec<&Path> {
        match self {
            Self::V1(controllers) => controllers.roots(),
            Self::V2(root) => vec![root],
            Self::Around(_) => Vec::new(),
        }
    }
}

/// The control group of one attempt.
#[derive(Debug)]
pub struct Group {
    index: u32,
    place: Arc<GroupPlace>,
    oom_before: u64,
    processes_before: u64,
    memory: bool,
}

impl Group {
    fn prepare(&mut self, limits: &PlanLimits) -> std::io::Result<()> {
        match &*self.place {
            GroupPlace::V1(controllers) => controllers.prepare(self.index, limits)?,
            GroupPlace::V2(root) => v2::prepare(&root.join(self.index.to_string()), limits)?,
            GroupPlace::Around(_) => {}
        }
        self.memory = limits.memory.is_some();
        Ok(())
    }

    /// Whether the limit on memory is held by this group.
    pub const fn holds_memory(&self) -> bool {
        self.memory
    }

    /// Moves this thread into the group, so that what it starts is born there, where single threads can be moved.
    pub fn enter(&self) {
        if let GroupPlace::V1(controllers) = &*self.place {
            controllers.enter(self.index);
        }
    }

    /// Moves this thread back to where its process is.
    pub fn leave(&self) {
        if let GroupPlace::V1(_) = &*self.place {
            v1::leave();
        }
    }

    /// Where a process writes `0` to be in the group, if [`Self::enter`] could not see to it.
    pub fn door(&self) -> Option<fs::File> {
        let GroupPlace::V2(root) = &*self.place else { return None };
        fs::OpenOptions::new().write(true).open(root.join(format!("{}/cgroup.procs", self.index))).ok()
    }

    fn count(&self, what: &str) -> u64 {
        match &*self.place {
            GroupPlace::V1(controllers) => controllers.count(self.index, what),
            GroupPlace::V2(root) => v2::count(&root.join(self.index.to_string()), what),
            GroupPlace::Around(around) => around.count(what),
        }
    }

    /// Whether a process of the group was killed for the limit on memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.count("oom") > self.oom_before
    }

    /// Whether a process of the group could not be made for the limit on processes.
    pub fn ran_out_of_processes(&self) -> bool {
        self.count("processes") > self.processes_before
    }

    /// The most memory at one time, in bytes.
    pub fn max_memory(&self) -> u64 {
        self.count("peak")
    }

    /// Kills everything in it; `false` if it was empty.
    pub fn kill(&self) -> bool {
        match &*self.place {
            GroupPlace::V1(controllers) => {
                // Every one of them, not only the first that holds something.
                controllers.groups(self.index).iter().map(|path| kill_all(path)).filter(|&any| any).count()
                    > 0
            }
            GroupPlace::V2(root) => kill_all(&root.join(self.index.to_string())),
            // Its processes are killed one by one, as where there are no groups.
            GroupPlace::Around(_) => false,
        }
    }
}

fn kill_all(group: &Path) -> bool {
    let Ok(text) = fs::read_to_string(group.join("cgroup.procs")) else { return false };
    let mut any = false;
    let own = rustix::process::getpid();
    for pid in text.lines().filter_map(|line| line.parse().ok()).filter_map(rustix::process::Pid::from_raw) {
        // A thread of the supervisor's may be inside, about to start the attempt: the supervisor is not part of it.
        if pid == own {
            continue;
        }
        any = true;
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    any
}
