//! After a supervisor was killed: what is left of its attempts' processes is killed, and they are reported as lost,
//! before anything new may start.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rigi_model::log::{Encoder, Scanner};
use rigi_model::{AttemptKey, Exit, Timestamp, Usage};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{Ended, EndedLog};
use rustix::process::Signal;

use super::journal::{Past, Remembered};
use super::tree::{self, Table};
use crate::account::Account;
use crate::layout::{Layout, name};

/// Processes that cannot be killed are not waited for any longer.
const BOUND: Duration = Duration::from_secs(5);

/// Attempts without an end: the leader, if one was started, and between which microseconds since the machine's start.
type Open = HashMap<AttemptKey, Option<(i32, (u64, u64))>>;

/// Kills what is left of attempts that have no end, and writes an end for each.
pub fn recover(layout: &Layout, past: &mut Past) {
    let open: Open = past
        .attempts
        .iter()
        .filter(|(_, remembered)| remembered.ended.is_none())
        .map(|(key, remembered)| (key.clone(), remembered.process.map(|(pid, boot_us, _)| (pid, boot_us))))
        .collect();
    if open.is_empty() {
        return;
    }
    let survivors = if past.rebooted { 0 } else { kill_rest(&open, &past.sessions) };
    let now = Timestamp::now();
    for (key, remembered) in &mut past.attempts {
        if remembered.ended.is_none() {
            let ended = lost(layout, key, remembered, past.rebooted, survivors, now);
            remembered.ended = Some((now, ended));
        }
    }
}

/// Kills until nothing is left. Returns how many processes do not end.
fn kill_rest(open: &Open, sessions: &[i32]) -> usize {
    let since = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let table = Table::read();
        let members = members(&table, open, sessions);
        if members.is_empty() || since.elapsed() > BOUND {
            return members.len();
        }
        for &pid in &members {
            tree::signal(pid, Signal::KILL);
        }
        // Nothing else can be done before they are gone, and they are not this process's children to wait for.
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// The processes that surely belong to these attempts.
fn members(table: &Table, open: &Open, sessions: &[i32]) -> HashSet<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut leaders = HashSet::new();
    for &(pid, boot_us) in open.values().flatten() {
        match table.processes.get(&pid) {
            Some(process) if !tree::started_within(process.start_ticks, boot_us) => {}
            // Alive, or gone while others of its group may remain.
            _ => {
                leaders.insert(pid);
            }
        }
    }
    let mut members = HashSet::new();
    // Those of runs that had another account; nobody else has such a group.
    let groups: HashSet<u32> = open.keys().map(|key| Account::of_attempt(0, key).group).collect();
    for (&pid, process) in table.processes.iter().filter(|&(&pid, process)| pid != own && !process.zombie) {
        // The group's number could have been used again by strangers: these were not born in our session.
        let in_group = leaders.contains(&process.group) && sessions.contains(&process.session);
        let marked = || {
            let (run, number) = tree::marker(pid)?;
            Some(open.contains_key(&AttemptKey { run: run.parse().ok()?, number }))
        };
        let grouped = || tree::effective_group(pid).is_some_and(|group| groups.contains(&group));
        if leaders.contains(&pid) || in_group || marked().unwrap_or(false) || grouped() {
            members.insert(pid);
        }
    }
    let mut all = table.closure(members);
    all.retain(|pid| *pid != own && table.processes.get(pid).is_some_and(|process| !process.zombie));
    all
}

fn lost(
    layout: &Layout,
    key: &AttemptKey,
    remembered: &Remembered,
    rebooted: bool,
    survivors: usize,
    now: Timestamp,
) -> Ended {
    let mut message = if rebooted {
        "The machine was started anew while it ran.".to_owned()
    } else {
        "Rigi's supervisor was killed while it ran; what was left of its processes was ended.".to_owned()
    };
    if survivors > 0 {
        message = format!("{message} {survivors} processes do not end: they wait for a device.");
    }
    let _ = fs::remove_dir_all(layout.attempt(key).join(name::SECRETS));
    let log = lost_log(&layout.attempt(key).join(name::LOG), &message, now).unwrap_or_default();
    let started_at = remembered.process.map(|(_, _, at)| at);
    Ended {
        exit: Exit::Lost { message },
        started_at,
        usage: Usage::default(),
        log,
        route: None,
        outputs: None,
        stored: Vec::new(),
        left: LeftOut::default(),
    }
}

/// Cuts a torn block off the log's end and adds a last line.
fn lost_log(path: &Path, message: &str, now: Timestamp) -> io::Result<EndedLog> {
    let mut next_line = 1;
    let (mut len, mut stored) = (0, Vec::new());
    let exists = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    if exists {
        let mut scanner = Scanner::new(fs::File::open(path)?);
        while let Ok(Some(block)) = scanner.next_block() {
            if scanner.read_body(&block).is_err() {
                break;
            }
            next_line = block.header.next_line();
            len = block.end();
        }
    }
    let mut encoder = Encoder::new(next_line);
    encoder.note(now, message);
    encoder.take(&mut stored);
    let lines = encoder.lines();
    if !exists {
        return Ok(EndedLog { lines, inline: stored, ..EndedLog::default() });
    }
    let mut file = fs::File::options().append(true).open(path)?;
    file.set_len(len)?;
    io::Write::write_all(&mut file, &stored)?;
    Ok(EndedLog { lines, file: Some(path.to_owned()), ..EndedLog::default() })
}

/// What the folders are called from which nobody knows their attempts any more.
const FORGOTTEN: &str = "forgotten-";

/// Folders of attempts that nobody knows any more. An attempt that is started again after a loss of power has the same
/// name as one of these: they give their names up before anything starts.
pub fn forgotten(layout: &Layout, past: &Past) -> Vec<std::path::PathBuf> {
    let known: HashSet<String> = past.attempts.keys().map(ToString::to_string).collect();
    let entries = fs::read_dir(layout.runs()).into_iter().flatten().flatten();
    let unknown = entries.filter(|entry| entry.file_name().to_str().is_none_or(|name| !known.contains(name)));
    let aside = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(FORGOTTEN) {
            return path;
        }
        let aside = path.with_file_name(format!("{FORGOTTEN}{name}"));
        if fs::rename(&path, &aside).is_ok() { aside } else { path }
    };
    unknown.map(|entry| aside(entry.path())).collect()
}
