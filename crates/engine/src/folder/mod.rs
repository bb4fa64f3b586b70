//! A pipeline's folder, opened so that nothing outside it is read and nothing in it can stop who reads.
//!
//! Names are looked up one by one from the open folder, and no link is followed on the way. Where a link leads is worked
//! out first, and the file is then opened by the path that has none: what is exchanged meanwhile is an error, not a way out.

mod error;
pub(crate) mod left_out;
mod listing;
mod walk;

pub use error::CaptureError;
pub use listing::{Listing, list};
pub use walk::{CodeLimits, LeftOut, Mark, SeenFile, Walked, walk};

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};

const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);
const FOLDER: OFlags = PLAIN.union(OFlags::DIRECTORY);

/// An open folder. It may itself be reached by a link: whoever put it there chose what is served.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    path: PathBuf,
}

/// Where a link leads.
enum Target {
    /// To this, below the folder, without a link on the way.
    Within(PathBuf),
    /// Out of the folder.
    Outside(PathBuf),
    /// To nothing, or in a circle.
    Nowhere(&'static str),
}

impl Folder {
    /// Opens it.
    ///
    /// # Errors
    /// If it is not there, is no folder, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// What stands under a name at its top, links not followed; `None`: nothing.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        match statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            // A name may be too long with an ending behind it: nothing is called so then.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NAMETOOLONG) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a plain file below it, by a path without links.
    ///
    /// # Errors
    /// If it cannot be opened, or is something else.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        // Without waiting, should it have become a pipe or a terminal meanwhile.
        let file = self.below(path, PLAIN | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file any more")),
        }
    }

    fn below(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut parts = path.components().peekable();
        let mut opened: Option<OwnedFd> = None;
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the folder"));
            };
            let flags = if parts.peek().is_some() { FOLDER } else { flags };
            opened = Some(match &opened {
                None => openat(&self.root, name, flags, Mode::empty())?,
                Some(above) => openat(above, name, flags, Mode::empty())?,
            });
        }
        opened.map_or_else(|| Ok(openat(&self.root, ".", FOLDER, Mode::empty())?), Ok)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(fstat(&self.below(path, PLAIN | OFlags::PATH)?)?)
    }

    /// Where the link at a path leads.
    fn target(&self, link: &Path) -> io::Result<Target> {
        let leads = |path: PathBuf| {
            let root = self.path.canonicalize()?;
            Ok(match path.strip_prefix(&root) {
                Ok(within) => Target::Within(within.to_owned()),
                Err(_) => Target::Outside(path),
            })
        };
        match self.path.join(link).canonicalize() {
            Ok(path) => leads(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Target::Nowhere("leads to nothing")),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Ok(Target::Nowhere("leads in a circle"))
            }
            // Something on its way is no folder: `main.py/x`.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Ok(Target::Nowhere("leads to nothing"))
            }
            // It may not even be looked at: nobody's folder of code is closed to itself.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Ok(Target::Outside(std::fs::read_link(self.path.join(link))?))
            }
            Err(error) => Err(error),
        }
    }
}

/// What a thing that is neither file, folder nor link is called.
#[must_use]
pub const fn special_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        FileType::RegularFile => "a file",
        FileType::Unknown => "of a kind that is not known",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_plain_files_are_opened_and_no_link_is_followed() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lib")).unwrap();
        std::fs::write(dir.path().join("lib/a.py"), "a").unwrap();
        symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
        symlink(outside.path(), dir.path().join("out")).unwrap();
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), FileType::Fifo, mode, 0).unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut text = String::new();
        folder.file(Path::new("lib/a.py")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a");
        for refused in ["link", "out/secret", "pipe", "lib", "../x", "/etc/passwd", "nothing"] {
            assert!(folder.file(Path::new(refused)).is_err(), "{refused}");
        }
    }
}
