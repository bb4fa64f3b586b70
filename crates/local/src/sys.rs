//! The few system calls that no safe wrapper covers. The only place of the crate where `unsafe` is allowed.
#![expect(
    unsafe_code,
    reason = "wait4, signals, descriptors by number and fork before exec have no safe wrapper"
)]

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rigi_model::Usage;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

static WAKE: AtomicI32 = AtomicI32::new(-1);
static TERMINATE: AtomicBool = AtomicBool::new(false);
static CHILD: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(signal: libc::c_int) {
    if signal == libc::SIGXFSZ {
        return;
    }
    if signal == libc::SIGTERM || signal == libc::SIGINT {
        TERMINATE.store(true, Ordering::SeqCst);
    } else {
        CHILD.store(true, Ordering::SeqCst);
    }
    let one = 1u64;
    // SAFETY: `write` may be called in a signal handler; it is given eight readable bytes, and `errno`, which it may
    // change, is put back for the code that was interrupted.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(WAKE.load(Ordering::SeqCst), (&raw const one).cast(), 8);
        *errno = before;
    }
}

/// From now on the eventfd is written to when a child ends, or when this process is asked to end.
///
/// A handler and not a blocked signal with `signalfd`: children inherit blocked signals, but not handlers.
///
/// # Errors
/// If the handlers cannot be set.
pub fn wake_on_signals(eventfd: BorrowedFd<'static>) -> std::io::Result<()> {
    WAKE.store(eventfd.as_raw_fd(), Ordering::SeqCst);
    // SIGXFSZ: a log that grows beyond the limit on files, which this process shares with those it starts, is cut and
    // not its end.
    for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGXFSZ] {
        // SAFETY: the structure is all zeroes, which is a valid one, before its fields are set; the handler only
        // does what a handler may do.
        let result = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART | if signal == libc::SIGCHLD { libc::SA_NOCLDSTOP } else { 0 };
            libc::sigaction(signal, &raw const action, std::ptr::null_mut())
        };
        if result != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Writes everything of a folder's file system to its disk: thousands of small files at once cost less so.
///
/// # Errors
/// If the disk does not take it.
pub fn sync_file_system(folder: &std::path::Path) -> std::io::Result<()> {
    let folder = std::fs::File::open(folder)?;
    // SAFETY: the descriptor is open for as long as `folder` lives; nothing else is passed.
    if unsafe { libc::syncfs(folder.as_raw_fd()) } == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Has the process that `command` starts set limits for itself, and go through the door of its control group, before its
/// program begins. A limit above the machine's own is cut to that, which then holds.
pub fn born_with(command: &mut Command, limits: Vec<(Resource, Rlimit)>, door: Option<File>) {
    let set = move || {
        for (resource, limit) in &limits {
            let most = getrlimit(*resource).maximum;
            let cut = |value: Option<u64>| value.into_iter().chain(most).min();
            let limit = Rlimit { current: cut(limit.current), maximum: cut(limit.maximum) };
            setrlimit(*resource, limit)?;
        }
        if let Some(door) = &door {
            rustix::io::write(door, b"0")?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made: nothing is allocated, no lock is taken.
    unsafe { command.pre_exec(set) };
}

/// Whether this process was asked to end.
pub fn asked_to_end() -> bool {
    TERMINATE.load(Ordering::SeqCst)
}

/// Whether a child has ended since the last call.
pub fn child_ended() -> bool {
    CHILD.swap(false, Ordering::SeqCst)
}

/// A child that has ended and was waited for.
#[derive(Debug, Clone, Copy)]
pub struct Reaped {
    /// Its process id, which is free again.
    pub pid: i32,
    /// As `wait` gives it.
    pub status: i32,
    /// Its own and that of the descendants it waited for.
    pub usage: Usage,
}

/// Waits for any child that has ended; `None` if there is none.
pub fn reap() -> Option<Reaped> {
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, so zeroes are a valid value, and all pointers are to live variables.
    let (pid, usage, own) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut own: libc::rusage = std::mem::zeroed();
        let pid = libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage);
        libc::getrusage(libc::RUSAGE_SELF, &raw mut own);
        (pid, usage, own)
    };
    if pid <= 0 {
        return None;
    }
    let micros = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0)
    };
    let usage = Usage {
        cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
        // Kilobytes on Linux. Before it executes its program a child stands in its parent's memory, and the kernel counts
        // that: a peak that is not above the parent's says nothing of the program.
        max_memory: if usage.ru_maxrss > own.ru_maxrss {
            u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
        } else {
            0
        },
    };
    Some(Reaped { pid, status, usage })
}

/// What a wait status says: the exit code, or the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Exit status.
    Code(i32),
    /// Signal number.
    Signal(i32),
}

/// Reads a wait status.
pub const fn status(raw: i32) -> Status {
    if libc::WIFSIGNALED(raw) {
        Status::Signal(libc::WTERMSIG(raw))
    } else {
        Status::Code(libc::WEXITSTATUS(raw))
    }
}

/// Has `posix_spawn` know how to start a process in a folder. The standard library looks for that by a weak symbol, which
/// in a static program is there only if somebody names it, and forks where it is not: then each start costs more, and its
/// wait for a child that could not be executed meets the supervisor's own.
pub fn keep_posix_spawn() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    std::hint::black_box(libc::posix_spawn_file_actions_addchdir_np as *const ());
}

/// What becomes of descriptors that whoever started this process had open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// This process may use them (`<(…)` of a shell is one); what it starts does not get them.
    Sealed,
    /// They are closed: a lock of the caller is not held on by a process that stays.
    Closed,
}

/// Sees to all descriptors but the first three. To be called before any of this process's own is opened, where they are
/// to be closed.
pub fn foreign_descriptors(how: Foreign) {
    let flags = if how == Foreign::Sealed { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: plain numbers; nothing of this process relies on a descriptor that it has not opened yet.
    if unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, flags) } == 0 {
        return;
    }
    // Kernels before 5.11, and sandboxes: one by one. The list is read to its end first, for it has a descriptor itself.
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|&descriptor| descriptor > 2) {
        // SAFETY: as above.
        unsafe {
            match how {
                Foreign::Sealed => libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC),
                Foreign::Closed => libc::close(descriptor),
            };
        }
    }
}

/// Blocks no signal, whatever the caller blocked: else nothing could end this process, nor what it starts.
pub fn unblock_signals() {
    // SAFETY: an empty set is made before it is used; both calls only read and write it.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Whether a signal is ignored: `nohup` and some shells have it so for what they start.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: the structure is all zeroes, which is a valid one, and is only written to.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Takes the ignoring of a signal back; handlers stay.
pub fn heed(signal: i32) {
    if is_ignored(signal) {
        // SAFETY: the default action needs no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}
