//! Taking a project: what the archive holds, in its order.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use rigi_model::project::ProjectSettings;
use rigi_model::{ProjectName, Timestamp};
use serde::Serialize;

use super::content::{Wanted, pack_content};
use super::folder::pack_folder;
use super::rows::{Moved, content_of, moved, text};
use super::{FORMAT, HEAD, Head, TAIL, Tail};
use crate::backup::rows::parse;
use crate::backup::snapshot::Snapshot;
use crate::lock::FilesLock;
use crate::{Error, Result, Store};

/// Bytes of rows in one entry, about.
const PIECE: usize = 1 << 20;

/// What is taken.
#[derive(Debug, Clone)]
pub struct Taking {
    /// What rows and files of the project carry.
    pub id: ProjectName,
    /// What it is called.
    pub name: ProjectName,
    /// What is set for it.
    pub settings: ProjectSettings,
    /// The folder of its pipelines.
    pub folder: PathBuf,
    /// When.
    pub at: Timestamp,
}

/// Where an archive goes. Rows wait in a file until all of them are read, so that no slow reader holds a snapshot of the database.
pub(super) struct Out<W> {
    waiting: Option<File>,
    to: W,
}

impl<W: Write> Out<W> {
    fn release(&mut self) -> io::Result<()> {
        let Some(mut file) = self.waiting.take() else { return Ok(()) };
        file.rewind()?;
        io::copy(&mut file, &mut self.to).map(drop)
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.waiting {
            Some(file) => file.write(bytes),
            None => self.to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_some() { Ok(()) } else { self.to.flush() }
    }
}

pub(super) type Packer<W> = tar::Builder<zstd::Encoder<'static, Out<W>>>;

/// What was being done when an archive could not be written.
pub(super) fn packing(what: &str) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("pack {what}"))
}

/// Appends an entry of so many bytes; it is an error if there are fewer.
pub(super) fn append<W: Write>(
    packer: &mut Packer<W>,
    name: &str,
    (size, mode): (u64, u32),
    from: impl Read,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    let mut from = from.take(size);
    packer.append_data(&mut header, name, &mut from).map_err(packing(name))?;
    if from.limit() == 0 {
        return Ok(());
    }
    let changed = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read");
    Err(packing(name)(changed))
}

fn append_json<W: Write>(packer: &mut Packer<W>, name: &str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| packing(name)(error.into()))?;
    append(packer, name, (text.len() as u64, 0o644), &*text)
}

/// Takes a project, into `to`, while the server works. It blocks at files, and is for a thread that may.
///
/// # Errors
/// If something cannot be read, or whoever reads the archive has gone: then it has no end.
pub async fn take<W: Write + Send>(store: &Store, taking: &Taking, to: W) -> Result<Tail> {
    // It goes into conditions as it is: the names of projects hold no quotes.
    let id: ProjectName = crate::db::parsed("a project's id", taking.id.as_str())?;
    // Before the snapshot: what it refers to is not collected until all of it is read.
    let _files = FilesLock::keep(store.data())?;
    let out = Out { waiting: Some(unnamed(store)?), to };
    let encoder = zstd::Encoder::new(out, 3).map_err(packing("a project"))?;
    let mut packer = tar::Builder::new(encoder);
    let mut snapshot = Snapshot::begin(&store.config).await?;
    let wanted = pack_rows(store, taking, &id, &mut snapshot, &mut packer).await;
    snapshot.end().await;
    let wanted = wanted?;
    let encoder = packer.get_mut();
    encoder.flush().and_then(|()| encoder.get_mut().release()).map_err(packing("rows"))?;
    let mut tail = Tail::default();
    pack_content(&store.blobs(&id), &wanted, &mut packer, &mut tail)?;
    pack_folder(&taking.folder, &mut packer, &mut tail)?;
    append_json(&mut packer, TAIL, &tail)?;
    let encoder = packer.into_inner().map_err(packing("the end"))?;
    encoder.finish().and_then(|mut out| out.flush()).map_err(packing("the end"))?;
    Ok(tail)
}

/// A file without a name, which nobody has to remove.
fn unnamed(store: &Store) -> Result<File> {
    let path = store.data().join("tmp").join(format!("export-{}", rigi_model::UploadId::generate()));
    let what = || format!("create {}", path.display());
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.map_err(Error::io(what()))?;
    std::fs::remove_file(&path).map_err(Error::io(what()))?;
    Ok(file)
}

async fn pack_rows<W: Write + Send>(
    store: &Store,
    taking: &Taking,
    id: &ProjectName,
    snapshot: &mut Snapshot,
    packer: &mut Packer<W>,
) -> Result<Wanted> {
    let schema = snapshot.schema().await?;
    let tables = moved().await?;
    let mut rows = std::collections::BTreeMap::new();
    for moved in tables {
        rows.insert(moved.name.to_owned(), snapshot.count(moved.name, &moved.condition(id)).await?);
    }
    let all = snapshot.count("runs", &format!("project = '{id}'")).await?;
    let head = Head {
        format: FORMAT,
        rigi: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        taken_at: taking.at,
        name: taking.name.clone(),
        settings: taking.settings.clone(),
        secrets: store.db().secrets(id).await?.into_iter().map(|secret| secret.name).collect(),
        open_runs: all.saturating_sub(rows.get("runs").copied().unwrap_or_default()),
        rows,
    };
    append_json(packer, HEAD, &head)?;
    let mut wanted = Wanted::default();
    for moved in tables {
        pack_table(moved, id, snapshot, packer, &mut wanted).await?;
    }
    Ok(wanted)
}

async fn pack_table<W: Write + Send>(
    moved: &Moved,
    id: &ProjectName,
    snapshot: &mut Snapshot,
    packer: &mut Packer<W>,
    wanted: &mut Wanted,
) -> Result<()> {
    let (kinds, mut piece, mut number) = (moved.table.kinds(), Vec::new(), 0);
    let mut finish = |piece: &mut Vec<u8>| {
        number += 1;
        let name = format!("rows/{}/{number:08}.jsonl", moved.name);
        append(packer, &name, (piece.len() as u64, 0o644), &**piece)?;
        piece.clear();
        Ok(())
    };
    let mut each = |line: &[u8]| -> Result<()> {
        let damaged = |why: String| Error::Damaged { what: format!("a row of {}", moved.name), why };
        let line = std::str::from_utf8(line).map_err(|error| damaged(error.to_string()))?;
        let row = moved.shown(parse(line.trim_end_matches('\n'), &kinds)?);
        wanted.content.extend(content_of(&row)?);
        wanted.logs.extend(text(&row, "log_object").map(str::to_owned));
        serde_json::to_writer(&mut piece, &row).map_err(|error| damaged(error.to_string()))?;
        piece.push(b'\n');
        if piece.len() >= PIECE { finish(&mut piece) } else { Ok(()) }
    };
    snapshot.rows_where(&moved.table, &moved.condition(id), &mut each).await?;
    if piece.is_empty() { Ok(()) } else { finish(&mut piece) }
}
