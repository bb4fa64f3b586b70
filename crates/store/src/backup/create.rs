//! Taking a snapshot.

use std::path::Path;

use rigi_model::{ProjectName, Timestamp};

use super::chunks::ChunkWriter;
use super::manifest::{FORMAT, Manifest, TableRows};
use super::objects::{Copier, Previous};
use super::repository::{Added, Repository};
use super::restore::Target;
use super::schema::{Table, tables_of};
use super::snapshot::Snapshot;
use super::{Progress, Watch};
use crate::lock::FilesLock;
use crate::{Blobs, Error, Result, seal};

/// What a backup took and added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// What is in it.
    pub manifest: Manifest,
    /// Objects that were not there before.
    pub new_objects: u64,
    /// Bytes that were not there before.
    pub new_bytes: u64,
}

/// Whether the sealing key goes into the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithKey {
    /// Whoever has the backup can open what is sealed in it.
    Yes,
    /// It must be kept elsewhere.
    No,
}

/// Takes a snapshot of a database and its data folder. A server may work with both meanwhile.
///
/// # Errors
/// If something cannot be read or written; then there is no snapshot.
pub async fn create(
    from: &Target,
    repository: &Repository,
    key: WithKey,
    now: Timestamp,
    watch: Watch<'_>,
) -> Result<Created> {
    // Before the snapshot: what it refers to is not collected until the copy is done.
    let Target { config, data, storage } = from;
    let _files = FilesLock::keep(data)?;
    let before = repository.manifest(None).ok();
    let (sealer, check) = key_of(data)?;
    let mut snapshot = Snapshot::begin(config).await?;
    if key_of(data)?.1 != check {
        return Err(replaced());
    }
    let schema = snapshot.schema().await?;
    let runs = unsigned(snapshot.number("SELECT COUNT(*) FROM runs").await?);
    let open_runs = unsigned(snapshot.number("SELECT COUNT(*) FROM runs WHERE ended_at IS NULL").await?);
    let mut added = Added::default();
    let (mut tables, mut sealed) = (Vec::new(), 0);
    for table in tables_of(schema).await? {
        let rows = copy_table(&mut snapshot, repository, &table, &mut added, &mut sealed, watch).await?;
        tables.push(rows);
    }
    let projects = snapshot.projects().await?;
    let database = snapshot.database().to_owned();
    snapshot.end().await;
    let blobs = Blobs::open_at(data, &ProjectName::default(), storage)?;
    let previous = Previous::new(repository, before.as_ref());
    let copied = Copier { repository, previous, watch }.copy(&blobs, &projects, &mut added)?;
    let manifest = Manifest {
        format: FORMAT,
        id: name_of(now, before.as_ref()),
        created_at: now,
        rigi: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        schema,
        runs,
        open_runs,
        sealed,
        key_check: check,
        key: if key == WithKey::Yes { sealer.map(|s| s.key_hex()) } else { None },
        tables,
        files: copied.files,
        file_bytes: copied.bytes,
        damaged: copied.damaged,
    };
    repository.finish(&manifest)?;
    Ok(Created { manifest, new_objects: added.objects, new_bytes: added.bytes })
}

/// The key that a snapshot that is begun now is sealed with, if it is in the data folder, and the text that it opens.
fn key_of(data: &Path) -> Result<(Option<seal::Sealer>, Option<String>)> {
    if crate::secrets::is_being_replaced(data) {
        return Err(replaced());
    }
    let sealer = seal::Sealer::open_existing(data)?;
    let check = match std::fs::read_to_string(data.join(seal::CHECK_FILE)) {
        Ok(check) => Some(check),
        // From before there was such a text.
        Err(_) => sealer.as_ref().map(seal::Sealer::check_text).transpose()?,
    };
    Ok((sealer, check))
}

fn replaced() -> Error {
    Error::Key(
        "the server's key is just being replaced: take the backup again, with the server running".into(),
    )
}

async fn copy_table(
    snapshot: &mut Snapshot,
    repository: &Repository,
    table: &Table,
    added: &mut Added,
    sealed: &mut u64,
    watch: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<TableRows> {
    let step = format!("table {}", table.name);
    let finder = memchr::memmem::Finder::new(seal::PREFIX);
    let mut lines = ChunkWriter::new(repository, added)?;
    let mut done = 0;
    let mut each = |line: &[u8]| {
        *sealed += u64::from(finder.find(line).is_some());
        done += 1;
        if done % 1024 == 0 {
            watch(Progress { step: &step, done, total: None });
        }
        lines.push(line)
    };
    snapshot.rows(table, &mut each).await?;
    let columns = table.columns.iter().map(|column| column.name.clone()).collect();
    Ok(TableRows { name: table.name.clone(), columns, rows: lines.finish()? })
}

/// Such as `20261121T111203.123456Z`; names sort by time, also when the clock was set back.
fn name_of(now: Timestamp, before: Option<&Manifest>) -> String {
    let name = |time: Timestamp| time.to_string().replace(['-', ':'], "");
    let earlier = before.map(|manifest| manifest.created_at).filter(|earlier| *earlier >= now);
    earlier.map_or_else(|| name(now), |earlier| name(Timestamp(earlier.0 + 1)))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
