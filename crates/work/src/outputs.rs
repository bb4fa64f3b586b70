//! The files in an outputs folder, opened so that no link leads out of it, and what of it cannot be kept.
//!
//! All in it was the run's to arrange, and where runs have another account, that account's other runs may still do so.
//! So names are looked up one by one from the open folder, no link is followed, and where the folder is another
//! account's, so must the files be: a second name of somebody else's file is not the run's to give away.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat, openat2, statat,
};
use rustix::io::Errno;

pub use crate::left::{Left, LeftOut};

/// Files of one attempt that are kept at most.
pub const MOST_FILES: usize = 100_000;

/// An open outputs folder.
pub struct Outputs {
    root: OwnedFd,
    /// Whose it is, if not this process's own.
    owner: Option<u32>,
}

/// What is in it.
#[derive(Debug, Default)]
pub struct Listing {
    /// The folders below it, each before what is in it.
    pub folders: Vec<PathBuf>,
    /// The files to be kept; a link to one of them counts as a file.
    pub files: Vec<PathBuf>,
    /// What is not.
    pub left: LeftOut,
}

const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);
const FOLDER: OFlags = PLAIN.union(OFlags::DIRECTORY);
/// Without waiting, should it have become a pipe meanwhile.
const FILE: OFlags = PLAIN.union(OFlags::NONBLOCK);

/// What the machine is short of, or cannot do now: it is no answer about a file.
fn may_pass(error: &io::Error) -> bool {
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EIO];
    error.raw_os_error().is_some_and(|errno| short.contains(&errno))
}

impl Outputs {
    /// Opens it.
    ///
    /// # Errors
    /// If it is not there, or is a link.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let root = match open(folder, FOLDER, Mode::empty()) {
            Err(Errno::ACCESS) => {
                unlock(CWD, folder.as_os_str(), 0o700)?;
                open(folder, FOLDER, Mode::empty())?
            }
            opened => opened?,
        };
        enter(&root)?;
        let owner = fstat(&root)?.st_uid;
        let foreign = owner != rustix::process::geteuid().as_raw();
        Ok(Self { root, owner: foreign.then_some(owner) })
    }

    /// What is in it, with `most` files at most.
    ///
    /// # Errors
    /// If the machine does not let anybody look now. What the run has closed to itself is opened again, and what cannot
    /// be read all the same is named.
    pub fn list(&self, most: usize) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            if let Err(error) = self.list_folder(&folder, most, &mut listing, &mut folders) {
                if may_pass(&error) {
                    return Err(error);
                }
                listing.left.lost(&folder, format!("the folder cannot be read: {error}"));
            }
        }
        // A folder lists them as it likes.
        listing.left.named.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listing)
    }

    fn list_folder(
        &self,
        folder: &Path,
        most: usize,
        listing: &mut Listing,
        folders: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        let opened = self.below(folder, FOLDER)?;
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            // Not every file system tells the kind along with the name.
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    FileType::from_raw_mode(statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
                }
                kind => kind,
            };
            let why = match kind {
                FileType::Directory => {
                    folders.push(path.clone());
                    listing.folders.push(path);
                    continue;
                }
                FileType::RegularFile => None,
                FileType::Symlink => self.not_followed(&path)?,
                FileType::Socket => Some("a socket"),
                FileType::Fifo => Some("a pipe"),
                _ => Some("a device"),
            };
            match why {
                Some(why) => listing.left.add(&path, why),
                None if listing.files.len() < most => listing.files.push(path),
                None => listing.left.too_many(most),
            }
        }
        Ok(())
    }

    /// Why a link is not kept as the file to which it leads; `None` if it is.
    fn not_followed(&self, link: &Path) -> io::Result<Option<&'static str>> {
        let facts = match self.through(link).and_then(|file| Ok(fstat(&file)?)) {
            Ok(facts) => facts,
            Err(error) if may_pass(&error) => return Err(error),
            Err(error) => {
                return Ok(match error.raw_os_error() {
                    // What it leads to is closed, and is opened when it is read.
                    Some(libc::EACCES) => None,
                    Some(libc::ENOENT) => Some("a link to nothing"),
                    Some(libc::ELOOP) => Some("a link to itself"),
                    _ => Some("a link that leads out of the outputs folder"),
                });
            }
        };
        Ok(match FileType::from_raw_mode(facts.st_mode) {
            FileType::RegularFile => None,
            FileType::Directory => Some("a link to a folder"),
            _ => Some("a link to what is no file"),
        })
    }

    /// Opens one of the listed files; `None` if it is not the run's to give.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(&self, path: &Path) -> io::Result<Option<File>> {
        let opened = self.below(path, FILE);
        let file = match opened {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => self.through(path)?,
            opened => opened?,
        };
        let facts = fstat(&file)?;
        let plain = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
        let given = self.owner.is_none_or(|owner| facts.st_uid == owner);
        Ok((plain && given).then(|| File::from(file)))
    }

    /// Follows a link as far as it stays in the folder.
    fn through(&self, link: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.root, link, flags, Mode::empty(), resolve)?)
    }

    fn below(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut opened = self.root.try_clone()?;
        let mut parts = path.iter().peekable();
        if parts.peek().is_none() {
            return Ok(openat(&self.root, ".", flags, Mode::empty())?);
        }
        while let Some(part) = parts.next() {
            let (flags, needed) = if parts.peek().is_some() { (FOLDER, 0o700) } else { (flags, 0o600) };
            let needed = if flags.contains(OFlags::DIRECTORY) { 0o700 } else { needed };
            opened = match openat(&opened, part, flags, Mode::empty()) {
                Err(Errno::ACCESS) => {
                    unlock(&opened, part, needed)?;
                    openat(&opened, part, flags, Mode::empty())?
                }
                next => next?,
            };
            if flags.contains(OFlags::DIRECTORY) {
                enter(&opened)?;
            }
        }
        Ok(opened)
    }
}

/// A folder that may be read and not be entered tells names, and nothing of what bears them.
fn enter(folder: &OwnedFd) -> io::Result<()> {
    let facts = fstat(folder)?;
    let closed = facts.st_mode & 0o500 != 0o500 && facts.st_uid == rustix::process::geteuid().as_raw();
    if closed {
        let place = format!("/proc/self/fd/{}", folder.as_raw_fd());
        std::fs::set_permissions(place, Permissions::from_mode(facts.st_mode & 0o7777 | 0o700))?;
    }
    Ok(())
}

/// What the attempt has closed to itself is still its own, and this process has the same account.
fn unlock(folder: impl std::os::fd::AsFd, name: &OsStr, needed: u32) -> io::Result<()> {
    let file = openat(folder, name, OFlags::PATH | PLAIN, Mode::empty())?;
    let facts = fstat(&file)?;
    let kind = FileType::from_raw_mode(facts.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::Directory) {
        return Err(Errno::ACCESS.into());
    }
    // By the open file and not by its name, which may lead elsewhere by now.
    let place = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::set_permissions(place, Permissions::from_mode(facts.st_mode & 0o7777 | needed))
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
        assert_eq!(outputs.list(10).unwrap().files, [PathBuf::from("a/b/deep")]);
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
