//! What an attempt has written, on its way to where it is kept: long files to the bucket itself, where there is one, and
//! the rest as one stream through the server's door.

use std::collections::HashSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::client::{Client, Trouble, ask, send};
use super::direct::{Direct, LONGEST, PIECE, SHORTEST};
use crate::plan::StoredFile;
use crate::remote::wire::{MOST_STORED, Taken};

/// Files that are on their way to the bucket at a time.
const AT_ONCE: usize = 4;

/// Brings all of it to the server or its bucket.
///
/// # Errors
/// [`Trouble::Here`] if it cannot be read.
pub async fn ship(client: &Client, direct: &Direct, folder: &Path) -> Result<(), Trouble> {
    let stored = Arc::new(store_long(client, direct, folder).await?);
    client.insist(|| send_rest(client, folder, stored.clone())).await
}

/// Stores the long files, and tells the server; the paths of those that need not be sent.
async fn store_long(client: &Client, direct: &Direct, folder: &Path) -> Result<HashSet<PathBuf>, Trouble> {
    if !direct.is_open() {
        return Ok(HashSet::new());
    }
    let root = folder.to_owned();
    // What cannot be read is told when the rest is sent.
    let long = tokio::task::spawn_blocking(move || long_files(&root)).await;
    let long = long.ok().and_then(Result::ok).unwrap_or_default();
    let storing = stream::iter(long).map(|path| direct.store(folder, path)).buffer_unordered(AT_ONCE);
    let stored: Vec<StoredFile> = storing.filter_map(std::future::ready).collect().await;
    if stored.is_empty() {
        return Ok(HashSet::new());
    }
    let list = serde_json::to_vec(&stored).map_err(|error| Trouble::Here(error.to_string()))?;
    let list = bytes::Bytes::from(list);
    let tell =
        || ask(client.put("outputs/stored", list.clone().into()).header("content-type", "application/json"));
    let Taken { paths } = client.insist(tell).await?;
    Ok(paths.into_iter().map(PathBuf::from).collect())
}

/// As one stream, made while it is sent.
async fn send_rest(client: &Client, folder: &Path, stored: Arc<HashSet<PathBuf>>) -> Result<(), Trouble> {
    let (reader, writer) = tokio::io::duplex(PIECE);
    let folder = folder.to_owned();
    let packing = tokio::task::spawn_blocking(move || pack(&folder, &stored, SyncIoBridge::new(writer)));
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(reader, PIECE));
    let sent = send(client.put("outputs", body)).await;
    match packing.await {
        // The other end of the pipe went away with the connection.
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => sent.map(drop),
        Ok(Err(error)) => Err(Trouble::Here(format!("outputs cannot be read: {error}"))),
        _ => sent.map(drop),
    }
}

/// A folder or a file of the outputs, by its path below them and as a whole.
enum Found<'a> {
    Folder(&'a Path, &'a Path),
    File(&'a Path, &'a Path),
}

/// Plain files and folders; links and what else there may be are nobody's result.
fn each(folder: &Path, mut found: impl FnMut(Found<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let (kind, inner, whole) = (entry.file_type()?, inner.join(entry.file_name()), entry.path());
            if kind.is_dir() {
                open_up(&whole, 0o700)?;
                found(Found::Folder(&inner, &whole))?;
                folders.push(inner);
            } else if kind.is_file() {
                open_up(&whole, 0o400)?;
                found(Found::File(&inner, &whole))?;
            }
        }
    }
    Ok(())
}

/// What the attempt has closed to itself is still its own, and so is this runner.
fn open_up(path: &Path, needed: u32) -> io::Result<()> {
    let mode = std::fs::symlink_metadata(path)?.permissions().mode();
    if mode & needed == needed {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode | needed))
}

/// The files that are worth a way of their own, as many as may have one.
fn long_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut long = Vec::new();
    each(folder, |found| {
        if let Found::File(inner, whole) = found
            && (SHORTEST..=LONGEST).contains(&std::fs::symlink_metadata(whole)?.len())
            && let Some(path) = inner.to_str().filter(|_| long.len() < MOST_STORED)
        {
            long.push(path.to_owned());
        }
        Ok(())
    })?;
    Ok(long)
}

fn pack(folder: &Path, stored: &HashSet<PathBuf>, writer: impl io::Write) -> io::Result<()> {
    let mut builder = tar::Builder::new(writer);
    builder.follow_symlinks(false);
    builder.sparse(false);
    each(folder, |found| match found {
        Found::Folder(inner, whole) => builder.append_dir(inner, whole),
        Found::File(inner, _) if stored.contains(inner) => Ok(()),
        Found::File(inner, whole) => builder.append_path_with_name(whole, inner),
    })?;
    builder.into_inner()?.flush()
}
