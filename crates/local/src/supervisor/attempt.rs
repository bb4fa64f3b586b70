//! One attempt in the supervisor's hands, from the order to its last word.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rigi_model::{AttemptKey, Timestamp, Usage};
use rigi_work::mask::Masks;
use rigi_work::plan::PlanLimits;
use rustix::fd::OwnedFd;
use serde_json::Value;

use super::cgroup::Group;
use super::leftovers::route_of;
use super::spool::Spool;
use super::staging::NotStarted;
use super::unfinished::Telling;
use crate::layout::{Layout, name};
use crate::wire::Launch;

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// With a spawner.
    Starting,
    /// Its leader runs.
    Running,
    /// Its leader has ended; what is left of its tree is killed and its pipes are read to their end.
    Ending,
    /// A worker looks at what it left.
    Inspecting,
}

/// Why it was ended from outside.
#[derive(Debug)]
pub enum Cause {
    Stopped,
    TimedOut,
    Limit { what: &'static str, limit: u64 },
    OutOfMemory,
}

/// See the module.
#[derive(Debug)]
pub struct Attempt {
    pub key: AttemptKey,
    pub folder: PathBuf,
    /// Set while its folder may be given to the next attempt of this code, should it be left unchanged.
    pub code: Option<PathBuf>,
    /// It runs in a container, whose end is not Rigi's alone to ask for.
    pub inside: bool,
    /// The group that no other attempt's processes have, where runs have another account.
    pub marked: Option<u32>,
    pub limits: PlanLimits,
    pub timeout: Option<Duration>,
    pub grace: Duration,
    pub phase: Phase,
    pub cause: Option<Cause>,
    /// Tells the spawner not to start it any more.
    pub cancelled: Arc<AtomicBool>,
    /// The server released it before its end.
    pub released: bool,
    pub spool: Spool,
    /// Known when it has started.
    pub masks: Option<Arc<Masks>>,
    /// Whether it was given secrets as files.
    pub secret_files: bool,
    pub pipes: [Option<OwnedFd>; 2],
    /// Whether the pipe was made larger for a busy stream.
    pub wide: [bool; 2],
    /// 0 before its start.
    pub pid: i32,
    pub started_at: Option<Timestamp>,
    pub started: Instant,
    /// The leader's wait status.
    pub status: i32,
    pub not_started: Option<NotStarted>,
    pub usage: Usage,
    pub group: Option<Group>,
    /// Whether its process group is known to be empty; its number must not be used from then on.
    pub group_gone: bool,
    pub ending_since: Instant,
    /// When it was last sampled, and its CPU time then.
    pub sampled: Option<(Instant, u64)>,
    pub notes_to: u64,
    /// Notes that no server has heard of.
    pub notes: Vec<Value>,
    pub route: Option<String>,
    pub timeout_timer: Option<Instant>,
    pub kill_timer: Option<Instant>,
    pub log_timer: Option<Instant>,
    /// When the log was last written to its file.
    pub spilled: Option<Instant>,
    pub ending_timer: Option<Instant>,
    pub unfinished: Telling,
}

impl Attempt {
    /// An attempt that was just ordered.
    pub fn new(launch: &Launch, layout: &Layout, now: Instant) -> Self {
        let folder = layout.attempt(&launch.key);
        Self {
            key: launch.key.clone(),
            code: launch.is_plain().then(|| launch.code.clone()),
            inside: launch.work.is_some(),
            marked: launch.account().map(|account| account.group),
            limits: launch.limits.clone(),
            timeout: launch.timeout_us.map(Duration::from_micros),
            grace: Duration::from_micros(launch.grace_us),
            phase: Phase::Starting,
            cause: None,
            cancelled: Arc::default(),
            released: false,
            spool: Spool::new(folder.join(name::LOG), launch.limits.log_size),
            folder,
            masks: None,
            secret_files: !launch.secrets.files.is_empty(),
            pipes: [None, None],
            wide: [false; 2],
            pid: 0,
            started_at: None,
            started: now,
            status: 0,
            not_started: None,
            usage: Usage::default(),
            group: None,
            group_gone: false,
            ending_since: now,
            sampled: None,
            notes_to: 0,
            notes: Vec::new(),
            route: None,
            timeout_timer: None,
            kill_timer: None,
            log_timer: None,
            spilled: None,
            ending_timer: None,
            unfinished: Telling::default(),
        }
    }

    /// Whether it may still do something.
    pub const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running)
    }

    /// It has ended: nobody needs its secrets any more.
    pub fn remove_secrets(&self) {
        if self.secret_files {
            // What stays is removed with the folder.
            let _ = std::fs::remove_dir_all(self.folder.join(name::SECRETS));
        }
    }

    /// Takes notes that were read.
    pub fn take_notes(&mut self, mut notes: Vec<Value>) {
        if let Some(masks) = &self.masks {
            notes.iter_mut().for_each(|note| masks.cover_value(note));
        }
        if let Some(route) = notes.iter().rev().find_map(route_of) {
            self.route = Some(route.to_owned());
        }
        self.notes.extend(notes);
    }
}

/// A text of an attempt without its secrets.
pub fn covered(masks: Option<&Masks>, text: String) -> String {
    match masks.map(|masks| masks.cover(&text)) {
        Some(Cow::Owned(covered)) => covered,
        _ => text,
    }
}
