//! What a process that stays needs: the background, signals, and the list of this user's servers.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rigi_model::ErrorCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::data_folder::{Fresh, write_private};
use super::up::UpOptions;
use crate::client::{ServerFile, running_servers_file};
use crate::terminal::remark;
use crate::trouble::Trouble;

/// Starts the same command once more, for a session of its own, and passes on what it says until it is ready.
pub(crate) fn detach(options: &UpOptions) -> Result<ExitCode, Trouble> {
    let data = options.loaded.data_folder();
    if let Some(server) = data.canonicalize().ok().and_then(|data| ServerFile::of_running(&data)) {
        println!("Rigi {} is running already: {} (process {})", server.version, server.url, server.pid);
        return Ok(ExitCode::SUCCESS);
    }
    let cannot = |what: &str, e: std::io::Error| {
        Trouble::new(ErrorCode::Internal, format!("cannot {what}: {e}"), "start it without `--detach`")
    };
    super::check::pipelines_folder(&options.pipelines)?;
    let fresh = Fresh::before(&data);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&data);
    made.map_err(|e| cannot("make the data folder", e))?;
    let log_file = data.join("server.log");
    let log = fs::File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log_file)
        .map_err(|e| cannot("open the server's log", e))?;
    let program = std::env::current_exe().map_err(|e| cannot("find the program", e))?;
    let mut child = Command::new(program)
        .arg("--detached")
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|e| cannot("start the server", e))?;
    let mut said = String::new();
    let mut piece = [0; 4096];
    let mut out = child.stdout.take();
    while let Some(n) = out.as_mut().and_then(|out| out.read(&mut piece).ok()).filter(|&n| n > 0) {
        said.push_str(&String::from_utf8_lossy(&piece[..n]));
        if said.contains(" is ready in ") && said.ends_with('\n') {
            fresh.keep();
            print!("{said}");
            return Ok(ExitCode::SUCCESS);
        }
    }
    let status = child.wait().map_err(|e| cannot("wait for the server", e))?;
    let words = fs::read_to_string(&log_file).unwrap_or_default();
    let tail: Vec<&str> = words.lines().rev().take(6).collect();
    for line in tail.into_iter().rev() {
        remark(line);
    }
    fresh.discard();
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(70);
    Ok(ExitCode::from(code))
}

/// What this process was told by signals, from the first time it serves to its end: also while a server starts anew in it, when nobody
/// would hear them otherwise.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<Told>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    /// To end, once those who come have been led elsewhere.
    Leave,
    /// To end now.
    Stop,
}

impl Signals {
    /// Begins to hear them, on a thread of its own.
    pub(crate) fn hear() -> Self {
        let (tell, told) = watch::channel(Told::default());
        let listen = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Without it, signals end the process by themselves.
            if let Ok(runtime) = runtime {
                runtime.block_on(heard(&tell));
            }
        };
        let _ = std::thread::Builder::new().name("signals".into()).spawn(listen);
        Self(told)
    }

    /// Ctrl-C and SIGTERM stop the server, and so does a terminal that hangs up, unless `nohup` said otherwise; what runs
    /// goes on. Before SIGTERM does, `leave` is called and `drain` waited for.
    pub(crate) async fn heed(
        mut self,
        stop: watch::Sender<bool>,
        leave: impl FnOnce() + Send,
        drain: Duration,
    ) {
        let Ok(told) = self.0.wait_for(|told| *told != Told::Nothing).await.map(|told| *told) else { return };
        if told == Told::Leave {
            leave();
            wait(drain, async { _ = self.0.wait_for(|told| *told == Told::Stop).await }).await;
        }
        let _ = stop.send(true);
    }
}

/// Tells each signal, for as long as the process is there. The second one does not wait.
async fn heard(tell: &watch::Sender<Told>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let heeded = !rigi_local::inheritance::ignores_hang_up();
    let mut hang_up = heeded.then(|| signal(SignalKind::hangup()).ok()).flatten();
    loop {
        let hung_up = async {
            match &mut hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        let new = tokio::select! {
            _ = interrupt.recv() => Told::Stop,
            _ = terminate.recv() => Told::Leave,
            _ = hung_up => Told::Stop,
        };
        tell.send_modify(|told| *told = if *told == Told::Nothing { new } else { Told::Stop });
    }
}

/// Until the time is over, or somebody asks once more.
async fn wait(drain: Duration, again: impl Future<Output = ()>) {
    if !drain.is_zero() {
        tracing::info!(
            seconds = drain.as_secs(),
            "the server is not ready any more, and serves on for a while"
        );
        let _ = tokio::time::timeout(drain, again).await;
    }
}

fn change_list(change: impl FnOnce(&mut BTreeSet<PathBuf>)) {
    let Some(file) = running_servers_file() else { return };
    let text = fs::read_to_string(&file).unwrap_or_default();
    let mut list: BTreeSet<PathBuf> = serde_json::from_str(&text).unwrap_or_default();
    list.retain(|data| ServerFile::of_running(data).is_some());
    change(&mut list);
    // Commands find servers without the list as well: a home that cannot be written is no reason to stop.
    if let Some(parent) = file.parent()
        && fs::create_dir_all(parent).is_ok()
    {
        let _ = write_private(&file, &serde_json::to_vec(&list).unwrap_or_default());
    }
}

/// Adds a data folder to the list of this user's servers.
pub(crate) fn register(data: &Path) {
    change_list(|list| {
        list.insert(data.to_owned());
    });
}

/// Takes it from the list.
pub(crate) fn unregister(data: &Path) {
    change_list(|list| {
        list.remove(data);
    });
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_serves_on_until_the_time_is_over_or_somebody_asks_again() {
        let begun = Instant::now();
        wait(Duration::ZERO, std::future::pending()).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        wait(Duration::from_secs(15), std::future::pending()).await;
        assert_eq!(begun.elapsed().as_secs(), 15);
        wait(Duration::from_secs(15), tokio::time::sleep(Duration::from_secs(2))).await;
        assert_eq!(begun.elapsed().as_secs(), 17);
    }
}
