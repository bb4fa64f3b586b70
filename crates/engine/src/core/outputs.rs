//! The files in an outputs folder, opened so that no link leads out of it.
//!
//! All in it was the run's to arrange, and where runs have another account, that account's other runs may still do so.
//! So names are looked up one by one from the open folder, no link is followed, and where the folder is another
//! account's, so must the files be: a second name of somebody else's file is not the run's to give away.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, statat};

/// An open outputs folder.
pub(super) struct Outputs {
    root: OwnedFd,
    /// Whose it is, if not this process's own.
    owner: Option<u32>,
}

const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);
const FOLDER: OFlags = PLAIN.union(OFlags::DIRECTORY);

impl Outputs {
    /// Opens it.
    ///
    /// # Errors
    /// If it is not there, or is a link.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let root = open(folder, FOLDER, Mode::empty())?;
        let owner = fstat(&root)?.st_uid;
        let foreign = owner != rustix::process::geteuid().as_raw();
        Ok(Self { root, owner: foreign.then_some(owner) })
    }

    /// The paths of its plain files, `most` of them at most.
    ///
    /// # Errors
    /// If a folder in it cannot be read.
    pub fn files(&self, most: usize) -> io::Result<Vec<PathBuf>> {
        let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(folder) = folders.pop() {
            let opened = self.below(&folder, FOLDER)?;
            for entry in Dir::read_from(&opened)? {
                let entry = entry?;
                let name = entry.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let path = folder
                    .join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes()));
                // Not every file system tells the kind along with the name.
                let kind = match entry.file_type() {
                    FileType::Unknown => {
                        FileType::from_raw_mode(statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
                    }
                    kind => kind,
                };
                match kind {
                    FileType::Directory => folders.push(path),
                    FileType::RegularFile if files.len() < most => files.push(path),
                    _ => {}
                }
            }
        }
        Ok(files)
    }

    /// Opens one of them; `None` if it is not the run's to give.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(&self, path: &Path) -> io::Result<Option<File>> {
        // Without waiting, should it have become a pipe meanwhile.
        let file = self.below(path, PLAIN | OFlags::NONBLOCK)?;
        let facts = fstat(&file)?;
        let plain = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
        let given = self.owner.is_none_or(|owner| facts.st_uid == owner);
        Ok((plain && given).then(|| File::from(file)))
    }

    fn below(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut opened = self.root.try_clone()?;
        let mut parts = path.iter().peekable();
        if parts.peek().is_none() {
            return Ok(openat(&self.root, ".", flags, Mode::empty())?);
        }
        while let Some(part) = parts.next() {
            let flags = if parts.peek().is_some() { FOLDER } else { flags };
            opened = openat(&opened, part, flags, Mode::empty())?;
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn links_are_not_followed_whatever_stands_where_a_folder_was() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("outputs");
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("a/b/deep"), "deep").unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        symlink(root.path().join("secret"), folder.join("link")).unwrap();
        symlink(root.path(), folder.join("folder")).unwrap();
        let outputs = Outputs::open(&folder).unwrap();
        assert_eq!(outputs.files(10).unwrap(), [PathBuf::from("a/b/deep")]);
        let mut text = String::new();
        outputs.file(Path::new("a/b/deep")).unwrap().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "deep");
        // What was a folder when it was listed is a link when it is opened.
        std::fs::rename(folder.join("a"), folder.join("was")).unwrap();
        symlink(root.path(), folder.join("a")).unwrap();
        std::fs::create_dir(root.path().join("b")).unwrap();
        std::fs::write(root.path().join("b/deep"), "secret").unwrap();
        assert!(outputs.file(Path::new("a/b/deep")).is_err());
        assert!(outputs.file(Path::new("link")).is_err());
        symlink(&folder, root.path().join("other")).unwrap();
        assert!(Outputs::open(&root.path().join("other")).is_err());
    }

    #[test]
    fn of_another_accounts_folder_only_its_own_files_are_given() {
        let root = tempfile::tempdir().unwrap();
        for file in ["theirs", "ours"] {
            std::fs::write(root.path().join(file), file).unwrap();
        }
        let other = Outputs { owner: Some(65534), ..Outputs::open(root.path()).unwrap() };
        assert!(other.file(Path::new("ours")).unwrap().is_none());
        if chown(root.path().join("theirs"), Some(65534), None).is_ok() {
            assert!(other.file(Path::new("theirs")).unwrap().is_some());
        }
        let own = Outputs::open(root.path()).unwrap();
        assert!(own.file(Path::new("ours")).unwrap().is_some());
    }
}
