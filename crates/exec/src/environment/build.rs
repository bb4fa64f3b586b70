//! Builds one environment in its place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rigi_model::attempt::FailureClass;
use tokio::process::Command;
use tokio::sync::watch;

use super::apart::Builder;
use super::need::{Need, Source};
use super::uv::{Python, Uv, run};
use super::{BuildError, Outcome, Ready};

/// Written last; holds the words for people.
pub const COMPLETE: &str = "complete";
/// uv ends with this when it did its work and there is no solution; with 2 when something kept it from working.
/// Source: `ExitStatus` of uv's command line.
const NO_SOLUTION: i32 = 1;

/// The words of an environment that was built whole.
pub fn read(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(COMPLETE)).ok()
}

/// All that a build needs.
#[derive(Debug)]
pub struct Build {
    pub folder: PathBuf,
    pub need: Need,
    pub python: Python,
    pub uv: Uv,
}

impl Build {
    /// Builds and tells all who wait.
    pub async fn run(self, hash: String, outcome: watch::Sender<Outcome>) {
        let since = Instant::now();
        let bound = self.uv.config.build_timeout;
        let built = tokio::time::timeout(bound, self.build()).await.unwrap_or_else(|_| {
            let message = format!("The environment was not built within {} s.", bound.as_secs());
            Err(BuildError::transient(&message).with_output(&self.log_text()))
        });
        let ready = built.map(|message| Ready {
            hash,
            message,
            took: since.elapsed().max(Duration::from_micros(1)),
            venv: self.folder.join("venv"),
        });
        // Nobody may wait any more.
        let _ = outcome.send(Some(ready));
    }

    async fn build(&self) -> Result<String, BuildError> {
        if let Some(message) = read(&self.folder) {
            return Ok(message);
        }
        let prepared = match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&self.folder),
        };
        prepared.map_err(|error| self.no_room(&error))?;
        let builder = self.builder();
        if let Some(builder) = &builder {
            builder.begin(&self.need.code).map_err(|error| self.no_room(&error))?;
        }
        self.make_venv().await?;
        if !self.need.is_plain() {
            self.install().await?;
        }
        if let Some(builder) = &builder {
            builder.end().map_err(|error| self.no_room(&error))?;
        }
        let packages = self.count_packages();
        let message = match packages {
            0 => format!("Python {} without packages", self.python.version),
            1 => format!("Python {} with 1 package", self.python.version),
            _ => format!("Python {} with {packages} packages", self.python.version),
        };
        self.complete(&message).await.map_err(|error| self.no_room(&error))?;
        Ok(message)
    }

    /// Marks the environment as whole, once a loss of power can take nothing of it any more.
    async fn complete(&self, message: &str) -> io::Result<()> {
        let (folder, message) = (self.folder.clone(), message.to_owned());
        let marked = tokio::task::spawn_blocking(move || {
            crate::sys::sync_file_system(&folder)?;
            fs::write(folder.join(COMPLETE), message)
        });
        marked.await.map_err(io::Error::other)?
    }

    /// Who builds it, if not Rigi itself.
    fn builder(&self) -> Option<Builder> {
        self.uv.config.user.map(|user| Builder::new(user, &self.folder))
    }

    fn no_room(&self, error: &io::Error) -> BuildError {
        BuildError::infrastructure(&format!("{} cannot be written: {error}", self.folder.display()))
    }

    async fn make_venv(&self) -> Result<(), BuildError> {
        let venv = self.folder.join("venv");
        // A plain one takes 50 ms by Python itself and no tool at all.
        if self.need.is_plain() {
            let mut command = Command::new(&self.python.path);
            command.args(["-m", "venv", "--without-pip"]).arg(&venv);
            let output = self.step(&mut command).await?;
            if output.code == Some(0) {
                return Ok(());
            }
        }
        let mut command = self.uv.command(&|_| ()).await?;
        command.args(["venv", "--no-project", "--python"]).arg(&self.python.path);
        // The folder of another account's venv is made beforehand, in one where it may not make any.
        command.args(self.uv.config.user.is_none().then_some("--clear")).arg(&venv);
        let output = self.step(&mut command).await?;
        match output.code {
            Some(0) => Ok(()),
            _ => {
                Err(BuildError::infrastructure("The environment could not be made.")
                    .with_output(&output.text))
            }
        }
    }

    async fn install(&self) -> Result<(), BuildError> {
        if self.need.source == (Source::Project { locked: true }) {
            self.sync().await?;
        }
        let mut command = self.uv.command(&|_| ()).await?;
        command
            .args(["pip", "install", "--compile-bytecode", "--python"])
            .arg(self.folder.join("venv/bin/python"));
        command.current_dir(self.builder().map_or_else(|| self.need.code.clone(), |builder| builder.code()));
        let mut listed = self.need.extra.clone();
        match &self.need.source {
            Source::Nothing => {}
            Source::Project { locked: true } if listed.is_empty() => return Ok(()),
            Source::Project { locked: true } => {}
            Source::Script { dependencies, .. } => listed.extend(dependencies.iter().cloned()),
            Source::Project { locked: false } => _ = command.args(["-r", "pyproject.toml"]),
            Source::Requirements { name } => _ = command.args(["-r", name]),
        }
        if !listed.is_empty() {
            let list = self.folder.join("requirements.txt");
            fs::write(&list, listed.join("\n") + "\n").map_err(|error| self.no_room(&error))?;
            command.arg("-r").arg(list);
        }
        let output = self.step(&mut command).await?;
        self.judge(&output)
    }

    /// Installs exactly what the lock says.
    async fn sync(&self) -> Result<(), BuildError> {
        let project = self.folder.join("project");
        let copied = fs::create_dir_all(&project).and_then(|()| {
            for name in ["pyproject.toml", "uv.lock"] {
                fs::copy(self.need.code.join(name), project.join(name))?;
            }
            Ok(())
        });
        copied.map_err(|error| self.no_room(&error))?;
        let mut command = self.uv.command(&|_| ()).await?;
        command.args([
            "sync",
            "--frozen",
            "--no-dev",
            "--no-install-project",
            "--compile-bytecode",
            "--project",
        ]);
        command.arg(&project).arg("--python").arg(&self.python.path);
        command.env("UV_PROJECT_ENVIRONMENT", self.folder.join("venv"));
        let output = self.step(&mut command).await?;
        self.judge(&output)
    }

    fn judge(&self, output: &Step) -> Result<(), BuildError> {
        let (class, message) = match output.code {
            Some(0) => return Ok(()),
            Some(NO_SOLUTION) => (FailureClass::User, "The requirements cannot be met."),
            Some(_) => (FailureClass::Transient, "The requirements could not be installed."),
            None => (FailureClass::Infrastructure, "The installation was killed."),
        };
        Err(BuildError { class, message: message.to_owned(), words: vec![message.to_owned()] }
            .with_output(&output.text))
    }

    /// Runs a tool and keeps what it says in the build's log.
    async fn step(&self, command: &mut Command) -> Result<Step, BuildError> {
        let shown = command.as_std();
        let args: Vec<_> = shown.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        self.write_log(&format!("$ {} {}\n", shown.get_program().to_string_lossy(), args.join(" ")));
        let mut other = self.builder().map(|builder| builder.command(command));
        let output = run(other.as_mut().unwrap_or(&mut *command)).await.map_err(|error| {
            let program = command.as_std().get_program().to_string_lossy().into_owned();
            BuildError::infrastructure(&format!("{program} cannot be started: {error}"))
        })?;
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        self.write_log(&text);
        Ok(Step { code: output.status.code(), text })
    }

    fn log(&self) -> PathBuf {
        self.folder.join("build.log")
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn write_log(&self, text: &str) {
        // The log is for people; a build does not fail for it.
        let file = File::options().create(true).append(true).open(self.log());
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }

    fn count_packages(&self) -> usize {
        let folders = fs::read_dir(self.folder.join("venv/lib")).into_iter().flatten().flatten();
        let packages = folders.flat_map(|folder| fs::read_dir(folder.path().join("site-packages")));
        let names = packages.flatten().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".dist-info")).count()
    }
}

/// How a tool ended and all that it said.
#[derive(Debug)]
struct Step {
    code: Option<i32>,
    text: String,
}
