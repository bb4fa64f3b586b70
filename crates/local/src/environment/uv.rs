//! The tool that makes environments: found on PATH, or named in the configuration, or installed once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use super::need::Need;
use super::variables::{self, Variables};
use super::{BuildError, lock};

/// How environments are made.
#[derive(Debug, Clone)]
pub struct UvConfig {
    /// The program `uv`; `None`: on PATH, else installed into the data folder from PyPI.
    pub program: Option<PathBuf>,
    /// Its cache; `None`: where `UV_CACHE_DIR` says, else in the data folder.
    pub cache: Option<PathBuf>,
    /// Variables of the server that its builds may see, beside those that they need; `NAME*` is a prefix.
    pub allow: Vec<String>,
    /// The longest that one build may take.
    pub build_timeout: Duration,
    /// The user that packages are installed as, where runs have another account.
    pub user: Option<u32>,
}

impl Default for UvConfig {
    fn default() -> Self {
        let build_timeout = Duration::from_secs(30 * 60);
        Self { program: None, cache: None, allow: Vec::new(), build_timeout, user: None }
    }
}

/// A Python on this machine.
#[derive(Debug, Clone)]
pub struct Python {
    /// Its program.
    pub path: PathBuf,
    /// `3.12.1`.
    pub version: String,
    /// `cpython`, and what else tells builds of one version apart.
    pub kind: String,
}

/// The tool, shared by all builds.
#[derive(Debug, Clone)]
pub struct Uv {
    /// Where it is installed if need be.
    pub tools: PathBuf,
    /// Its configuration.
    pub config: UvConfig,
    /// What builds see of the server's variables.
    pub server: Variables,
    /// What pip sees, where uv is installed by it.
    pub pip: Variables,
    /// Pythons by what was asked for.
    pythons: Arc<Mutex<HashMap<String, Python>>>,
    installing: Arc<tokio::sync::Mutex<()>>,
}

/// Where Pythons are looked for that uv has installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pythons {
    /// Where uv keeps them for whoever uses it by hand.
    OfMachine,
    /// In the data folder.
    Own,
}

/// This process's variables; what is not UTF-8 is not passed on.
fn of_process() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Ends a tool's whole group when it is given up.
struct Group(i32);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0).filter(|_| self.0 > 1) {
            // The leader is not waited for before this is dropped, so that the number is still its own.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Runs a tool to its end; with all that it started, it is killed if the future is dropped.
///
/// # Errors
/// If it cannot be started.
pub async fn run(command: &mut Command) -> std::io::Result<Output> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0));
    let output = child.wait_with_output().await;
    std::mem::forget(group);
    output
}

fn find_on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

impl Uv {
    pub fn new(tools: PathBuf, config: UvConfig) -> Self {
        let server = variables::of_server(of_process(), &config.allow, config.user);
        let pip = variables::of_pip(of_process());
        Self { tools, config, server, pip, pythons: Arc::default(), installing: Arc::default() }
    }

    /// Where Rigi keeps packages that were fetched, if nobody says otherwise.
    pub fn own_cache(&self) -> PathBuf {
        self.tools.join("packages")
    }

    /// Its age is the time since something was built from those.
    pub fn cache_mark(&self) -> PathBuf {
        self.tools.join("packages.used")
    }

    /// A call of any program with no more of the server's variables than a build sees.
    pub fn plain(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Where the server was started says nothing to its tools.
        command.env_clear().envs(&self.server).current_dir("/");
        command
    }

    fn installed(&self) -> PathBuf {
        self.tools.join("uv/bin/uv")
    }

    /// Where it is now, without installing it.
    fn present(&self) -> Option<PathBuf> {
        let configured = self.config.program.clone();
        configured
            .or_else(|| find_on_path("uv"))
            .or_else(|| Some(self.installed()).filter(|path| path.is_file()))
    }

    /// A call of it.
    ///
    /// # Errors
    /// If it is not there and cannot be installed.
    pub async fn command(&self, say: &impl Fn(String)) -> Result<Command, BuildError> {
        let program = match self.present() {
            Some(program) => program,
            None => self.install(say).await?,
        };
        let mut command = self.plain(&program);
        self.settle(&mut command);
        Ok(command)
    }

    /// What holds for every call, whatever else it sees.
    pub fn settle(&self, command: &mut Command) {
        command.env("NO_COLOR", "1").env("UV_NO_PROGRESS", "1").env("GIT_TERMINAL_PROMPT", "0");
        if self.config.user.is_some() {
            // Rigi's own place for them is closed to runs.
            command.env("UV_PYTHON_INSTALL_DIR", self.own_pythons());
        }
        match &self.config.cache {
            Some(cache) => _ = command.env("UV_CACHE_DIR", cache),
            None if self.server.contains_key("UV_CACHE_DIR") => {}
            // A home need not be there, nor be writable.
            None => _ = command.env("UV_CACHE_DIR", self.own_cache()),
        }
    }

    /// Where Pythons are installed.
    fn own_pythons(&self) -> PathBuf {
        self.tools.join("python")
    }

    async fn install(&self, say: &impl Fn(String)) -> Result<PathBuf, BuildError> {
        let _turn = self.installing.lock().await;
        if let Some(program) = self.present() {
            return Ok(program);
        }
        let Some(python) = find_on_path("python3") else {
            return Err(BuildError::infrastructure(
                "Neither `uv` nor `python3` is on PATH: install one of them, or name `uv` in the configuration (`[uv] program`).",
            ));
        };
        say("`uv` is not on PATH; it is installed into the data folder, once".to_owned());
        tracing::info!(folder = %self.tools.display(), "uv is not on PATH; it is installed into the data folder");
        let partial = self.tools.join(".uv-partial");
        let _ = fs::remove_dir_all(&partial);
        let mut command = self.plain(&python);
        command.envs(&self.pip).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--target",
        ]);
        command.arg(&partial).arg("uv");
        let failed = |why: &str| {
            BuildError::transient(&format!(
                "`uv` could not be installed ({why}). Install it by hand, or name it in the configuration (`[uv] program`)."
            ))
        };
        let output = run(&mut command).await.map_err(|error| failed(&error.to_string()))?;
        if !output.status.success() {
            return Err(
                failed("`python3 -m pip` failed").with_output(&String::from_utf8_lossy(&output.stderr))
            );
        }
        let _ = fs::remove_dir_all(self.tools.join("uv"));
        fs::rename(&partial, self.tools.join("uv")).map_err(|error| failed(&error.to_string()))?;
        Ok(self.installed())
    }

    /// The Python that a need asks for.
    ///
    /// # Errors
    /// If there is no such version here and none can be had.
    pub async fn resolve(&self, need: &Need, say: &impl Fn(String)) -> Result<Python, BuildError> {
        let asked = need.python.clone().unwrap_or_default();
        let known = lock(&self.pythons).get(&asked).cloned();
        if let Some(python) = known.filter(|python| python.path.exists()) {
            return Ok(python);
        }
        let found = if asked.is_empty() && need.is_plain() && self.present().is_none() {
            find_on_path("python3").ok_or_else(|| {
                BuildError::infrastructure(
                    "There is no `python3` on PATH: install Python, or `uv`, which brings it.",
                )
            })?
        } else {
            self.find_python(&asked, say).await?
        };
        let python = self.inspect(&found).await?;
        lock(&self.pythons).insert(asked, python.clone());
        Ok(python)
    }

    async fn find_python(&self, asked: &str, say: &impl Fn(String)) -> Result<PathBuf, BuildError> {
        let find = ["python", "find", "--no-project", "--system"];
        let why = match self.ask(&find, asked, Pythons::OfMachine, say).await? {
            Ok(path) => return Ok(path),
            Err(why) => why,
        };
        if let Ok(path) = self.ask(&find, asked, Pythons::Own, say).await? {
            return Ok(path);
        }
        if let Some(path) = kept_by_pyenv(asked) {
            return Ok(path);
        }
        let shown = if asked.is_empty() { "any version" } else { asked };
        // Whether such a version exists at all decides whose fault it is: uv knows those that can be downloaded.
        let list = ["python", "list", "--all-platforms", "--only-downloads"];
        let exists = self.ask(&list, asked, Pythons::Own, say).await?.is_ok();
        if !exists {
            return Err(BuildError::user(&format!(
                "There is no Python {shown}: neither on this machine nor among those that `uv` can download. Change `python_version`."
            )));
        }
        say(format!("Python {shown} is downloaded"));
        let mut command = self.command(say).await?;
        self.at(Pythons::Own, &mut command);
        command
            .env("UV_PYTHON_INSTALL_BIN", "0")
            .args(["python", "install"])
            .args((!asked.is_empty()).then_some(asked));
        let output =
            run(&mut command).await.map_err(|error| BuildError::infrastructure(&error.to_string()))?;
        if output.status.success()
            && let Ok(path) = self.ask(&["python", "find", "--no-project"], asked, Pythons::Own, say).await?
        {
            return Ok(path);
        }
        let message = format!(
            "Python {shown} is not on this machine and could not be downloaded. Install it, or change `python_version`."
        );
        Err(BuildError::transient(&message)
            .with_output(&format!("{why}\n{}", String::from_utf8_lossy(&output.stderr))))
    }

    async fn inspect(&self, path: &Path) -> Result<Python, BuildError> {
        const TELL: &str = "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3]))); \
                            print(sys.implementation.name + getattr(sys, 'abiflags', ''))";
        let mut command = self.plain(path);
        command.args(["-c", TELL]);
        let failed = |why: String| {
            BuildError::infrastructure(&format!("The Python {} does not work: {why}", path.display()))
        };
        let output = run(&mut command).await.map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines = text.lines().map(str::to_owned);
        match (lines.next(), lines.next(), lines.next()) {
            (Some(real), Some(version), Some(kind)) => Ok(Python { path: real.into(), version, kind }),
            _ => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        }
    }

    /// Says where Pythons are that uv has installed, unless somebody has said so.
    fn at(&self, pythons: Pythons, command: &mut Command) {
        if pythons == Pythons::Own && !self.server.contains_key("UV_PYTHON_INSTALL_DIR") {
            command.env("UV_PYTHON_INSTALL_DIR", self.own_pythons());
        }
    }

    /// The first line of an answer, or what was said instead.
    async fn ask(
        &self,
        args: &[&str],
        asked: &str,
        pythons: Pythons,
        say: &impl Fn(String),
    ) -> Result<Result<PathBuf, String>, BuildError> {
        let mut command = self.command(say).await?;
        self.at(pythons, &mut command);
        command.args(args).args((!asked.is_empty()).then_some(asked)).env("UV_PYTHON_DOWNLOADS", "manual");
        let output = run(&mut command)
            .await
            .map_err(|error| BuildError::infrastructure(&format!("`uv` cannot be started: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line =
            text.lines().next().map(str::trim).filter(|line| output.status.success() && !line.is_empty());
        Ok(line.map(PathBuf::from).ok_or_else(|| String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// A Python that pyenv has installed but does not put on PATH, where `uv` does not look: the newest that fits.
fn kept_by_pyenv(asked: &str) -> Option<PathBuf> {
    let numbers = |text: &str| text.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>();
    let asked = numbers(asked)?;
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))?;
    let versions = fs::read_dir(root.join("versions")).ok()?.flatten();
    let fitting = versions.filter_map(|entry| {
        let version = numbers(entry.file_name().to_str()?)?;
        version.starts_with(&asked).then(|| (version, entry.path().join("bin/python")))
    });
    fitting.filter(|(_, path)| path.is_file()).max().map(|(_, path)| path)
}
