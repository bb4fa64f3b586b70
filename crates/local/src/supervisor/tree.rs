//! Which processes belong to an attempt, and how all of them are killed.
//!
//! A process belongs to an attempt if it is in the group of its leader, descends from a member, or carries the
//! attempt's marker in its environment. What leaves its parent comes back to the supervisor, which is a subreaper.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Ticks of the process table's clock.
const TICKS_PER_SECOND: u64 = 100;

/// One process.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub zombie: bool,
    /// Its own and that of its waited-for children.
    pub cpu_us: u64,
    pub threads: u64,
    /// Since the machine's start.
    pub start_ticks: u64,
    pub memory: u64,
}

/// Every process of the machine, at one moment.
#[derive(Debug, Default)]
pub struct Table {
    pub processes: HashMap<i32, Process>,
}

impl Table {
    /// Reads it: some ten microseconds a process.
    pub fn read() -> Self {
        let mut processes = HashMap::new();
        let page = rustix::param::page_size() as u64;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(process) = read_process(pid, page) {
                processes.insert(pid, process);
            }
        }
        Self { processes }
    }

    /// The members and all that descends from them.
    pub fn closure(&self, mut members: HashSet<i32>) -> HashSet<i32> {
        loop {
            let before = members.len();
            for (&pid, process) in &self.processes {
                if members.contains(&process.parent) {
                    members.insert(pid);
                }
            }
            if members.len() == before {
                return members;
            }
        }
    }
}

fn read_process(pid: i32, page: u64) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything: what counts comes after the last one.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.trim().parse::<i64>().ok());
    let unsigned = |index: usize| number(index).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
    let id = |index: usize| number(index).and_then(|value| i32::try_from(value).ok());
    let ticks = unsigned(11) + unsigned(12) + unsigned(13) + unsigned(14);
    Some(Process {
        parent: id(1)?,
        group: id(2)?,
        session: id(3)?,
        zombie: matches!(fields.first(), Some(&("Z" | "X"))),
        cpu_us: ticks * (1_000_000 / TICKS_PER_SECOND),
        threads: unsigned(17),
        start_ticks: unsigned(19),
        memory: unsigned(21) * page,
    })
}

/// Memory with shared pages counted by their share; resident memory where that cannot be read.
pub fn proportional_memory(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Whether a start time of the process table lies within a window of microseconds since the machine's start.
pub const fn started_within(ticks: u64, boot_us: (u64, u64)) -> bool {
    let us = 1_000_000 / TICKS_PER_SECOND;
    ticks >= (boot_us.0 / us).saturating_sub(1) && ticks <= boot_us.1 / us + 1
}

/// The attempt that a process says it belongs to: run and number.
pub fn marker(pid: i32) -> Option<(String, u32)> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let find = |name: &[u8]| {
        bytes
            .split(|&byte| byte == 0)
            .find_map(|variable| variable.strip_prefix(name))
            .map(String::from_utf8_lossy)
    };
    Some((find(b"RIGI_RUN_ID=")?.into_owned(), find(b"RIGI_ATTEMPT=")?.parse().ok()?))
}

/// The group by which the system decides what a process may do.
pub fn effective_group(pid: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Gid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// Kills all processes that have a group by which the system decides, until none is left; `false` if one stays.
pub fn end_group(group: u32, until: Instant) -> bool {
    let mut pause = Duration::from_millis(1);
    loop {
        let table = Table::read();
        let living = table.processes.iter().filter(|(_, process)| !process.zombie).map(|(&pid, _)| pid);
        let left: Vec<i32> = living.filter(|&pid| effective_group(pid) == Some(group)).collect();
        if left.is_empty() || Instant::now() > until {
            return left.is_empty();
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        // They are not this process's children to wait for.
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Sends a signal to a process.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 1) {
        let _ = kill_process(pid, signal);
    }
}

/// Sends a signal to a whole group; `false` if it has no member.
pub fn signal_group(leader: i32, signal: Signal) -> bool {
    match Pid::from_raw(leader).filter(|_| leader > 1) {
        Some(pid) => kill_process_group(pid, signal).is_ok(),
        None => false,
    }
}

/// The children that this process did not start itself: strays, which came to it when their parents ended.
///
/// Children of attempts are started by other threads than the first one, and strays come to the first one, so that
/// one short file tells whether there is any.
#[derive(Debug)]
pub struct Strays {
    file: Option<File>,
    own: i32,
}

impl Strays {
    /// To be called in the first thread.
    pub fn new() -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        Self { file: File::open(format!("/proc/self/task/{own}/children")).ok(), own }
    }

    /// Their process ids. Those that have ended and wait to be reaped are among them. `started` are children that
    /// were started here, for kernels that do not keep the list.
    pub fn list(&self, started: impl Fn(i32) -> bool) -> Vec<i32> {
        let Some(file) = &self.file else {
            let table = Table::read();
            let own = table.processes.iter().filter(|(_, process)| process.parent == self.own);
            return own.map(|(&pid, _)| pid).filter(|&pid| !started(pid)).collect();
        };
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(len @ 1..) = file.read_at(&mut chunk, text.len() as u64) {
            text.extend_from_slice(&chunk[..len]);
        }
        String::from_utf8_lossy(&text).split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }
}

/// Kills a stray: itself, its group unless that is a protected one, and all that descends from it.
pub fn kill_stray(pid: i32, protected: impl Fn(i32) -> bool) {
    let group = Pid::from_raw(pid).and_then(|pid| rustix::process::getpgid(Some(pid)).ok());
    signal(pid, Signal::KILL);
    if let Some(group) = group.map(Pid::as_raw_pid)
        && !protected(group)
    {
        signal_group(group, Signal::KILL);
    }
}
