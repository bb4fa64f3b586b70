//! `rigi support`: what somebody who helps has to see.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flate2::Compression;
use flate2::write::GzEncoder;
use rigi_model::Timestamp;
use rigi_model::quantity::show_bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::session::{Found, Session};
use crate::client::{CallError, Client};
use crate::config::{Loaded, shown};
use crate::terminal::{Exit, Failure, say};

/// Of the server's own log, its end.
const LOG: u64 = 1 << 20;

/// `rigi support`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi support bundle")]
pub struct Support {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a file with what somebody who helps has to see, without secrets
    Bundle(Bundle),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi support bundle                 rigi-support-2026-03-01T12-04-11Z.tar.gz in the current folder
  rigi support bundle /tmp/rigi.tgz

It holds texts and JSON: look into it before you hand it on. Names of pipelines, projects and hosts are in it; values of
secrets, passwords, parameters, logs of runs and files are not.")]
struct Bundle {
    /// File to write; it must not be there
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

impl Support {
    /// Does it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Bundle(bundle) => bundle.run(session),
        }
    }
}

impl Bundle {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let now = Timestamp::now();
        let stamp: String = now.to_string().chars().take(19).collect::<String>().replace(':', "-");
        let file = self.file.unwrap_or_else(|| format!("rigi-support-{stamp}Z.tar.gz").into());
        let folder = self.folder.as_deref();
        let mut parts = Parts::default();
        parts.add("program.json", &program());
        match session.place(folder)? {
            Found::Server(server) => {
                let client = Client::new(&server)?;
                session.block_on(async {
                    of_server(&client, &mut parts).await;
                    Ok(())
                })?;
                if server.data.is_some() {
                    of_machine(&session.local(folder)?, &mut parts);
                }
            }
            Found::Offline(loaded) => {
                parts.tried("doctor.json", crate::wiring::doctor(&loaded));
                of_machine(&loaded, &mut parts);
            }
        }
        let bytes = parts.write(&file, now)?;
        say(&format!("{} ({}, {} parts)", file.display(), show_bytes(bytes), parts.all.len()))?;
        for (name, why) in &parts.missing {
            say(&format!("not in it: {name}: {why}"))?;
        }
        Ok(Exit::Ok.into())
    }
}

/// What the server says of itself.
async fn of_server(client: &Client, parts: &mut Parts) {
    let one = async |path: &[&str]| client.get::<Value>(path, &[]).await;
    parts.tried("doctor.json", client.ready().await);
    parts.tried("system.json", one(&["system"]).await);
    parts.tried("targets.json", one(&["targets"]).await);
    parts.tried("log-level.json", one(&["system", "log-level"]).await);
    parts.tried("projects.json", one(&["projects"]).await);
    let recent = [("limit", "100".to_owned())];
    let runs: Result<Value, CallError> = client.get(&["runs"], &recent).await;
    parts.tried("runs.json", runs.map(without_values));
    match client.metrics().await {
        Ok(text) => parts.text("metrics.txt", text.into_bytes()),
        Err(error) => parts.missing.push(("metrics.txt".to_owned(), error.to_string())),
    }
}

/// What lies on this machine.
fn of_machine(loaded: &Loaded, parts: &mut Parts) {
    let setting = |setting: crate::config::Setting| json!({"key": setting.key, "value": setting.value, "from": setting.origin.to_string()});
    parts.add("configuration.json", &shown(loaded).into_iter().map(setting).collect::<Vec<_>>());
    parts.tried("migrations.json", crate::wiring::migrate(loaded, None).map(|all| {
        let row = |one: rigi_store::MigrationStatus| json!({"number": one.number, "name": one.name, "applied": one.applied});
        all.into_iter().map(row).collect::<Vec<_>>()
    }));
    let log = loaded.data_folder().join("server.log");
    match end_of(&log) {
        Ok(text) => parts.text("server.log", text),
        Err(error) => parts.missing.push(("server.log".to_owned(), format!("{}: {error}", log.display()))),
    }
}

fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG)))?;
    let mut text = Vec::new();
    file.take(LOG).read_to_end(&mut text)?;
    Ok(text)
}

/// Runs without what people have put into them.
fn without_values(mut page: Value) -> Value {
    for run in page["items"].as_array_mut().into_iter().flatten() {
        let Some(run) = run.as_object_mut() else { continue };
        run.retain(|name, _| !matches!(name.as_str(), "parameters" | "labels" | "message" | "inputs"));
    }
    page
}

fn program() -> Value {
    let uname = rustix::system::uname();
    let text = |words: &std::ffi::CStr| words.to_string_lossy().into_owned();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "system": text(uname.sysname()),
        "release": text(uname.release()),
        "machine": text(uname.machine()),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": memory(),
    })
}

/// The machine's, as the kernel tells it.
fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    Some(text.lines().take(3).collect::<Vec<_>>().join("; "))
}

/// What goes into the file, and what could not be had.
#[derive(Debug, Default)]
struct Parts {
    all: Vec<(String, Vec<u8>)>,
    missing: Vec<(String, String)>,
}

impl Parts {
    fn text(&mut self, name: &str, text: Vec<u8>) {
        self.all.push((name.to_owned(), text));
    }

    fn add(&mut self, name: &str, value: &impl Serialize) {
        match serde_json::to_vec_pretty(value) {
            Ok(text) => self.text(name, text),
            Err(error) => self.missing.push((name.to_owned(), error.to_string())),
        }
    }

    fn tried<T: Serialize>(&mut self, name: &str, value: Result<T, impl ToString>) {
        match value {
            Ok(value) => self.add(name, &value),
            Err(error) => self.missing.push((name.to_owned(), error.to_string())),
        }
    }

    /// For its owner alone. Returns its bytes.
    fn write(&mut self, file: &Path, now: Timestamp) -> Result<u64, Failure> {
        let missing: String = self.missing.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
        let names: String = self.all.iter().map(|(name, _)| format!("{name}\n")).collect();
        self.text("README.txt", format!("Of {now}.\n\n{names}\nNot in it:\n{missing}").into_bytes());
        let failed = |error: std::io::Error| {
            let cure = "name another file, which is not there yet";
            Failure::new(Exit::Failed, format!("cannot write {}: {error}", file.display())).cure(cure)
        };
        let made = File::options().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
        let packed = || {
            let mut packed = tar::Builder::new(GzEncoder::new(&made, Compression::default()));
            for (name, text) in &self.all {
                let mut header = tar::Header::new_gnu();
                header.set_size(text.len() as u64);
                header.set_mode(0o600);
                header.set_mtime(u64::try_from(now.0 / 1_000_000).unwrap_or(0));
                packed.append_data(&mut header, format!("rigi-support/{name}"), text.as_slice())?;
            }
            packed.into_inner()?.finish()?.flush()?;
            made.metadata().map(|facts| facts.len())
        };
        packed().map_err(|error| {
            // Half of it is of no use.
            let _ = std::fs::remove_file(file);
            failed(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_put_into_runs_is_left_out() {
        let page = json!({"items": [{"id": "run_1", "state": "failed", "parameters": {"token": "hunter2"}, "labels": {"a": "b"}, "message": "x"}]});
        assert_eq!(without_values(page), json!({"items": [{"id": "run_1", "state": "failed"}]}));
    }

    #[test]
    fn a_file_holds_its_parts_and_names_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tar.gz");
        let mut parts = Parts::default();
        parts.add("one.json", &json!({"a": 1}));
        parts.tried("two.json", Err::<Value, _>("it does not answer"));
        parts.write(&file, Timestamp(0)).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&file).unwrap()));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.push((entry.path().unwrap().display().to_string(), text));
        }
        assert_eq!(found[0].0, "rigi-support/one.json");
        assert!(found[1].1.contains("two.json: it does not answer"), "{found:?}");
        assert!(parts.write(&file, Timestamp(0)).is_err(), "nothing is written over");
    }
}
