//! Taking a tar stream apart that somebody else has made: plain files and folders only, none outside of its place.

use std::fs;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rigi_work::plan::StoredFile;
use tar::{Archive, EntryType};

use super::Refusal;

/// So much is read at once.
const PIECE: usize = 64 << 10;
/// Files and folders of one stream at most.
const MOST: usize = 200_000;

/// Where a stored file belongs below its folder.
///
/// # Errors
/// If that is not there, or is said in another way than a folder's listing says it.
pub fn place_of(file: &StoredFile) -> Result<PathBuf, Refusal> {
    let path = inside(Path::new(&file.path))?;
    if path.as_os_str() != file.path.as_str() || file.path.is_empty() {
        return Err(Refusal::Invalid(format!(
            "`{}` is not how a file is called",
            file.path.escape_default()
        )));
    }
    Ok(path)
}

/// Makes an empty file below `root` for each of these.
///
/// # Errors
/// If one has no place there, or they are in each other's way; or if the disk does not take them.
pub fn hold_places(files: &[StoredFile], root: &Path) -> Result<(), Refusal> {
    files.iter().try_for_each(|file| create(root, &place_of(file)?, 0o600).map(drop))
}

/// Writes what it holds below `root`, where there is nothing but `others` files that hold places.
///
/// # Errors
/// If it holds anything else, or cannot be read or written.
pub fn unpack(stream: impl io::Read, root: &Path, others: usize) -> Result<(), Refusal> {
    let mut archive = Archive::new(stream);
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        let path = inside(&entry.path()?)?;
        if count + others >= MOST {
            return Err(Refusal::Invalid(format!("there are more than {MOST} files")));
        }
        match entry.header().entry_type() {
            EntryType::Directory => make(&root.join(&path)).map_err(|error| refused(&path, error))?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mode = if entry.header().mode()? & 0o100 == 0 { 0o600 } else { 0o700 };
                let mut file = create(root, &path, mode)?;
                write_sparse(&mut entry, &mut file)?;
            }
            other => {
                return Err(Refusal::Invalid(format!("{} is no plain file ({other:?})", path.display())));
            }
        }
    }
    Ok(())
}

/// Writes all of it; what is only zeros becomes a hole, which takes no room.
fn write_sparse(from: &mut impl io::Read, to: &mut fs::File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut size = 0_u64;
    loop {
        let mut filled = 0;
        while filled < PIECE {
            match from.read(&mut piece[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        if filled == 0 {
            return to.set_len(size);
        }
        if piece[..filled].iter().all(|&byte| byte == 0) {
            to.seek(io::SeekFrom::Current(i64::try_from(filled).unwrap_or(0)))?;
        } else {
            to.write_all(&piece[..filled])?;
        }
        size += filled as u64;
    }
}

fn make(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file that is not there yet.
fn create(root: &Path, path: &Path, mode: u32) -> Result<fs::File, Refusal> {
    let place = root.join(path);
    let made = place
        .parent()
        .map_or(Ok(()), make)
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&place));
    made.map_err(|error| refused(path, error))
}

/// Names that are in each other's way are the stream's own fault: another try would not help.
fn refused(path: &Path, error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            Refusal::Invalid(format!("another file is in the way of {}", path.display()))
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => {
            Refusal::Invalid(format!("{} cannot be a file here: {error}", path.display()))
        }
        _ => error.into(),
    }
}

/// A path that stays where it is put.
fn inside(path: &Path) -> Result<PathBuf, Refusal> {
    let mut inner = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => inner.push(part),
            Component::CurDir => {}
            _ => return Err(Refusal::Invalid(format!("{} leads out of its folder", path.display()))),
        }
    }
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(path: &str, kind: EntryType, link: Option<&str>) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(if kind.is_file() { 2 } else { 0 });
        header.set_mode(0o644);
        // The library refuses to write what a stranger may send.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if let Some(link) = link {
            header.set_link_name(link).unwrap();
        }
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        let body: &[u8] = if kind.is_file() { b"hi" } else { b"" };
        builder.append(&header, body).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn plain_files_arrive_and_nothing_else_does() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("outputs");
        fs::create_dir(&place).unwrap();
        unpack(tar("a/b.txt", EntryType::Regular, None).as_slice(), &place, 0).unwrap();
        assert_eq!(fs::read(place.join("a/b.txt")).unwrap(), b"hi");
        for (path, kind, link) in [
            ("../x", EntryType::Regular, None),
            ("/x", EntryType::Regular, None),
            ("a/../../x", EntryType::Regular, None),
            ("link", EntryType::Symlink, Some("/etc/passwd")),
            ("hard", EntryType::Link, Some("a/b.txt")),
            ("pipe", EntryType::Fifo, None),
            ("a/b.txt", EntryType::Regular, None),
            ("a/b.txt/c", EntryType::Regular, None),
        ] {
            let refused = unpack(tar(path, kind, link).as_slice(), &place, 0);
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{path}: {refused:?}");
        }
        assert!(!root.path().join("x").exists());
    }

    #[test]
    fn a_stored_file_has_its_place_and_none_outside() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("outputs");
        fs::create_dir(&place).unwrap();
        let stored = |path: &str| StoredFile {
            path: path.into(),
            sha256: rigi_model::ContentHash::new([0; 32]),
            size: 7,
        };
        hold_places(&[stored("big.bin"), stored("a/big.bin")], &place).unwrap();
        assert_eq!(fs::metadata(place.join("a/big.bin")).unwrap().len(), 0);
        for path in ["", "../x", "/x", "a/../../x", "./y", "a//y", "a/", "big.bin", "big.bin/y", "a"] {
            let refused = hold_places(&[stored(path)], &place);
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{path}: {refused:?}");
        }
        let twice = unpack(tar("a/big.bin", EntryType::Regular, None).as_slice(), &place, 2);
        assert!(matches!(twice, Err(Refusal::Invalid(_))), "{twice:?}");
        unpack(tar("a/b.txt", EntryType::Regular, None).as_slice(), &place, 2).unwrap();
        assert!(!root.path().join("x").exists() && !place.join("y").exists());
    }
}
