//! Asks programs to describe themselves: in a folder of their own, for so long, and with so much to write.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rigi_model::text::plain_line;

use super::{Kind, read_bounded};
use crate::terminal::{Exit, Failure, remark};

/// How long a program may take to describe itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// Files of at most so many blocks, of 512 bytes or of 1 KiB as the shell has it.
const BOUNDED: &str = r#"ulimit -f 18000 2>/dev/null; exec "$@""#;
/// Reads the literal `DEFAULTS` of a script, and executes none of it.
const READ_DEFAULTS: &str = include_str!("read_defaults.py");

/// The description of a program, by `-write_ctd` or else by `-write_ini`; and what was run.
pub(super) fn describe(tool: &Path) -> anyhow::Result<(Kind, Vec<u8>, String)> {
    let folder = tempfile::tempdir().context("making a folder to ask in")?;
    let program = if tool.components().count() > 1 { std::path::absolute(tool)? } else { tool.to_owned() };
    let name = tool.file_name().unwrap_or(tool.as_os_str()).to_string_lossy().into_owned();
    let shown = tool.display();
    let ini = folder.path().join("tool.ini");
    let asked = [
        (Kind::Ctd, "-write_ctd", folder.path().to_owned(), folder.path().join(format!("{name}.ctd"))),
        (Kind::Ini, "-write_ini", ini.clone(), ini),
    ];
    let mut said = String::new();
    for (kind, option, target, wanted) in asked {
        remark(&format!("asking: {shown} {option} {}", target.display()));
        let words = [program.as_os_str(), option.as_ref(), target.as_os_str()];
        let ended = run(folder.path(), &words, Stdio::null(), None)?;
        let found = if wanted.is_file() { Some(wanted) } else { only_ctd(folder.path()) };
        if let Some(file) = found.filter(|_| ended.status.is_some_and(|status| status.success())) {
            return Ok((kind, read_bounded(&file)?, format!("{shown} {option}")));
        }
        if ended.status.and_then(|status| status.code()) == Some(127) {
            let what = format!("there is no program `{shown}`");
            let cure = "name a program of your PATH, or a file that ends in .ctd, .ini or .py";
            return Err(Failure::new(Exit::NotFound, what).cure(cure).into());
        }
        said = ended.said();
    }
    let what = format!("`{shown}` does not describe itself: {said}");
    let cure = "give its description as a file: .ctd or .ini";
    Err(Failure::new(Exit::BadInput, what).cure(cure).into())
}

/// Some programs write a description under a name of their own.
fn only_ctd(folder: &Path) -> Option<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.take(100).flatten().map(|entry| entry.path());
    let mut ctd =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "ctd") && path.is_file());
    ctd.next().filter(|_| ctd.next().is_none())
}

/// `DEFAULTS` of a Python script as JSON, read as a literal.
pub(super) fn defaults(script: &Path, code: &[u8]) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("making a folder to read in")?;
    let copy = folder.path().join("tool.py");
    std::fs::write(&copy, code).context("copying the script")?;
    let found = folder.path().join("found");
    let words = ["python3", "-I", "-S", "-c", READ_DEFAULTS].map(OsStr::new);
    let out = File::create(&found).context("making a file to read into")?;
    let stdin = File::open(&copy).context("reading the script")?;
    let ended = run(folder.path(), &words, stdin.into(), Some(out))?;
    if ended.status.is_some_and(|status| status.success()) {
        return Ok(read_bounded(&found)?);
    }
    let shown = script.display();
    if ended.status.and_then(|status| status.code()) == Some(127) {
        let what = format!("`{shown}` cannot be read: there is no `python3` here");
        return Err(Failure::new(Exit::NotFound, what)
            .cure("install Python 3, or write the spec by hand")
            .into());
    }
    let what = format!("`{shown}` cannot become a pipeline: {}", ended.said());
    let cure =
        "write `DEFAULTS` as a literal: a dictionary, or a list of dictionaries with `key` and `value`";
    Err(Failure::new(Exit::BadInput, what).cure(cure).into())
}

/// How a program ended, and the last that it said.
struct Ended {
    /// None: it took too long, and was ended.
    status: Option<ExitStatus>,
    words: String,
}

impl Ended {
    fn said(&self) -> String {
        let Some(status) = self.status else {
            return format!("it had not ended after {} s", PATIENCE.as_secs());
        };
        let mut lines = self.words.lines().map(str::trim).filter(|line| !line.is_empty());
        let last = lines.next_back().map(|line| plain_line(line, 200)).filter(|line| !line.is_empty());
        last.unwrap_or_else(|| format!("it ended with {status}"))
    }
}

fn run(folder: &Path, words: &[&OsStr], stdin: Stdio, stdout: Option<File>) -> anyhow::Result<Ended> {
    let log = folder.join(".said");
    let errors = File::create(&log).context("making a file for what it says")?;
    let stdout = stdout.map_or_else(|| errors.try_clone(), Ok).context("making a file for what it says")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    let status = runtime.block_on(async {
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", BOUNDED, "sh"])
            .args(words)
            .current_dir(folder)
            // Tools with windows have none here.
            .env("QT_QPA_PLATFORM", "offscreen")
            .stdin(stdin)
            .stdout(stdout)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .context("starting `/bin/sh`")?;
        let group = child.id();
        let waited = tokio::time::timeout(PATIENCE, child.wait()).await;
        if waited.is_err() {
            end(group);
            child.wait().await.context("waiting for it")?;
        }
        waited.ok().transpose().context("waiting for it")
    })?;
    let mut words = Vec::new();
    File::open(&log)
        .and_then(|file| file.take(64 << 10).read_to_end(&mut words))
        .context("reading what it said")?;
    Ok(Ended { status, words: String::from_utf8_lossy(&words).into_owned() })
}

/// Ends it with all that it started.
fn end(group: Option<u32>) {
    let pid = group.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // Gone already is as good.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(folder: &Path, name: &str, code: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{code}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn programs_are_asked_for_one_description_and_then_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let ctd = program(folder.path(), "new", "[ $1 = -write_ctd ] && echo ctd > $2/new.ctd");
        assert_eq!(describe(&ctd).unwrap().1, b"ctd\n");
        let ini = program(folder.path(), "old", "[ $1 = -write_ini ] && echo ini > $2");
        assert_eq!(describe(&ini).unwrap().1, b"ini\n");
        let none = program(folder.path(), "none", "echo unknown option >&2; exit 2");
        let error = describe(&none).err().unwrap().to_string();
        assert!(error.contains("does not describe itself: unknown option"), "{error}");
        let missing = describe(Path::new("no-such-program-here")).err().unwrap().to_string();
        assert!(missing.contains("there is no program"), "{missing}");
        let endless = program(folder.path(), "endless", "cat /dev/zero > $2/endless.ctd");
        assert!(describe(&endless).is_err());
    }

    #[test]
    fn defaults_are_read_and_never_executed() {
        let folder = tempfile::tempdir().unwrap();
        let read = |code: &str| defaults(Path::new("tool.py"), code.as_bytes());
        let trap = folder.path().join("executed");
        let code = format!("open({:?}, 'w')\nDEFAULTS = [{{'key': 'n', 'value': 3}}]\n", trap.display());
        assert_eq!(read(&code).unwrap(), br#"[{"key": "n", "value": 3}]"#);
        assert!(!trap.exists());
        for wrong in ["x = 1", "DEFAULTS = dict(a=1)", "DEFAULTS = {'a': open('/etc/passwd')}", "def ("] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let deep = format!("DEFAULTS = {}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(read(&deep).is_err());
    }
}
