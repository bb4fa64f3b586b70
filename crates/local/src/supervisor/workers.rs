//! Threads beside the supervisor's loop, for all that may take its time: staging and starting, looking at what an
//! attempt left, reading the process table, removing folders.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rigi_model::Reason;
use rigi_model::attempt::FailureClass;
use rigi_work::mask::Masks;
use rustix::fd::OwnedFd;

use super::attempt::covered;
use super::cgroup::Pool;
use super::leftovers::{Leftovers, files_in, inspect};
use super::recycling::Recycler;
use super::removal::{Stayed, remove};
use super::sampling::Samples;
use super::spawn::{Spawned, spawn};
use super::staging::{NotStarted, Versions, hand_over, stage};
use super::tree::Table;
use crate::wire::Launch;

/// Something for a worker to do.
pub enum Job {
    /// Stage and start, unless it was cancelled in the meantime.
    Launch { id: u32, folder: PathBuf, launch: Box<Launch>, cancelled: Arc<AtomicBool> },
    /// Look at what an ended attempt left.
    Inspect { id: u32, folder: PathBuf, notes_from: u64 },
    /// Read the process table, and add up these attempts' outputs.
    Sample { outputs: Vec<(u32, PathBuf)> },
    /// Remove folders, or keep them for the next attempts of their code.
    Remove(Vec<(PathBuf, Option<PathBuf>)>),
    /// Remove the folders that were kept.
    Clear,
}

/// What came of it.
pub enum Done {
    /// `None`: it was cancelled before anything started.
    Launched {
        id: u32,
        result: Result<Option<Spawned>, NotStarted>,
    },
    Inspected {
        id: u32,
        left: Leftovers,
    },
    Sampled(Samples),
}

/// The threads' side of the results.
#[derive(Clone)]
struct Outlet {
    done: Arc<Mutex<Vec<Done>>>,
    wake: Arc<OwnedFd>,
}

impl Outlet {
    fn send(&self, done: Done) {
        let mut list = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(done);
        // The loop takes the whole list at once: it is woken for the first only.
        if list.len() == 1 {
            drop(list);
            let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
        }
    }
}

/// The loop's side.
pub struct Workers {
    spawners: Sender<Job>,
    sampler: Sender<Job>,
    remover: Sender<Job>,
    removing: JoinHandle<()>,
    done: Arc<Mutex<Vec<Done>>>,
}

/// What spawners share.
pub struct Tools {
    pub versions: Versions,
    pub recycler: Recycler,
    pub pool: Option<Arc<Pool>>,
    /// Open files of one process where the spec says nothing.
    pub open_files: u64,
}

impl Workers {
    /// Starts the threads; `wake` is written to when there is a result.
    pub fn start(spawners: usize, tools: Tools, wake: Arc<OwnedFd>) -> std::io::Result<Self> {
        let done = Arc::new(Mutex::new(Vec::new()));
        let outlet = Outlet { done: done.clone(), wake };
        let tools = Arc::new(tools);
        let (spawn_jobs, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..spawners.max(1) {
            let (receiver, tools, outlet) = (receiver.clone(), tools.clone(), outlet.clone());
            thread(&format!("spawner-{number}"), move || run_shared(&receiver, &tools, &outlet))?;
        }
        let (sampler, jobs) = channel();
        let sampler_tools = tools.clone();
        thread("sampler", move || run(&jobs, &sampler_tools, &outlet.clone()))?;
        let (remover, jobs) = channel::<Job>();
        let removing = thread("remover", move || {
            remove_all(&jobs, &tools);
            tools.recycler.clear();
        })?;
        Ok(Self { spawners: spawn_jobs, sampler, remover, removing, done })
    }

    /// Hands a job to the thread for it.
    pub fn submit(&self, job: Job) {
        let to = match job {
            Job::Launch { .. } | Job::Inspect { .. } => &self.spawners,
            Job::Sample { .. } => &self.sampler,
            Job::Remove(_) | Job::Clear => &self.remover,
        };
        // Threads live as long as the process.
        let _ = to.send(job);
    }

    /// Waits until everything is removed that was to be.
    pub fn finish(self) {
        drop(self.remover);
        let _ = self.removing.join();
    }

    /// All results since the last call.
    pub fn take(&self) -> Vec<Done> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(512 * 1024).spawn(body)
}

/// Removes folders until nobody has any more; what stays is tried again.
fn remove_all(jobs: &Receiver<Job>, tools: &Tools) {
    let mut stayed = Stayed::default();
    loop {
        let job = match stayed.pause() {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => jobs.recv_timeout(pause),
        };
        match job {
            Ok(Job::Remove(folders)) => {
                for (folder, code) in folders {
                    let left = tools.recycler.take_back(folder, code.as_deref(), &tools.versions);
                    left.into_iter().for_each(|folder| stayed.add(folder));
                }
            }
            Ok(Job::Clear) => tools.recycler.clear(),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => stayed.try_again(remove),
            // What stays now is found and removed at the next start.
            Err(RecvTimeoutError::Disconnected) => return stayed.try_again(remove),
        }
    }
}

fn run_shared(jobs: &Mutex<Receiver<Job>>, tools: &Tools, outlet: &Outlet) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        perform(job, tools, outlet);
    }
}

fn run(jobs: &Receiver<Job>, tools: &Tools, outlet: &Outlet) {
    while let Ok(job) = jobs.recv() {
        perform(job, tools, outlet);
    }
}

fn perform(job: Job, tools: &Tools, outlet: &Outlet) {
    match job {
        Job::Launch { id, folder, launch, cancelled } => {
            let mut result = start(&folder, &launch, &cancelled, tools);
            // While its process begins: what it says is read when the loop knows of it.
            let masks = Masks::of(&launch.secrets.covered).map(Arc::new);
            match &mut result {
                Ok(Some(spawned)) => spawned.masks = masks,
                Ok(None) => {}
                Err(why) => why.message = covered(masks.as_deref(), std::mem::take(&mut why.message)),
            }
            outlet.send(Done::Launched { id, result });
        }
        Job::Inspect { id, folder, notes_from } => {
            outlet.send(Done::Inspected { id, left: inspect(&folder, notes_from) });
        }
        Job::Sample { outputs } => {
            let sum = |(id, path): (u32, PathBuf)| (id, files_in(&path).ok().flatten().unwrap_or(0));
            let outputs = outputs.into_iter().map(sum).collect();
            let samples = Samples { at: std::time::Instant::now(), table: Table::read(), outputs };
            outlet.send(Done::Sampled(samples));
        }
        Job::Remove(_) | Job::Clear => {}
    }
}

fn start(
    folder: &std::path::Path,
    launch: &Launch,
    cancelled: &AtomicBool,
    tools: &Tools,
) -> Result<Option<Spawned>, NotStarted> {
    if cancelled.load(Ordering::SeqCst) {
        return Ok(None);
    }
    let mut notes = stage(folder, launch, &tools.versions, &tools.recycler)?;
    if let Some(account) = launch.account() {
        hand_over(folder, account)?;
    }
    if cancelled.load(Ordering::SeqCst) {
        return Ok(None);
    }
    let wanted = launch.cgroup.then_some(tools.pool.as_ref()).flatten();
    let group = wanted.and_then(|pool| pool.take(&launch.limits));
    if launch.cgroup && group.is_none() && launch.limits.cpu.is_some() {
        let message = "`limits.cpu` cannot be held here: this user may not make control groups on this machine. \
                       Remove the limit, or let Rigi make control groups (docs/operate).";
        let (class, reason) = (FailureClass::Infrastructure, Reason::StartFailed);
        return Err(NotStarted { class, reason, message: message.into() });
    }
    let spawned = spawn(folder, launch, group.as_ref(), tools.open_files);
    match spawned {
        Ok(mut spawned) => {
            spawned.notes.append(&mut notes);
            spawned.group = group;
            Ok(Some(spawned))
        }
        Err(error) => {
            if let (Some(pool), Some(group)) = (&tools.pool, &group) {
                pool.give_back(group);
            }
            Err(error)
        }
    }
}
