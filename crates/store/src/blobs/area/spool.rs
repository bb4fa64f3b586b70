//! What comes over the network, into a file of this machine.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt;

use super::{Body, blocking};
use crate::{Error, Result};

/// Bytes that are written at once: each time costs a way to another thread and back.
const AT_ONCE: usize = 1 << 20;

/// A file that was written, and goes away unless it is moved.
#[derive(Debug)]
pub(super) struct Spooled {
    pub file: File,
    pub path: PathBuf,
    pub size: u64,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // It was moved, in the good case.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes a body into a new file in a folder.
pub(super) async fn write(folder: &Path, mut body: Body) -> Result<Spooled> {
    let path = folder.join(format!("file-{}", rigi_model::UploadId::generate()));
    let mut spooled = blocking(move || {
        let file = File::create_new(&path).map_err(Error::io(format!("create {}", path.display())))?;
        Ok(Spooled { file, path, size: 0 })
    })
    .await?;
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut held = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(Error::Sent)?;
        held += piece.len();
        pieces.push(piece);
        if held >= AT_ONCE {
            spooled = append(spooled, std::mem::take(&mut pieces)).await?;
            held = 0;
        }
    }
    append(spooled, pieces).await
}

async fn append(mut spooled: Spooled, pieces: Vec<Bytes>) -> Result<Spooled> {
    blocking(move || {
        for piece in pieces {
            let written = spooled.file.write_all(&piece);
            written.map_err(Error::io(format!("write {}", spooled.path.display())))?;
            spooled.size += piece.len() as u64;
        }
        Ok(spooled)
    })
    .await
}
