//! Taking a tar stream apart that somebody else has made: plain files and folders only, none outside of its place.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, EntryType};

use super::Refusal;

/// Files and folders of one stream at most.
const MOST: usize = 200_000;

/// Writes what it holds below `root`, an empty folder.
///
/// # Errors
/// If it holds anything else, or cannot be read or written.
pub fn unpack(stream: impl io::Read, root: &Path) -> Result<(), Refusal> {
    let mut archive = Archive::new(stream);
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        let path = inside(&entry.path()?)?;
        if count >= MOST {
            return Err(Refusal::Invalid(format!("there are more than {MOST} files")));
        }
        let place = root.join(&path);
        match entry.header().entry_type() {
            EntryType::Directory => make(&place)?,
            EntryType::Regular | EntryType::Continuous => {
                if let Some(parent) = place.parent() {
                    make(parent)?;
                }
                let mode = if entry.header().mode()? & 0o100 == 0 { 0o600 } else { 0o700 };
                let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&place)?;
                io::copy(&mut entry, &mut file)?;
            }
            other => {
                return Err(Refusal::Invalid(format!("{} is no plain file ({other:?})", path.display())));
            }
        }
    }
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
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
        unpack(tar("a/b.txt", EntryType::Regular, None).as_slice(), &place).unwrap();
        assert_eq!(fs::read(place.join("a/b.txt")).unwrap(), b"hi");
        for (path, kind, link) in [
            ("../x", EntryType::Regular, None),
            ("/x", EntryType::Regular, None),
            ("a/../../x", EntryType::Regular, None),
            ("link", EntryType::Symlink, Some("/etc/passwd")),
            ("hard", EntryType::Link, Some("a/b.txt")),
            ("pipe", EntryType::Fifo, None),
        ] {
            let refused = unpack(tar(path, kind, link).as_slice(), &place);
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{path}: {refused:?}");
        }
        assert!(!root.path().join("x").exists());
    }
}
