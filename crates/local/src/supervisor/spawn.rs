//! Starts an attempt's process: posix_spawn with two pipes, a group of its own, and limits set from outside.
//!
//! `std::process::Command` uses posix_spawn, which is a fifth cheaper than fork, as long as nothing is to run between
//! fork and exec and the program is given by a path. So the program is looked up here, and only an attempt that has
//! limits of its own is forked, as they must hold from its first instruction on; the server's are inherited.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rigi_model::Timestamp;
use rigi_work::mask::Masks;
use rigi_work::plan::PlanLimits;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use super::cgroup::Group;
use super::refusal::{closed_to, explain, line_end, no_resources, user};
use super::staging::NotStarted;
use crate::sys;
use crate::wire::Launch;

/// A process that was started.
#[derive(Debug)]
pub struct Spawned {
    pub pid: i32,
    pub at: Timestamp,
    /// Standard output and error, to be read without blocking.
    pub pipes: [OwnedFd; 2],
    /// Microseconds since the machine's start, before and after: what its start time lies between.
    pub boot_us: (u64, u64),
    /// Lines for its log.
    pub notes: Vec<String>,
    pub group: Option<Group>,
    /// What is covered in what it says.
    pub masks: Option<Arc<Masks>>,
}

/// Microseconds since the machine's start.
pub fn boot_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1000
}

/// Whoever holds this may start a process by fork, or reap: where exec fails, the standard library waits for the child
/// that it has forked, and must find it.
pub fn forking() -> MutexGuard<'static, ()> {
    static FORKING: Mutex<()> = Mutex::new(());
    FORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts what `launch` asks for in its folder, which is in place.
///
/// # Errors
/// If the program cannot be started: whose fault it is and what to do.
pub fn spawn(
    folder: &Path,
    launch: &Launch,
    group: Option<&Group>,
    open_files: u64,
) -> Result<Spawned, NotStarted> {
    let work = launch.work(folder);
    let program = find_program(launch, &work)?;
    let pipe = || {
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        rustix::pipe::pipe_with(flags).map_err(|error| no_resources("a pipe", &error.into()))
    };
    let ((out_read, out_write), (err_read, err_write)) = (pipe()?, pipe()?);
    for end in [&out_read, &err_read] {
        rustix::io::ioctl_fionbio(end, true).map_err(|error| no_resources("a pipe", &error.into()))?;
    }
    // Another account may not reach the first of this name on PATH, and is then given the next, as a shell does.
    let named = launch.user.is_some() && !launch.argv[0].contains('/');
    let mut command = if named { Command::new(&launch.argv[0]) } else { Command::new(&program) };
    command
        .arg0(&launch.argv[0])
        .args(&launch.argv[1..])
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&work)
        .stdin(Stdio::null())
        .stdout(out_write)
        .stderr(err_write)
        .process_group(0);
    let memory_held = group.is_some_and(Group::holds_memory);
    let limits = limits_of(&launch.limits, memory_held);
    let door = group.and_then(Group::door);
    let born_with = !limits.is_empty() || door.is_some();
    if born_with {
        sys::born_with(&mut command, limits, door);
    }
    if let Some(account) = launch.account() {
        // The standard library drops all other groups where it changes the user.
        command.uid(account.user).gid(account.group);
    }
    // Then it is fork and exec.
    let alone = (born_with || launch.user.is_some()).then(forking);
    let (at, before) = (Timestamp::now(), boot_us());
    if let Some(group) = group {
        group.enter();
    }
    let child = command.spawn();
    drop(alone);
    if let Some(group) = group {
        group.leave();
    }
    let child = child.map_err(|error| match (error.raw_os_error(), launch.user) {
        (Some(libc::EACCES), Some(id)) => closed_to(&launch.argv[0], &program, id),
        _ => explain(&error, &launch.argv[0], &program),
    })?;
    // The supervisor waits for all its children itself: the handle is of no more use.
    let pid = i32::try_from(child.id()).unwrap_or(0);
    drop(child);
    set_limits(pid, &launch.limits, open_files);
    let pipes = [out_read, err_read];
    Ok(Spawned { pid, at, pipes, boot_us: (before, boot_us()), notes: Vec::new(), group: None, masks: None })
}

/// The limits that each process of an attempt must have from its first instruction on, beside those that it inherits.
fn limits_of(limits: &PlanLimits, memory_held: bool) -> Vec<(Resource, Rlimit)> {
    let inherited = limits.output_size.is_some_and(inherit_file_size);
    let most = getrlimit(Resource::Fsize);
    let size = match limits.output_size {
        Some(bytes) => (!inherited).then_some(both(bytes)),
        // This process's own is not meant for it.
        None if most.current != most.maximum => Some(Rlimit { current: most.maximum, ..most }),
        None => None,
    };
    // What it really claims, not what it merely reserves; the sum over the tree is watched by the sampler.
    let data = limits.memory.filter(|_| !memory_held).map(both);
    [(Resource::Fsize, size), (Resource::Data, data)]
        .into_iter()
        .filter_map(|(resource, limit)| Some((resource, limit?)))
        .collect()
}

const fn both(value: u64) -> Rlimit {
    Rlimit { current: Some(value), maximum: Some(value) }
}

/// Whether processes inherit this limit on the size of files. Forking costs more than all else that a short run needs, so
/// that this process takes the first such limit, the server's own, for itself, if its own files never come near it.
fn inherit_file_size(bytes: u64) -> bool {
    const FAR: u64 = 1 << 30;
    static TAKEN: OnceLock<Option<u64>> = OnceLock::new();
    if bytes < FAR {
        return false;
    }
    let take = || {
        let own = Rlimit { current: Some(bytes), ..getrlimit(Resource::Fsize) };
        setrlimit(Resource::Fsize, own).is_ok().then_some(bytes)
    };
    *TAKEN.get_or_init(take) == Some(bytes)
}

/// Sets what a moment's delay does not matter to: no process opens so many files at once, nor raises what it inherits.
fn set_limits(pid: i32, limits: &PlanLimits, open_files: u64) {
    let Some(pid) = Pid::from_raw(pid) else { return };
    let set = |resource, limit| {
        // Fails only for a process that is gone already, or for a limit above the machine's own, which then holds.
        let _ = prlimit(Some(pid), resource, limit);
    };
    match limits.open_files {
        Some(limit) => set(Resource::Nofile, both(limit)),
        None if RAISED.load(Ordering::Relaxed) => {
            set(Resource::Nofile, Rlimit { current: Some(open_files), ..getrlimit(Resource::Nofile) });
        }
        None => {}
    }
    if let Some(bytes) = limits.output_size {
        set(Resource::Fsize, both(bytes));
    }
}

/// Whether this process has raised its own limit on open files, which its children must not inherit.
static RAISED: AtomicBool = AtomicBool::new(false);

/// Every attempt takes two descriptors here: once that gets tight, as many as the system gives.
pub fn make_room(attempts: usize, open_files: u64) {
    if attempts as u64 * 3 + 64 > open_files && !RAISED.swap(true, Ordering::Relaxed) {
        let before = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    }
}

/// Takes the limit on open files that the server has for itself back to what it was.
pub fn give_back(open_files: u64) {
    let now = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(open_files), ..now });
}

/// What children inherit: no core files, and the usual number of open files, which is returned.
pub fn inheritable_limits() -> u64 {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    getrlimit(Resource::Nofile).current.unwrap_or(1024)
}

fn find_program(launch: &Launch, work: &Path) -> Result<PathBuf, NotStarted> {
    let Some(first) = launch.argv.first().filter(|first| !first.is_empty()) else {
        return Err(user("There is no command to start: `command` is empty.".into()));
    };
    if launch.argv.iter().any(|part| part.contains('\0')) {
        return Err(user(format!("`{first}` cannot be started: its arguments hold a NUL character.")));
    }
    if first.contains('/') {
        let program = work.join(first);
        return match line_end(&program) {
            Some(why) => Err(user(format!("`{first}` cannot be started: {why}"))),
            None => Ok(program),
        };
    }
    let path =
        launch.env.iter().find(|(name, _)| name == "PATH").map_or("/usr/local/bin:/usr/bin:/bin", |p| &p.1);
    let mut found_but_closed = None;
    for folder in std::env::split_paths(OsStr::new(path)) {
        let candidate = work.join(folder).join(first);
        if let Ok(meta) = fs::metadata(&candidate)
            && meta.is_file()
        {
            if meta.permissions().mode() & 0o111 != 0 {
                return Ok(candidate);
            }
            found_but_closed = Some(candidate);
        }
    }
    Err(user(match found_but_closed {
        Some(path) => format!("`{first}` cannot be started: {} is not executable.", path.display()),
        None if work.join(first).is_file() => {
            format!(
                "`{first}` cannot be started: it is not on PATH. To start the file in the pipeline's folder, write `./{first}`."
            )
        }
        None => format!(
            "`{first}` cannot be started: there is no such program on PATH ({path}). Install it, or give its whole path."
        ),
    }))
}
