//! The supervisor: a small process of its own that owns every process of a run, and outlives the server.
//!
//! It is started by the server as a hidden subcommand of the same program ([`main`]), lives in its own session, and is
//! spoken to through a socket in the data folder. The server may be killed and replaced at any instant: processes go
//! on, their output is kept, time limits and stops hold, and their ends are remembered until they are asked for.

mod attempt;
mod cgroup;
mod door;
mod ending;
mod inspection;
mod journal;
mod leftovers;
mod orders;
mod output;
mod reactor;
mod recovery;
mod recycling;
mod refusal;
mod removal;
mod sampling;
mod spawn;
mod spool;
mod staging;
mod ticket;
mod timers;
mod tree;
mod unfinished;
mod workers;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub use inspection::{Flaw, check_records, removed_logs};
use sha2::{Digest, Sha256};

use crate::account::pass_through;
use crate::inheritance;
use crate::layout::Layout;
use crate::sys;

/// How the supervisor is started.
#[derive(Debug, Clone)]
pub struct SupervisorConfig {
    /// The data folder.
    pub data: PathBuf,
    /// Threads that put folders in place and start processes.
    pub spawners: usize,
    /// Without server and without running attempts it ends after this long.
    pub idle_exit: Duration,
    /// Where runs' folders lie when runs have another account, to whom the data folder is closed.
    pub open: Option<PathBuf>,
    /// Whether it lives in a container that holds the limits of its one attempt.
    pub contained: bool,
    /// Open files that a process has by itself, where whoever started the supervisor has raised that for its own sake.
    pub open_files: Option<u64>,
}

impl SupervisorConfig {
    /// The usual: two spawners, a minute.
    #[must_use]
    pub const fn new(data: PathBuf) -> Self {
        Self {
            data,
            spawners: 2,
            idle_exit: Duration::from_secs(60),
            open: None,
            contained: false,
            open_files: None,
        }
    }
}

/// Runs the supervisor until it is not needed any more. To be called in the first thread of a process that has
/// started no other: what comes back from attempts is told from what was started by the thread it belongs to.
///
/// Says `ready` on standard output once it can be connected to, or `running` if another one serves this data folder.
#[must_use]
pub fn main(config: &SupervisorConfig) -> ExitCode {
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The supervisor of {} ended: {error}", config.data.display());
            ExitCode::FAILURE
        }
    }
}

fn run(config: &SupervisorConfig) -> io::Result<()> {
    begin(config)?;
    // Fails where it leads its group already: then somebody started it by hand, in a session of their own.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let layout = Layout::new(config.data.canonicalize()?).with_open(config.open.clone());
    make_folders(&layout)?;
    let lock = fs::File::options().create(true).append(true).open(layout.supervisor().join("lock"))?;
    if lock.try_lock().is_err() {
        return announce("running");
    }
    lock.set_len(0)?;
    writeln!(&lock, "{}", std::process::id())?;
    let mut reactor = assemble(config, layout)?;
    announce("ready")?;
    std::env::set_current_dir("/")?;
    let result = reactor.run();
    let _ = fs::remove_file(reactor.layout.socket());
    if let Some(pool) = &reactor.pool {
        pool.remove();
    }
    reactor.workers.finish();
    drop(lock);
    result
}

/// Before any thread is started: all of them inherit it, and every process of a run.
fn begin(config: &SupervisorConfig) -> io::Result<()> {
    inheritance::seal();
    inheritance::leave_caller();
    inheritance::heed_all_signals();
    sys::keep_posix_spawn();
    if let Some(open_files) = config.open_files {
        spawn::give_back(open_files);
    }
    if config.open.is_some() {
        inheritance::readable_for_others();
        rustix::thread::set_no_new_privs(true)?;
    }
    Ok(())
}

fn announce(word: &str) -> io::Result<()> {
    // Nobody may be listening.
    let _ = writeln!(io::stdout(), "{word}");
    Ok(())
}

fn make_folders(layout: &Layout) -> io::Result<()> {
    for folder in [layout.supervisor(), layout.runs(), layout.tools()] {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    }
    if layout.open().is_some() {
        pass_through(&layout.runs())?;
        pass_through(&layout.tools())?;
    }
    let path = layout.no_parameters();
    if path.exists() {
        return Ok(());
    }
    fs::write(&path, "{}")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn assemble(config: &SupervisorConfig, layout: Layout) -> io::Result<reactor::Reactor> {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut past = journal::read(&layout.supervisor(), &boot_id)?;
    let pool = match config.contained {
        true => cgroup::Pool::around(),
        false => cgroup::Pool::open(&group_name(layout.data())),
    };
    let pool = pool.map(Arc::new);
    recovery::recover(&layout, &mut past);
    let journal = journal::Journal::open(&layout.supervisor(), &boot_id, &past)?;
    let flags = rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK;
    let wake = Arc::new(rustix::event::eventfd(0, flags)?);
    // The handlers need a descriptor that is never closed.
    let for_signals: &'static Arc<rustix::fd::OwnedFd> = Box::leak(Box::new(wake.clone()));
    sys::wake_on_signals(std::os::fd::AsFd::as_fd(&**for_signals))?;
    let open_files = spawn::inheritable_limits();
    let tools = workers::Tools {
        versions: staging::Versions::default(),
        recycler: recycling::Recycler::default(),
        pool: pool.clone(),
        open_files,
    };
    let workers = workers::Workers::start(config.spawners, tools, wake.clone())?;
    let forgotten = recovery::forgotten(&layout, &past).into_iter().map(|folder| (folder, None));
    workers.submit(workers::Job::Remove(forgotten.collect()));
    let ended = past.attempts.into_iter().filter_map(|(key, remembered)| {
        let (at, ended) = remembered.ended?;
        Some((key, reactor::LastWord { at, ended: Box::new(ended), notes: Vec::new(), code: None }))
    });
    Ok(reactor::Reactor {
        idle_exit: config.idle_exit,
        epoll: rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC)?,
        wake,
        listener: door::bind(&layout)?,
        server: None,
        guests: VecDeque::new(),
        tickets: ticket::Tickets::open(&layout.supervisor()),
        journal,
        workers,
        pool,
        timers: timers::Timers::default(),
        strays: tree::Strays::new(),
        sampling: sampling::Sampling::default(),
        attempts: BTreeMap::new(),
        ids: HashMap::new(),
        by_pid: HashMap::new(),
        ended: ended.collect(),
        open_files,
        next_id: 1,
        jobs: Vec::new(),
        launching: 0,
        early: HashMap::new(),
        idle_timer: None,
        tidy_timer: None,
        released: Vec::new(),
        launched_lately: false,
        read: 0,
        round: std::time::Instant::now(),
        quitting: false,
        buffer: vec![0; 128 * 1024],
        layout,
    })
}

/// One name per data folder, the same every time.
fn group_name(data: &Path) -> String {
    let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a segment of the journal.
#[cfg(fuzzing)]
pub(crate) fn replay(segment: &[u8]) {
    // A record that this version does not know is refused.
    let _ = journal::Past::default().replay(segment, "");
}

/// Kills all processes of a group until none is left; `false` if one stays until then.
pub(crate) fn end_group(group: u32, until: std::time::Instant) -> bool {
    tree::end_group(group, until)
}

/// Bytes of the files in a folder.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    leftovers::files_in(folder).ok().flatten().unwrap_or(0)
}
