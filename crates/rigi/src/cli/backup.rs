//! `rigi backup`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_model::quantity::show_bytes;
use rigi_store::backup::{Created, Key, Manifest, Restored, Verified, WithKey};
use serde::Serialize;

use super::output::{List, OutputArgs, print_value};
use super::progress::Steps;
use super::session::Session;
use super::table::Column;
use super::words::{count, date, many};
use crate::terminal::Exit;
use crate::terminal::{remark, say};

/// `rigi backup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi backup create /mnt/backups                 while the server works; only what is new is added
  rigi backup verify /mnt/backups                 read all of it
  rigi backup restore /mnt/backups pipelines      on another machine, before `rigi up pipelines`

A backup holds the database, stored files and logs: not the pipelines folder itself, and not the key of
secrets unless `--with-key` says so.")]
pub struct Backup {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take a backup; a server may work meanwhile
    Create(Create),
    /// Read everything in a folder of backups and name what is damaged
    Verify(Verify),
    /// List the snapshots in a folder of backups
    List(ListArgs),
    /// Put a snapshot into an empty data folder and an empty database
    Restore(Restore),
}

#[derive(Debug, Args)]
struct Create {
    /// Folder of backups; made if it is not there
    #[arg(value_name = "BACKUPS", value_hint = clap::ValueHint::DirPath)]
    to: PathBuf,
    /// Folder of pipelines; the server near the current folder unless told
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Put the key of secrets into it: whoever has the backup can open them
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct Verify {
    /// Folder of backups
    #[arg(value_name = "BACKUPS", value_hint = clap::ValueHint::DirPath)]
    from: PathBuf,
    /// Only this snapshot
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Folder of backups
    #[arg(value_name = "BACKUPS", value_hint = clap::ValueHint::DirPath)]
    from: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct Restore {
    /// Folder of backups
    #[arg(value_name = "BACKUPS", value_hint = clap::ValueHint::DirPath)]
    from: PathBuf,
    /// Folder of pipelines; what is restored goes into `.rigi` in it, or where `--data` says
    #[arg(default_value = ".", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// This snapshot instead of the newest
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,
    /// The file `secret.key` of the data folder that was backed up
    #[arg(long, value_name = "FILE", conflicts_with = "without_key")]
    key: Option<PathBuf>,
    /// Go on without the key: secrets in the backup cannot be opened any more
    #[arg(long)]
    without_key: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Backup {
    /// Takes, reads or restores backups.
    ///
    /// # Errors
    /// When something cannot be read or written, or is damaged.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Create(command) => command.run(session),
            Command::Verify(command) => command.run(session),
            Command::List(command) => command.run(session),
            Command::Restore(command) => command.run(session),
        }
    }
}

#[derive(Serialize)]
struct Snapshot<'a> {
    snapshot: &'a str,
    created_at: rigi_model::Timestamp,
    runs: u64,
    open_runs: u64,
    files: u64,
    file_bytes: u64,
    secrets: u64,
    has_key: bool,
    damaged: &'a [String],
}

impl<'a> Snapshot<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        Self {
            snapshot: &manifest.id,
            created_at: manifest.created_at,
            runs: manifest.runs,
            open_runs: manifest.open_runs,
            files: manifest.file_count(),
            file_bytes: manifest.file_bytes,
            secrets: manifest.sealed,
            has_key: manifest.key.is_some(),
            damaged: &manifest.damaged,
        }
    }
}

impl Create {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let loaded = session.local(self.folder.as_deref())?;
        let key = if self.with_key { WithKey::Yes } else { WithKey::No };
        let mut steps = Steps::new(&session.terminal);
        let created = crate::wiring::backup::create(&loaded, &self.to, key, &mut |p| steps.show(p))?;
        drop(steps);
        if self.output.is_for_people() {
            say(&show_created(&created))?;
        } else {
            #[derive(Serialize)]
            struct Answer<'a> {
                #[serde(flatten)]
                snapshot: Snapshot<'a>,
                new_objects: u64,
                new_bytes: u64,
            }
            let Created { manifest, new_objects, new_bytes } = &created;
            let (new_objects, new_bytes) = (*new_objects, *new_bytes);
            let answer = Answer { snapshot: Snapshot::of(manifest), new_objects, new_bytes };
            print_value(&answer, self.output, || vec![manifest.id.clone()])?;
        }
        Ok(if created.manifest.damaged.is_empty() { Exit::Ok } else { Exit::Failed }.into())
    }
}

fn contents(manifest: &Manifest) -> String {
    let (runs, files) = (many(manifest.runs, "run"), many(manifest.file_count(), "stored file"));
    format!("{runs}, {files}, {}", show_bytes(manifest.file_bytes))
}

fn show_created(created: &Created) -> String {
    let Created { manifest, new_bytes, .. } = created;
    let mut text =
        format!("snapshot {}: {}; {} of it new\n", manifest.id, contents(manifest), show_bytes(*new_bytes));
    if manifest.sealed > 0 && manifest.key.is_none() {
        text.push_str(
            "It holds secrets and not their key: keep a copy of `secret.key` of the data folder elsewhere.\n",
        );
    }
    for file in &manifest.damaged {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "not in it, as it is damaged: {file}");
    }
    text
}

impl Verify {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let mut steps = Steps::new(&session.terminal);
        let snapshot = self.snapshot.as_deref();
        let verified = crate::wiring::backup::verify(&self.from, snapshot, &mut |p| steps.show(p))?;
        drop(steps);
        if self.output.is_for_people() {
            say(&show_verified(&verified))?;
        } else {
            let answer = serde_json::json!({
                "snapshots": verified.snapshots,
                "objects": verified.objects,
                "bytes": verified.bytes,
                "damage": verified.findings,
            });
            print_value(&answer, self.output, || verified.findings.iter().map(|f| f.file.clone()).collect())?;
        }
        Ok(if verified.findings.is_empty() { Exit::Ok } else { Exit::Failed }.into())
    }
}

fn show_verified(verified: &Verified) -> String {
    let damage: String = verified
        .findings
        .iter()
        .map(|f| format!("{}: {} (snapshot {})\n", f.file, f.problem, f.snapshot))
        .collect();
    let read = format!(
        "{}, {}, {} read",
        many(verified.snapshots, "snapshot"),
        many(verified.objects, "object"),
        show_bytes(verified.bytes)
    );
    match verified.findings.len() {
        0 => format!("{read}: everything is well.\n"),
        1 => format!("{damage}{read}: one thing is not well.\n"),
        wrong => format!("{damage}{read}: {wrong} things are not well.\n"),
    }
}

impl ListArgs {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let all = crate::wiring::backup::list(&self.from)?;
        let damaged = all.iter().any(|(_, manifest)| manifest.is_err());
        let manifests: Vec<Manifest> = all.iter().filter_map(|(_, m)| m.as_ref().ok().cloned()).collect();
        let items: Vec<Snapshot<'_>> = manifests.iter().map(Snapshot::of).collect();
        let list = List {
            items: &items,
            columns: &[
                Column::fixed("SNAPSHOT"),
                Column::fixed("TAKEN"),
                Column::fixed("RUNS"),
                Column::fixed("FILES"),
                Column::fixed("SIZE"),
            ],
            wide: &[],
            row: &|s| {
                let size = show_bytes(s.file_bytes);
                let id = s.snapshot.to_owned();
                vec![
                    id.into(),
                    date(s.created_at).into(),
                    count(s.runs).into(),
                    count(s.files).into(),
                    size.into(),
                ]
            },
            name: &|s| s.snapshot.to_owned(),
            nothing: "There is no snapshot.",
        };
        list.print(self.output, &session.terminal)?;
        for (_, manifest) in &all {
            if let Err(error) = manifest {
                remark(&error.to_string());
            }
        }
        Ok(if damaged { Exit::Failed } else { Exit::Ok }.into())
    }
}

impl Restore {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let loaded = session.load(&self.folder, Vec::new())?;
        let key = match self.key {
            Some(file) => Key::File(file),
            None if self.without_key => Key::New,
            None => Key::OfBackup,
        };
        let mut steps = Steps::new(&session.terminal);
        let snapshot = self.snapshot.as_deref();
        let restored =
            crate::wiring::backup::restore(&loaded, &self.from, snapshot, &key, &mut |p| steps.show(p))?;
        drop(steps);
        let (Restored { manifest }, data) = restored;
        if self.output.is_for_people() {
            let mut text = format!("restored into {}: {}\n", data.display(), contents(&manifest));
            if manifest.open_runs > 0 {
                let open = many(manifest.open_runs, "run");
                let them = if manifest.open_runs == 1 { "it" } else { "them" };
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "{open} had not ended: a server on it runs {them} again. Stop the old server first."
                );
            }
            say(&text)?;
        } else {
            print_value(&Snapshot::of(&manifest), self.output, || vec![manifest.id.clone()])?;
        }
        Ok(Exit::Ok.into())
    }
}
