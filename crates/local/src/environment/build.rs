//! Builds one environment in its place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rigi_model::attempt::FailureClass;
use tokio::process::Command;
use tokio::sync::watch;

use super::apart::Builder;
use super::need::{Need, SCRIPT, Source};
use super::uv::{Python, Uv, run};
use super::variables::{hide, together};
use super::{BuildError, Outcome, Ready, tree, verdict};

/// Written last; holds the words for people.
pub const COMPLETE: &str = "complete";
/// The code that it is built from: a copy, since tools leave things there. What captured code holds is never changed.
pub const CODE: &str = "code";
/// Requirements that stand in no file.
const LISTED: &str = ".rigi-requirements.txt";
/// What uv makes of a script that speaks to it.
const EXPORTED: &str = ".rigi-script.txt";

/// The words of an environment that was built whole, and whose Python is still there.
pub fn read(folder: &Path) -> Option<String> {
    folder.join("venv/bin/python").exists().then(|| fs::read_to_string(folder.join(COMPLETE)).ok()).flatten()
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
        if built.is_err() {
            let _ = fs::remove_dir_all(self.code());
        }
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
        if !self.need.is_plain() || self.uv.config.user.is_some() {
            self.put_code().await.map_err(|error| self.no_room(&error))?;
        }
        let builder = self.builder();
        if let Some(builder) = &builder {
            builder.begin().map_err(|error| self.no_room(&error))?;
        }
        self.make_venv().await?;
        if !self.need.is_plain() {
            self.install().await?;
        }
        if let Some(builder) = &builder {
            builder.end().map_err(|error| self.no_room(&error))?;
        }
        if !self.is_linked() {
            let _ = fs::remove_dir_all(self.code());
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

    fn code(&self) -> PathBuf {
        self.folder.join(CODE)
    }

    /// Copies what counts: the whole folder, or the files that were read and nothing else. What would count by lying
    /// there, or above, is so not there.
    async fn put_code(&self) -> io::Result<()> {
        let (need, code) = (self.need.clone(), self.code());
        let put = move || {
            if need.reach.folder {
                tree::copy(&need.code, &code)?
            } else {
                tree::make(&code)?
            }
            for (name, text) in &need.texts {
                let path = code.join(name);
                path.parent().map_or(Ok(()), tree::make)?;
                fs::write(path, text)?;
            }
            let listed = need.listed();
            if !listed.is_empty() {
                fs::write(code.join(LISTED), listed.join("\n") + "\n")?;
            }
            // Settings of a folder further up are somebody else's: uv looks no further than to the first.
            if !need.says_to_uv() { fs::write(code.join("uv.toml"), "") } else { Ok(()) }
        };
        tokio::task::spawn_blocking(put).await.map_err(io::Error::other)?
    }

    /// A call of uv within the copy of the code, with what the pipeline says to it.
    async fn uv(&self) -> Result<Command, BuildError> {
        let mut command = self.uv.command(&|_| ()).await?;
        command.env_clear().envs(together(&self.uv.server, &self.need.variables)).current_dir(self.code());
        self.uv.settle(&mut command);
        Ok(command)
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
            let mut command = self.uv.plain(&self.python.path);
            command.args(["-m", "venv", "--without-pip"]).arg(&venv);
            let output = self.step(&mut command).await?;
            if output.code == Some(0) {
                return Ok(());
            }
        }
        let mut command = self.uv.command(&|_| ()).await?;
        command.args(["venv", "--no-project", "--no-config", "--python"]).arg(&self.python.path);
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
        if let Source::Project { locked: true, .. } = self.need.source {
            self.sync().await?;
        }
        let mut command = self.uv().await?;
        command
            .args(["pip", "install", "--compile-bytecode", "--python"])
            .arg(self.folder.join("venv/bin/python"));
        let listed = !self.need.listed().is_empty();
        match &self.need.source {
            Source::Project { locked: true, .. } if !listed => return Ok(()),
            Source::Nothing | Source::Project { locked: true, .. } => {}
            Source::Script { settings: false, .. } => {}
            Source::Script { settings: true, .. } => {
                self.export().await?;
                command.args(["-r", EXPORTED]);
            }
            Source::Project { package: true, .. } => _ = command.args(["-e", "."]),
            Source::Project { .. } => _ = command.args(["-r", "pyproject.toml"]),
            Source::Requirements { name } => _ = command.args(["-r", name]),
        }
        command.args(listed.then_some(["-r", LISTED]).into_iter().flatten());
        let output = self.step(&mut command).await?;
        self.judge(&output)
    }

    /// Writes down what a script asks for, by the settings that it has for uv.
    async fn export(&self) -> Result<(), BuildError> {
        let mut command = self.uv().await?;
        command.args(["export", "--quiet", "--no-hashes", "--no-header", "--script", SCRIPT]);
        command.args(["--output-file", EXPORTED, "--python"]).arg(&self.python.path);
        let output = self.step(&mut command).await?;
        self.judge(&output)
    }

    /// Installs exactly what the lock says.
    async fn sync(&self) -> Result<(), BuildError> {
        let mut command = self.uv().await?;
        command.args(["sync", "--frozen", "--no-dev", "--compile-bytecode", "--project"]).arg(self.code());
        command.arg("--python").arg(&self.python.path);
        command.env("UV_PROJECT_ENVIRONMENT", self.folder.join("venv"));
        let output = self.step(&mut command).await?;
        self.judge(&output)
    }

    fn judge(&self, output: &Step) -> Result<(), BuildError> {
        if output.code == Some(0) {
            return Ok(());
        }
        let class = verdict::judge(output.code, &output.text);
        let message = match class {
            _ if output.code.is_none() => "The installation was killed.",
            FailureClass::User => "The requirements cannot be met.",
            _ => "The requirements could not be installed.",
        };
        let mut error = BuildError { class, message: message.to_owned(), words: vec![message.to_owned()] }
            .with_output(&with_lines(&output.text, &self.need.texts));
        error.words.extend(self.of_pip());
        Err(error)
    }

    /// What was set for pip, and is nothing to uv.
    fn of_pip(&self) -> Option<String> {
        let set = |name: &&str| self.uv.pip.contains_key(*name) || self.need.pip.contains(*name);
        let name = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"].into_iter().find(set)?;
        let other = if name == "PIP_INDEX_URL" { "UV_DEFAULT_INDEX" } else { "UV_INDEX" };
        Some(format!("`{name}` is set, which uv does not read: it reads `{other}`."))
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
        // The copy stands for the folder: nobody knows it by its own path.
        let text = text.replace(&format!("{}/", self.code().display()), "");
        let text = hide(&text, &self.need.variables, &self.need.reach.names);
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
        self.packages().count()
    }

    /// Whether something is installed as a link to the code it was built from, which then must stay.
    fn is_linked(&self) -> bool {
        let mut origins = self.packages().filter_map(|folder| fs::read(folder.join("direct_url.json")).ok());
        let is_link = |origin: &[u8]| {
            let origin: Option<serde_json::Value> = serde_json::from_slice(origin).ok();
            origin.is_some_and(|origin| origin["dir_info"]["editable"] == true)
        };
        origins.any(|origin| is_link(&origin))
    }

    /// Folders in which it stands what is installed.
    fn packages(&self) -> impl Iterator<Item = PathBuf> {
        let folders = fs::read_dir(self.folder.join("venv/lib")).into_iter().flatten().flatten();
        let packages = folders.flat_map(|folder| fs::read_dir(folder.path().join("site-packages")));
        let paths = packages.flatten().flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "dist-info"))
    }
}

/// How a tool ended and all that it said.
#[derive(Debug)]
struct Step {
    code: Option<i32>,
    text: String,
}

/// `requirements.txt:3` where uv counts bytes: `requirements.txt` at position 20.
fn with_lines(text: &str, texts: &[(String, String)]) -> String {
    let mut shown = text.to_owned();
    for (name, content) in texts {
        let mark = format!("`{name}` at position ");
        while let Some(start) = shown.find(&mark) {
            let digits = &shown[start + mark.len()..];
            let length = digits.bytes().take_while(u8::is_ascii_digit).count();
            let position: usize = digits[..length].parse().unwrap_or(0);
            let line = content.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1;
            shown.replace_range(start..start + mark.len() + length, &format!("`{name}:{line}`"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines() {
        let texts = [("a.txt".to_owned(), "x==1\ny=2\nz\n".to_owned())];
        let told =
            "error: Couldn't parse requirement in `a.txt` at position 5\n  cause: `b.txt` at position 7";
        let shown = "error: Couldn't parse requirement in `a.txt:2`\n  cause: `b.txt` at position 7";
        assert_eq!(with_lines(told, &texts), shown);
    }
}
