//! `rigi data get`: several files at a time; what is there already is not fetched.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use rigi_api::view::DatasetEntry;
use rigi_model::quantity::show_bytes;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::Place;
use crate::cli::progress::bytes_bar;
use crate::cli::words::many;
use crate::client::Client;
use crate::terminal::{Exit, Failure, Terminal, say};

/// Files at a time.
const TOGETHER: usize = 8;

pub(super) async fn get(client: &Client, terminal: &Terminal, at: &Place, into: &Path) -> anyhow::Result<()> {
    let query = [("path", at.path.clone()), ("recursive", "1".to_owned()), ("limit", "5000".to_owned())];
    let path = ["datasets", at.name.as_str(), "versions", at.version.as_str(), "files"];
    let all: Vec<DatasetEntry> = client.all(&path, &query).await?;
    let total = all.iter().map(|file| file.size).sum();
    let bar = bytes_bar(terminal, "downloading", total);
    let count = all.len();
    let fetched = stream::iter(all.into_iter().map(|file| fetch(client, at, into, file, bar.clone())))
        .buffer_unordered(TOGETHER)
        .try_fold(0_usize, |sum, fetched| async move { Ok(sum + usize::from(fetched)) })
        .await?;
    bar.finish_and_clear();
    let there = count - fetched;
    let was_there = if there > 0 { format!(", {there} of them were there") } else { String::new() };
    say(&format!("{}, {}{was_there}: {}.", many(count as u64, "file"), show_bytes(total), into.display()))?;
    Ok(())
}

/// One file; whether it was fetched.
async fn fetch(
    client: &Client,
    at: &Place,
    into: &Path,
    file: DatasetEntry,
    bar: ProgressBar,
) -> anyhow::Result<bool> {
    // Whatever a server says, nothing is written elsewhere.
    rigi_model::data::check_path(&file.path)
        .map_err(|mistake| Failure::new(Exit::BadInput, format!("a file is not taken: {mistake}")))?;
    let below = match at.path.is_empty() {
        true => file.path.as_str(),
        // A file alone keeps its name.
        false if file.path == at.path => file.path.rsplit('/').next().unwrap_or(&file.path),
        false => {
            file.path.strip_prefix(&at.path).map_or(file.path.as_str(), |rest| rest.trim_start_matches('/'))
        }
    };
    let target = into.join(below);
    if is_there(&target, &file).await {
        bar.inc(file.size);
        return Ok(false);
    }
    let trouble = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("`{}` cannot be written: {error}", target.display()))
    };
    if let Some(folder) = target.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(trouble)?;
    }
    let draft = PathBuf::from(format!("{}.part", target.display()));
    let path = ["datasets", at.name.as_str(), "versions", at.version.as_str(), "file"];
    let query = [("path", file.path.clone()), ("download", "1".to_owned())];
    let mut pieces = client.open(&path, &query).await?.bytes_stream();
    let mut out = tokio::fs::File::create(&draft).await.map_err(trouble)?;
    let mut hash = Sha256::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            Failure::new(Exit::Unavailable, format!("`{}` broke off: {error}", file.path))
                .cure("run the same again")
        })?;
        hash.update(&piece);
        bar.inc(piece.len() as u64);
        out.write_all(&piece).await.map_err(trouble)?;
    }
    out.flush().await.map_err(trouble)?;
    if rigi_model::hash::hex(&hash.finalize()) != file.sha256 {
        let words = format!("`{}` is not what was stored", file.path);
        return Err(Failure::new(Exit::Failed, words).cure("run the same again").into());
    }
    tokio::fs::rename(&draft, &target).await.map_err(trouble)?;
    Ok(true)
}

async fn is_there(target: &Path, file: &DatasetEntry) -> bool {
    let Ok(facts) = tokio::fs::symlink_metadata(target).await else { return false };
    if !facts.is_file() || facts.len() != file.size {
        return false;
    }
    let (target, wanted) = (target.to_owned(), file.sha256.clone());
    let same = move || super::put::hash(&target).is_ok_and(|(sha256, _)| sha256 == wanted);
    tokio::task::spawn_blocking(same).await.unwrap_or(false)
}
