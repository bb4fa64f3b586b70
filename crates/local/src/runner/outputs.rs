//! What an attempt has written, on its way to where it is kept: long files to the bucket itself, where there is one, and
//! the rest as one stream through the server's door.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rigi_work::outputs::{LeftOut, Listing, MOST_FILES, Outputs};
use rigi_work::plan::StoredFile;
use rigi_work::wire::{MOST_STORED, Taken};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::client::{CallTrouble, Client, ask, send};
use super::direct::{Direct, LONGEST, PIECE, SHORTEST};

/// Files that are on their way to the bucket at a time.
const AT_ONCE: usize = 4;

/// What is in the folder.
type Found = (Outputs, Listing);

/// Brings all of it to the server or its bucket. Returns what of it was not brought.
///
/// # Errors
/// [`CallTrouble::Here`] if it cannot be read.
pub async fn ship(client: &Client, direct: &Direct, folder: &Path) -> Result<LeftOut, CallTrouble> {
    let unread = |why: String| CallTrouble::Here(format!("outputs cannot be read: {why}"));
    let opened = folder.to_owned();
    let listed = tokio::task::spawn_blocking(move || {
        let outputs = Outputs::open(&opened)?;
        let listing = outputs.list(MOST_FILES)?;
        Ok::<_, io::Error>((outputs, listing))
    });
    let listed = listed.await.map_err(|error| unread(error.to_string()))?;
    let (outputs, mut listing) = listed.map_err(|error| unread(error.to_string()))?;
    let left = std::mem::take(&mut listing.left);
    let found = Arc::new((outputs, listing));
    let stored = Arc::new(store_long(client, direct, folder, found.clone()).await?);
    let unread = client.insist(|| send_rest(client, found.clone(), stored.clone())).await?;
    Ok(left.with(unread))
}

/// Stores the long files, and tells the server; the paths of those that need not be sent.
async fn store_long(
    client: &Client,
    direct: &Direct,
    folder: &Path,
    found: Arc<Found>,
) -> Result<HashSet<PathBuf>, CallTrouble> {
    if !direct.is_open() {
        return Ok(HashSet::new());
    }
    // What cannot be read is told when the rest is sent.
    let long = tokio::task::spawn_blocking(move || long_files(&found)).await.unwrap_or_default();
    let storing = stream::iter(long).map(|path| direct.store(folder, path)).buffer_unordered(AT_ONCE);
    let stored: Vec<StoredFile> = storing.filter_map(std::future::ready).collect().await;
    if stored.is_empty() {
        return Ok(HashSet::new());
    }
    let list = serde_json::to_vec(&stored).map_err(|error| CallTrouble::Here(error.to_string()))?;
    let list = bytes::Bytes::from(list);
    let tell =
        || ask(client.put("outputs/stored", list.clone().into()).header("content-type", "application/json"));
    let Taken { paths } = client.insist(tell).await?;
    Ok(paths.into_iter().map(PathBuf::from).collect())
}

/// As one stream, made while it is sent. Returns what could not be read.
async fn send_rest(
    client: &Client,
    found: Arc<Found>,
    stored: Arc<HashSet<PathBuf>>,
) -> Result<LeftOut, CallTrouble> {
    let (reader, writer) = tokio::io::duplex(PIECE);
    let packing = tokio::task::spawn_blocking(move || pack(&found, &stored, SyncIoBridge::new(writer)));
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(reader, PIECE));
    let sent = send(client.put("outputs", body)).await;
    match packing.await {
        // The other end of the pipe went away with the connection.
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => sent.map(|_| LeftOut::default()),
        Ok(Err(error)) => Err(CallTrouble::Here(format!("outputs cannot be read: {error}"))),
        Ok(Ok(left)) => sent.map(|_| left),
        Err(_) => sent.map(|_| LeftOut::default()),
    }
}

/// The files that are worth a way of their own, as many as may have one.
fn long_files((outputs, listing): &Found) -> Vec<String> {
    let long = |path: &&PathBuf| {
        let size = outputs.file(path).ok().flatten().and_then(|file| Some(file.metadata().ok()?.len()));
        size.is_some_and(|size| (SHORTEST..=LONGEST).contains(&size))
    };
    let named = listing.files.iter().filter(long).filter_map(|path| path.to_str());
    named.take(MOST_STORED).map(str::to_owned).collect()
}

fn pack(
    (outputs, listing): &Found,
    stored: &HashSet<PathBuf>,
    writer: impl io::Write,
) -> io::Result<LeftOut> {
    let mut left = LeftOut::default();
    let mut builder = tar::Builder::new(writer);
    for folder in &listing.folders {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o700);
        header.set_size(0);
        builder.append_data(&mut header, folder, io::empty())?;
    }
    for path in listing.files.iter().filter(|path| !stored.contains(*path)) {
        match outputs.file(path) {
            Ok(Some(mut file)) => builder.append_file(path, &mut file)?,
            Ok(None) => left.add(path, "it is no file any more"),
            Err(error) => left.lost(path, format!("cannot be read: {error}")),
        }
    }
    builder.into_inner()?.flush()?;
    Ok(left)
}
