//! The `git` program, as it is started here: with an environment of nothing, a configuration of nothing but what is said on its command line,
//! a process group of its own, and bounds of time and size. It starts no program but itself and `ssh`, and checks nothing out.

use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::error::{Failure, explain};

/// Bytes of what it says on its error output that are kept.
const MOST_SAID: usize = 16 << 10;
/// Memory that it may take, in KiB.
const MEMORY: u64 = 3 << 20;
/// Variables of the server that it needs: where programs and authorities are, and how the outside is reached.
const KEPT: [&str; 9] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "TMPDIR",
];
/// What it is told on each command line. There is nothing to hide in it.
const CONFIGURATION: [&str; 24] = [
    "protocol.allow=never",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "transfer.bundleURI=false",
    "transfer.unpackLimit=1",
    "fetch.unpackLimit=1",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=4m",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=256m",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "pack.threads=1",
    "init.defaultBranch=main",
];

/// The program, ready to be started for one repository.
pub(super) struct Git {
    /// Its bare folder.
    pub folder: PathBuf,
    /// An empty folder that it takes for somebody's home.
    pub home: PathBuf,
    /// How it may reach others, separated by colons.
    pub protocols: String,
    /// Variables with what is secret, or of this repository alone.
    pub variables: Vec<(String, String)>,
    /// More configuration.
    pub configuration: Vec<String>,
    /// Bytes of a file that it writes.
    pub size: u64,
    /// When it is ended.
    pub deadline: Instant,
    /// Whom it asks, for messages.
    pub host: String,
}

impl Git {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        // The shell sets the bounds and is gone; what is started has its own words as arguments, and none is read by the shell.
        let blocks = self.size.div_ceil(512);
        command.arg("-c").arg(format!("ulimit -f {blocks}; ulimit -v {MEMORY}; exec \"$@\"")).arg("sh");
        command.arg("git").arg("--git-dir").arg(&self.folder);
        for setting in CONFIGURATION.iter().copied().chain(self.configuration.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        command.args(arguments).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        let fixed = [
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", ""),
            ("SSH_ASKPASS", ""),
            ("SSH_ASKPASS_REQUIRE", "never"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_FLUSH", "1"),
        ];
        command.envs(fixed).env("HOME", &self.home).env("XDG_CONFIG_HOME", &self.home);
        command.env("GIT_ALLOW_PROTOCOL", &self.protocols);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.home).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it, and has `each` read what it says; when that is done, or has enough, or time is up, the whole group ends.
    pub fn stream<T>(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        each: impl FnOnce(&mut BufReader<ChildStdout>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.slow());
        }
        let mut child = self.command(arguments).spawn().map_err(|error| broken(&error))?;
        let group = Group::of(&child);
        let (done, waits) = mpsc::channel::<()>();
        let watched = Watched { group, left, waits };
        let watch = thread::spawn(move || watched.wait());
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let feed = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let listen = thread::spawn(move || stderr.map(said).unwrap_or_default());
        let read = match child.stdout.take() {
            Some(stdout) => each(&mut BufReader::with_capacity(64 << 10, stdout)),
            None => Err(broken(&io::Error::other("it has no output"))),
        };
        // Whoever has enough waits for no end.
        if read.is_err() {
            group.end();
        }
        // Its id is nobody else's before it was waited for: what it left behind holds the pipes open, and ends with it.
        group.wait();
        drop(done);
        let late = watch.join().unwrap_or(false);
        group.end();
        let status = child.wait();
        let _ = feed.join();
        let said = listen.join().unwrap_or_default();
        if late {
            return Err(self.slow());
        }
        let read = read?;
        match status {
            Ok(status) if status.success() => Ok(read),
            Ok(_) if said.is_empty() => Err(explain("File size limit, or ended from outside", &self.host)),
            Ok(_) => Err(self.missing(&said).unwrap_or_else(|| explain(&said, &self.host))),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Starts it, and answers with what it says, which may be so long.
    pub fn run(&self, arguments: &[&str], most: usize) -> Result<Vec<u8>, Failure> {
        self.stream(arguments, Vec::new(), |stdout| {
            let mut bytes = Vec::new();
            stdout.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
            if bytes.len() > most {
                let message = format!("`{}` says more than could be meant", self.host);
                return Err(Failure::new(message, "Look at the repository and its address."));
            }
            Ok(bytes)
        })
    }

    fn slow(&self) -> Failure {
        let message = format!("`{}` did not come to an end in time", self.host);
        Failure::new(message, "Try again a little later, or have `git.timeout` raised.")
    }

    fn missing(&self, said: &str) -> Option<Failure> {
        let program = ["git", "ssh"].into_iter().find(|program| {
            said.contains(&format!("{program}: not found"))
                || said.contains(&format!("{program}: No such file"))
                || said.contains(&format!("cannot run {program}:"))
        })?;
        let message = format!("the program `{program}` is not on the server's machine");
        Some(Failure::new(
            message,
            format!("Install it there, such as by `apt-get install {}`.", package(program)),
        ))
    }
}

fn package(program: &str) -> &'static str {
    if program == "git" { "git" } else { "openssh-client" }
}

pub(super) fn broken(error: &io::Error) -> Failure {
    Failure::new(format!("git cannot be worked with: {error}"), "`rigi doctor` looks for what is wrong.")
}

/// The end of what it said, read to its end.
fn said(mut stderr: impl Read) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(n) = stderr.read(&mut piece)
        && n > 0
    {
        if kept.len() < MOST_SAID {
            kept.extend_from_slice(&piece[..n]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A program and all that it started.
#[derive(Clone, Copy)]
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(i32::try_from(child.id()).ok().and_then(Pid::from_raw))
    }

    /// Waits for the first of them to end, and leaves it there.
    fn wait(self) {
        let Some(first) = self.0 else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(first), options), Err(rustix::io::Errno::INTR)) {}
    }

    fn end(self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

struct Watched {
    group: Group,
    left: Duration,
    waits: mpsc::Receiver<()>,
}

impl Watched {
    /// Ends the group when time is up; whether it was.
    fn wait(self) -> bool {
        let late = matches!(self.waits.recv_timeout(self.left), Err(mpsc::RecvTimeoutError::Timeout));
        if late {
            self.group.end();
        }
        late
    }
}

/// Makes the bare folder, where it is not there.
pub(super) fn prepare(git: &Git) -> Result<(), Failure> {
    if git.folder.join("HEAD").is_file() {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(&git.folder);
    std::fs::create_dir_all(&git.folder).map_err(|error| broken(&error))?;
    git.run(&["init", "--quiet", "--bare", "--template="], 4096).map(drop)
}

/// A text within single quotes, as a shell reads it.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
