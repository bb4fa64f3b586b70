//! Putting what an archive holds under a project that nobody sees yet. It is read once, from front to end; whatever contradicts
//! anything ends it, and whoever began the project undoes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use rigi_model::{ContentHash, ProjectName, RunId, VersionHash};
use tokio::runtime::Handle;

use super::checks::{Seen, not_here, of_project, version_written, written};
use super::content::{put_content, put_log};
use super::folder::{put_file, sync_below};
use super::rows::{Moved, Row, moved, text};
use super::unpack::{Member, Next, each_member, parse_head, parse_tail, unreadable};
use super::{Head, Refusable, Refused, TAIL, Tail, wrong};
use crate::durable::make_folder;
use crate::write::Write;
use crate::{Blobs, Error, Store};

/// Rows of one commit at most, and bytes of them.
const MOST_ROWS: usize = 500;
const MOST_BYTES: usize = 4 << 20;
/// Bytes of one row.
const LONGEST_ROW: u64 = 64 << 20;

/// Where an archive goes.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The project, which was begun.
    pub id: ProjectName,
    /// The folder of its pipelines; there is none yet.
    pub folder: PathBuf,
    /// Bytes that the archive may unpack to.
    pub most: u64,
}

/// What was put there.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// What the archive says of itself.
    pub head: Head,
    /// What it says at its end.
    pub tail: Tail,
}

/// What comes after what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Head,
    Rows(usize),
    Content,
    Logs,
    Pipelines,
    Tail,
}

struct Putting<'a> {
    store: &'a Store,
    runtime: &'a Handle,
    arrival: &'a Arrival,
    blobs: Blobs,
    moved: &'static [Moved],
    stage: Stage,
    seen: Seen,
    head: Option<Head>,
    tail: Option<Tail>,
    /// What has come: rows by table, stored files and logs, files of the folder.
    rows: BTreeMap<String, u64>,
    content: u64,
    files: u64,
}

/// Puts it there. It blocks, and is for a thread that may.
///
/// # Errors
/// If the archive is not whole, or something in it cannot be; then whoever began the project undoes it.
pub fn put(store: &Store, runtime: &Handle, arrival: &Arrival, archive: impl Read) -> Result<Put, Refused> {
    let mut putting = Putting {
        moved: runtime.block_on(moved())?,
        blobs: store.blobs(&arrival.id),
        stage: Stage::Head,
        seen: Seen::default(),
        head: None,
        tail: None,
        rows: BTreeMap::new(),
        content: 0,
        files: 0,
        store,
        runtime,
        arrival,
    };
    let what = || Error::io(format!("make the folder {}", arrival.folder.display()));
    arrival.folder.parent().map_or(Ok(()), make_folder)?;
    std::fs::create_dir(&arrival.folder).map_err(what())?;
    each_member(archive, arrival.most, |member| {
        putting.member(member)?;
        Ok(if putting.tail.is_some() { Next::Enough } else { Next::More })
    })?;
    putting.finish()
}

impl Putting<'_> {
    fn member(&mut self, member: &mut Member<'_>) -> Refusable<()> {
        let Some(head) = &self.head else {
            self.head = Some(parse_head(member)?);
            return Ok(());
        };
        if head.schema > crate::migrate::newest() {
            return Err(wrong("it comes from a newer version: bring Rigi up to date"));
        }
        let path = member.path;
        let unknown = || wrong(format!("`{}` is nothing that an archive has", path.escape_debug()));
        let (folder, inner) = path.split_once('/').unwrap_or(("", path));
        match folder {
            "" if path == TAIL => {
                self.enter(Stage::Tail)?;
                self.tail = Some(parse_tail(member)?);
                Ok(())
            }
            "rows" => {
                let table = inner.split_once('/').map(|(table, _)| table);
                let at = self.moved.iter().position(|moved| Some(moved.name) == table).ok_or_else(unknown)?;
                self.enter(Stage::Rows(at))?;
                self.rows(&self.moved[at], member.content)
            }
            "content" => {
                self.enter(Stage::Content)?;
                let hash: ContentHash = inner.parse().map_err(|_| unknown())?;
                if !self.seen.content.remove(&hash) {
                    return Err(unknown());
                }
                self.content += 1;
                put_content(&self.blobs, &hash, &mut *member.content)
            }
            "logs" => {
                self.enter(Stage::Logs)?;
                let (hash, object) = inner.split_once('/').ok_or_else(unknown)?;
                let hash: ContentHash = hash.parse().map_err(|_| unknown())?;
                if !self.seen.logs.remove(object) {
                    return Err(unknown());
                }
                self.content += 1;
                put_log(&self.blobs, object, &hash, &mut *member.content)
            }
            "pipelines" => {
                self.enter(Stage::Pipelines)?;
                self.files += 1;
                put_file(&self.arrival.folder, inner, member.mode, &mut *member.content)
            }
            _ => Err(unknown()),
        }
    }

    fn enter(&mut self, stage: Stage) -> Refusable<()> {
        if stage < self.stage {
            return Err(wrong("what it holds is in another order than it should be"));
        }
        self.stage = stage;
        Ok(())
    }

    /// Rows of one table, in commits of bounded size.
    fn rows(&mut self, moved: &'static Moved, content: &mut dyn Read) -> Refusable<()> {
        let mut lines = BufReader::new(content);
        let (mut batch, mut bytes, mut line) = (Vec::new(), 0, Vec::new());
        loop {
            line.clear();
            let read = (&mut lines).take(LONGEST_ROW).read_until(b'\n', &mut line).map_err(unreadable)?;
            if read > 0 {
                let bad = |error| wrong(format!("a row of `{}` cannot be read: {error}", moved.name));
                let row: Row = serde_json::from_slice(&line).map_err(bad)?;
                self.seen.look(moved.name, &row)?;
                batch.push(row);
                bytes += read;
            }
            if batch.len() >= MOST_ROWS || bytes >= MOST_BYTES || read == 0 {
                self.write(moved, std::mem::take(&mut batch))?;
                bytes = 0;
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    fn write(&mut self, moved: &'static Moved, rows: Vec<Row>) -> Refusable<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (db, project) = (self.store.db(), &self.arrival.id);
        let ids = |column: &str| -> BTreeSet<RunId> {
            rows.iter().filter_map(|row| text(row, column)?.parse().ok()).collect()
        };
        let (runs, owners): (Vec<RunId>, _) = match moved.name {
            "runs" => (ids("id").into_iter().collect(), BTreeSet::new()),
            _ => (Vec::new(), ids("run")),
        };
        let hashes: Vec<VersionHash> = match moved.name {
            "versions" => rows.iter().filter_map(|row| text(row, "hash")?.parse().ok()).collect(),
            _ => Vec::new(),
        };
        let owned = moved.table.columns.iter().any(|column| column.name == "run");
        if owned && rows.iter().any(|row| text(row, "run").is_none_or(|run| run.parse::<RunId>().is_err())) {
            return Err(wrong(format!("a row of `{}` belongs to no run", moved.name)));
        }
        *self.rows.entry(moved.name.to_owned()).or_default() += rows.len() as u64;
        let mut write = Write::default();
        for row in rows {
            write.rows.add_values(moved.insert, moved.values(row, project)?);
        }
        let seen = &mut self.seen;
        self.runtime.block_on(async {
            not_here(db, &runs).await?;
            of_project(db, &owners, project).await?;
            self.store.write(write).await.map_err(|error| match error {
                Error::Conflict(why) => {
                    wrong(format!("rows of `{}` contradict what is stored: {why}", moved.name))
                }
                other => other.into(),
            })?;
            for hash in hashes {
                version_written(db, hash, project).await?;
            }
            written(db, &runs, seen, project).await
        })
    }

    /// All that it should hold has come.
    fn finish(self) -> Refusable<Put> {
        let (Some(head), Some(tail)) = (self.head, self.tail) else { return Err(wrong("it ends too early")) };
        let parents = of_project(self.store.db(), &self.seen.parents, &self.arrival.id);
        self.runtime.block_on(parents)?;
        let rows =
            head.rows.iter().all(|(table, count)| self.rows.get(table).copied().unwrap_or(0) == *count);
        let missing = (self.seen.content.len() + self.seen.logs.len()) as u64;
        if !rows || (self.content, self.files, missing) != (tail.content, tail.files, tail.missing) {
            return Err(wrong("not all of it is there"));
        }
        sync_below(&self.arrival.folder)?;
        Ok(Put { head, tail })
    }
}
