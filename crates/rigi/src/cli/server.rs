//! `rigi up` and `rigi down`.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rigi_api::view::{RunSelection, SystemView};
use rigi_model::text::shown;
use rigi_store::{FolderLock, Renew};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, timeout_at};

use super::runs::cancel_many;
use super::session::{Found, Placement, Session};
use super::words::{many, quoted};
use crate::client::{CallError, Client, EventStream, FindError};
use crate::config::{Flag, Loaded};
use crate::terminal::Exit;
use crate::terminal::Failure;
use crate::terminal::remark;

/// `rigi up`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi up                      serve the pipelines in this folder
  rigi up examples --detach    serve `examples`, and give the terminal back
  rigi up --team               serve people with accounts; the link makes the first administrator")]
pub struct Up {
    /// Folder of pipelines
    #[arg(default_value = ".", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Give the terminal back once the server is ready
    #[arg(short, long)]
    detach: bool,
    /// People have accounts, and sign in
    #[arg(long)]
    team: bool,
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Runs that may be active at a time
    #[arg(long, value_name = "N")]
    runs: Option<String>,
    /// Begin anew with what the data folder has lost; files that the former database knew are kept
    #[arg(long, value_name = "PART", value_enum)]
    renew: Vec<LostPart>,
}

/// What a data folder may have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LostPart {
    /// Its database: runs and their results are not known any more
    Database,
    /// Its key: secrets that are stored cannot be read any more
    Key,
}

impl Up {
    /// Starts the server.
    ///
    /// # Errors
    /// When the configuration has a mistake, or the server cannot start.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        if !self.folder.is_dir() {
            let failure = Failure::new(Exit::NotFound, format!("`{}` is no folder", self.folder.display()));
            return Err(failure.cure("make it, or write a first pipeline with `rigi init`").into());
        }
        let flag = |value: Option<String>, key, flag| value.map(|value| Flag { key, value, flag });
        let flags = [
            flag(self.port, "server.port", "--port"),
            flag(self.bind, "server.bind", "--bind"),
            flag(self.runs, "limits.runs", "--runs"),
            flag(self.team.then(|| "true".to_owned()), "people.enabled", "--team"),
        ];
        let loaded = session.load(&self.folder, flags.into_iter().flatten().collect())?;
        let renew = Renew {
            database: self.renew.contains(&LostPart::Database),
            key: self.renew.contains(&LostPart::Key),
        };
        let detached = session.placement == Placement::Detached;
        if detached {
            // Without a terminal that could hang up. Fails for who leads a session already.
            let _ = rustix::process::setsid();
        }
        let detach = self.detach && !detached;
        crate::wiring::up(crate::wiring::UpOptions { pipelines: self.folder, loaded, detach, renew })
    }
}

/// `rigi down`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi down             stop the server; what runs goes on without it
  rigi down --cancel    cancel every run first, or what goes on without a server")]
pub struct Down {
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Cancel all runs first, those that wait too; also those that go on after a server has ended
    #[arg(long)]
    cancel: bool,
}

/// How long runs may take to end, and then the server. Runs that are cancelled have their grace period.
const PATIENCE: Duration = Duration::from_secs(60);
/// Runs that change within this time are counted once.
const MOMENT: Duration = Duration::from_millis(50);

impl Down {
    /// Stops the server and waits until it has ended.
    ///
    /// # Errors
    /// When there is no server on this machine, or it does not end.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let server = match session.place(self.folder.as_deref())? {
            Found::Server(server) => server,
            Found::Offline(loaded) if self.cancel && loaded.data_folder().is_dir() => {
                return cancel_left(*loaded);
            }
            Found::Offline(loaded) => {
                return Err(Failure::from(FindError::NotOn(loaded.data_folder())).into());
            }
        };
        let (Some(data), Some(pid)) = (&server.data, server.pid) else {
            let failure = Failure::new(
                Exit::Usage,
                format!("the server at {} can only be stopped where it runs", server.url),
            );
            return Err(failure
                .cure("name its data folder with `--data` there, or leave RIGI_URL away")
                .into());
        };
        let client = Client::new(&server).map_err(Failure::from)?;
        session.block_on(async {
            let runs = if self.cancel { cancel_all(&client).await? } else { count_open(&client).await? };
            let system: SystemView = client.get(&["system"], &[]).await?;
            end(pid, data).await?;
            let (folder, rest) = (shown(&system.pipelines_folder), rest(self.cancel, runs, &system));
            remark(&format!("The server of {folder} has ended.{rest}"));
            Ok(Exit::Ok.into())
        })
    }
}

fn rest(cancelled: bool, runs: u64, system: &SystemView) -> String {
    let (were, go, them) = if runs == 1 { ("was", "goes", "it") } else { ("were", "go", "them") };
    match (cancelled, runs) {
        (_, 0) => String::new(),
        (true, runs) => format!(" {} {were} cancelled.", many(runs, "run")),
        (false, runs) => {
            let again = format!("Start it again with `rigi up {}`", quoted(&system.pipelines_folder));
            format!(
                " {} {go} on without it. {again}, or stop {them} with `rigi down --cancel`.",
                many(runs, "run")
            )
        }
    }
}

/// Cancels what went on after the server had ended, and waits until nothing runs any more.
fn cancel_left(loaded: Loaded) -> anyhow::Result<ExitCode> {
    let place = loaded.pipelines.display().to_string();
    let cancelled = crate::cli::here::aside(loaded, cancel_all)?;
    let were = if cancelled == 1 { "was" } else { "were" };
    remark(&format!("No server ran on {}. {} {were} cancelled.", shown(&place), many(cancelled, "run")));
    Ok(Exit::Ok.into())
}

/// Cancels all runs, and waits until none is left; returns how many there were.
async fn cancel_all(client: &Client) -> anyhow::Result<u64> {
    let mut events = EventStream::open(client, &["events"], Vec::new(), None).await?;
    let cancelled = cancel_many(client, RunSelection::default()).await?;
    let until = Instant::now() + PATIENCE;
    loop {
        let left = count_open(client).await?;
        if left == 0 {
            return Ok(cancelled);
        }
        let Ok(changed) = timeout_at(until, change(&mut events)).await else {
            let left = many(left, "run");
            let failure = Failure::new(Exit::Unavailable, format!("{left} did not end; the server goes on"));
            return Err(failure.cure("look at them with `rigi runs list`, or leave `--cancel` away").into());
        };
        changed?;
    }
}

/// Waits until runs have changed: what comes within a moment is one change.
async fn change(events: &mut EventStream) -> Result<(), CallError> {
    events.next().await?;
    let moment = Instant::now() + MOMENT;
    while let Ok(event) = timeout_at(moment, events.next()).await {
        event?;
    }
    Ok(())
}

/// Runs that have not ended.
async fn count_open(client: &Client) -> Result<u64, CallError> {
    let system: SystemView = client.get(&["system"], &[]).await?;
    Ok(system.runs.queued + system.runs.active + system.runs.retrying)
}

/// Stops a server and waits for its end. The note of where it answers goes first, the process later: only then its data
/// folder and its database are free.
async fn end(pid: u32, data: &Path) -> anyhow::Result<()> {
    let process =
        i32::try_from(pid).ok().and_then(Pid::from_raw).context("the server's process has no number")?;
    let server = match pidfd_open(process, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Err(elsewhere(pid).into()),
        opened => opened.with_context(|| format!("following process {pid}"))?,
    };
    // From here on the number is not given to another one; who has it has the server's lock, or is not the server.
    if !has_open(pid, &data.join(FolderLock::NAME)) {
        return Err(elsewhere(pid).into());
    }
    // As Ctrl-C: SIGTERM would have it serve on for `server.drain`.
    pidfd_send_signal(&server, Signal::INT).with_context(|| format!("stopping process {pid}"))?;
    // It can be read when the process has ended.
    let ended = tokio::task::spawn_blocking(move || {
        let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        retry_on_intr(|| poll(&mut [PollFd::new(&server, PollFlags::IN)], Some(&patience)))
    });
    if ended.await?.with_context(|| format!("following process {pid}"))? == 0 {
        let failure = Failure::new(Exit::Unavailable, format!("the server (process {pid}) does not end"));
        return Err(failure
            .cure("look at its log, then end it with `kill -9`; nothing is lost by that")
            .into());
    }
    Ok(())
}

/// The server answers, and its process is none of those that can be seen here.
fn elsewhere(pid: u32) -> Failure {
    let text = format!("the server cannot be stopped from here: process {pid} of this place is another one");
    Failure::new(Exit::Unavailable, text)
        .cure("it runs in a container or on another machine: stop it there; nothing was signalled")
}

/// Whether a process has a file open.
fn has_open(pid: u32, file: &Path) -> bool {
    let Ok(wanted) = std::fs::metadata(file) else { return false };
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut facts = open.filter_map(|entry| std::fs::metadata(entry.path()).ok());
    facts.any(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_the_lock_that_it_has_open() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path(), "a test").unwrap();
        let file = folder.path().join(FolderLock::NAME);
        assert!(has_open(std::process::id(), &file));
        drop(lock);
        assert!(!has_open(std::process::id(), &file));
    }

    #[tokio::test]
    async fn a_number_that_is_somebody_elses_is_not_signalled() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = FolderLock::take(folder.path(), "a test").unwrap();
        let mut other = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let refused = end(other.id(), folder.path()).await.unwrap_err();
        assert!(format!("{refused:#}").contains("cannot be stopped from here"), "{refused:?}");
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
