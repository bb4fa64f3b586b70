//! Stored files and logs of a project, into an archive and out of it. Each lies there under the hash of what is in it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rigi_model::ContentHash;
use sha2::{Digest, Sha256};

use super::take::{Packer, append, packing};
use super::{Refusable, Tail, wrong};
use crate::blobs::{PIECE, hash_of};
use crate::{Blobs, Error, Result};

/// What rows refer to.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub content: BTreeSet<ContentHash>,
    pub logs: BTreeSet<String>,
}

/// Packs all of it. What is damaged or missing here is counted.
pub(super) fn pack_content<W: Write>(
    blobs: &Blobs,
    wanted: &Wanted,
    packer: &mut Packer<W>,
    tail: &mut Tail,
) -> Result<()> {
    for hash in &wanted.content {
        let found = blobs.file(hash).map(|path| (format!("content/{hash}"), path));
        pack_one(found, packer, tail)?;
    }
    for object in &wanted.logs {
        let found = blobs.log_file(object).and_then(|path| {
            let hash = hash_of(&path)?;
            Ok((format!("logs/{hash}/{object}"), path))
        });
        pack_one(found, packer, tail)?;
    }
    Ok(())
}

fn pack_one<W: Write>(
    found: Result<(String, std::path::PathBuf)>,
    packer: &mut Packer<W>,
    tail: &mut Tail,
) -> Result<()> {
    let (name, path) = match found {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "left out of an archive");
            tail.missing += 1;
            return Ok(());
        }
        found => found?,
    };
    let file = File::open(&path).map_err(packing(&name))?;
    let size = file.metadata().map_err(packing(&name))?.len();
    tail.content += 1;
    append(packer, &name, (size, 0o644), file)
}

/// Hands what a reader gives to `each`, piece by piece.
pub(super) fn each_piece(mut from: impl Read, mut each: impl FnMut(&[u8]) -> Result<()>) -> Refusable<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).map_err(super::unpack::unreadable)? {
            0 => return Ok(()),
            n => each(&piece[..n])?,
        }
    }
}

/// Stores a file that should have this hash.
pub(super) fn put_content(blobs: &Blobs, hash: &ContentHash, from: impl Read) -> Refusable<()> {
    let mut writer = blobs.create()?;
    each_piece(from, |piece| writer.write(piece))?;
    let stored = writer.finish()?;
    if stored.sha256 == *hash { Ok(()) } else { Err(not_its_hash(&hash.to_string())) }
}

fn not_its_hash(name: &str) -> super::Refused {
    wrong(format!("what it holds as `{name}` has another hash"))
}

/// Keeps a log that should have this hash.
pub(super) fn put_log(blobs: &Blobs, object: &str, hash: &ContentHash, from: impl Read) -> Refusable<()> {
    let draft = blobs.log_draft(object)?;
    let put = write_log(&draft, hash, from).and_then(|file| Ok(blobs.keep_log(object, &file, &draft)?));
    if put.is_err() {
        // Where it was moved away already, this fails as it should.
        let _ = std::fs::remove_file(&draft);
    }
    put
}

fn write_log(draft: &Path, hash: &ContentHash, from: impl Read) -> Refusable<File> {
    let what = || Error::io(format!("write {}", draft.display()));
    let mut file = File::create(draft).map_err(what())?;
    let mut found = Sha256::new();
    each_piece(from, |piece| {
        found.update(piece);
        file.write_all(piece).map_err(what())
    })?;
    if ContentHash::new(found.finalize().into()) == *hash {
        Ok(file)
    } else {
        Err(not_its_hash(&hash.to_string()))
    }
}
