//! The walk through a pipeline's folder: what belongs to its code, known by its facts alone, and what is left out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rigi_model::quantity::show_bytes;
use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat, fstat, openat, statat};

use super::{FOLDER, Folder, Target, left_out, special_name};
use crate::code::CaptureError;

/// Levels of folders.
const DEEPEST: usize = 32;

/// Things that are looked at before a folder is given up, where it may have fewer files.
const MOST_SEEN: usize = 200_000;

/// Where files have no limit: links to folders can make a few of them look like very many.
const UNLIMITED: u64 = 5_000_000;

/// How much one pipeline's code may be; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLimits {
    /// Files.
    pub files: Option<u64>,
    /// Bytes of them together.
    pub bytes: Option<u64>,
}

impl Default for CodeLimits {
    fn default() -> Self {
        Self { files: Some(10_000), bytes: Some(256 << 20) }
    }
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Mark {
    /// Of an open file.
    ///
    /// # Errors
    /// If the machine does not say.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Self::from(&fstat(file)?))
    }

    /// The later of both its times, in nanoseconds since 1970, by the clock of its file system.
    #[must_use]
    pub fn newest(&self) -> i128 {
        self.modified.max(self.changed)
    }

    /// Whether somebody may execute it.
    #[must_use]
    pub const fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

impl From<&Stat> for Mark {
    #[expect(clippy::useless_conversion, reason = "the fields' types differ between machines")]
    fn from(stat: &Stat) -> Self {
        let time = |seconds: i64, nanoseconds: i128| i128::from(seconds) * 1_000_000_000 + nanoseconds;
        Self {
            device: stat.st_dev.into(),
            inode: stat.st_ino.into(),
            mode: stat.st_mode,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            changed: time(stat.st_ctime.into(), stat.st_ctime_nsec.into()),
        }
    }
}

/// A file of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// What changes when it does.
    pub mark: Mark,
    /// Its path without links, where its own has one.
    pub real: Option<PathBuf>,
}

/// Something that is not part of the code although it could be meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Path below the folder.
    pub path: String,
    /// What it is, in words.
    pub why: String,
    /// What to do.
    pub cure: &'static str,
}

/// What a walk found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// The code, by path.
    pub files: BTreeMap<String, SeenFile>,
    /// What is left out and told.
    pub left_out: Vec<LeftOut>,
}

/// Walks through a folder.
///
/// # Errors
/// If a link leaves it, it is too large, or cannot be read.
pub fn walk(folder: &Folder, limits: CodeLimits) -> Result<Walked, CaptureError> {
    let root = folder.below(Path::new(""), FOLDER).map_err(|source| read("", source))?;
    let mut walk = Walk { folder, limits, seen: 0, bytes: 0, above: Vec::new(), found: Walked::default() };
    walk.enter(root, "")?;
    walk.check_size()?;
    Ok(walk.found)
}

fn read(path: &str, source: impl Into<io::Error>) -> CaptureError {
    let path = if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    CaptureError::Read { path, source: source.into() }
}

struct Walk<'a> {
    folder: &'a Folder,
    limits: CodeLimits,
    seen: usize,
    bytes: u64,
    /// The folders that the walk is in, by device and inode.
    above: Vec<(u64, u64)>,
    found: Walked,
}

impl Walk<'_> {
    fn enter(&mut self, opened: OwnedFd, inner: &str) -> Result<(), CaptureError> {
        if self.above.len() > DEEPEST {
            return Err(CaptureError::TooDeep { path: inner.to_owned() });
        }
        let mark = Mark::of(&opened).map_err(|source| read(inner, source))?;
        let mut items = Dir::new(opened).map_err(|source| read(inner, source))?;
        let names: Vec<Vec<u8>> = items
            .by_ref()
            .map(|item| item.map(|item| item.file_name().to_bytes().to_vec()))
            .collect::<Result<_, _>>()
            .map_err(|source| read(inner, source))?;
        // An environment belongs to the machine that it was made on; the folder itself is code whatever lies in it.
        if !inner.is_empty() && names.iter().any(|name| left_out::marks_environment(name)) {
            return Ok(());
        }
        let opened = items.fd().map_err(|source| read(inner, source))?;
        self.above.push((mark.device, mark.inode));
        for name in names {
            self.item(opened, inner, &name)?;
        }
        self.above.pop();
        Ok(())
    }

    fn item(&mut self, at: BorrowedFd<'_>, inner: &str, name: &[u8]) -> Result<(), CaptureError> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        let join = |name: &str| if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
        if left_out::by_name(name) {
            if name == left_out::NODE_MODULES.as_bytes() {
                let cure = "Have the command install what it needs, or give the folder another name.";
                self.leave(join(left_out::NODE_MODULES), "is not part of the code", cure);
            }
            return Ok(());
        }
        let path = match std::str::from_utf8(name) {
            Ok(name) => join(name),
            Err(_) => return Err(CaptureError::Name { path: join(&name.escape_ascii().to_string()) }),
        };
        let stat = match statat(at, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            // It went while the folder was read: it is no part of it any more.
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            stat => stat.map_err(|source| read(&path, source))?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path, None, &stat),
            FileType::Directory => {
                self.count()?;
                let opened = openat(at, OsStr::from_bytes(name), FOLDER, Mode::empty());
                let opened = opened.map_err(|source| read(&path, source))?;
                self.enter(opened, &path)
            }
            FileType::Symlink => self.link(path),
            kind => {
                self.special(path, kind);
                Ok(())
            }
        }
    }

    fn link(&mut self, path: String) -> Result<(), CaptureError> {
        self.count()?;
        let real = match self.folder.target(Path::new(&path)).map_err(|source| read(&path, source))? {
            Target::Within(real) => real,
            Target::Outside(target) => {
                return Err(CaptureError::LinkLeaves { path, target: target.display().to_string() });
            }
            Target::Nowhere(why) => {
                self.leave(path, format!("is a link that {why}"), "Remove it, or mend where it leads.");
                return Ok(());
            }
        };
        let stat = self.folder.stat(&real).map_err(|source| read(&path, source))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(path, Some(real), &stat),
            FileType::Directory => {
                let mark = Mark::from(&stat);
                if self.above.contains(&(mark.device, mark.inode)) {
                    self.leave(path, "is a link to a folder that it lies in", "Remove it.");
                    return Ok(());
                }
                let opened = self.folder.below(&real, FOLDER).map_err(|source| read(&path, source))?;
                self.enter(opened, &path)
            }
            kind => {
                self.special(path, kind);
                Ok(())
            }
        }
    }

    fn file(&mut self, path: String, real: Option<PathBuf>, stat: &Stat) -> Result<(), CaptureError> {
        self.count()?;
        let mark = Mark::from(stat);
        self.bytes = self.bytes.saturating_add(mark.size);
        self.found.files.insert(path, SeenFile { mark, real });
        Ok(())
    }

    fn special(&mut self, path: String, kind: FileType) {
        self.leave(path, format!("is {}", special_name(kind)), "Remove it, or make it where it is used.");
    }

    fn leave(&mut self, path: String, why: impl Into<String>, cure: &'static str) {
        self.found.left_out.push(LeftOut { path, why: why.into(), cure });
    }

    /// One more thing; a folder of far more than may be is not walked to its end.
    fn count(&mut self) -> Result<(), CaptureError> {
        self.seen += 1;
        let limit = self.limits.files.unwrap_or(UNLIMITED);
        let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(2).max(MOST_SEEN);
        if self.seen <= most {
            return Ok(());
        }
        Err(CaptureError::TooLarge {
            what: format!("holds more than {most} files and folders, and may hold {limit} files"),
            key: "limits.code_files",
        })
    }

    fn check_size(&self) -> Result<(), CaptureError> {
        let files = self.found.files.len();
        if let Some(limit) = self.limits.files.filter(|limit| files as u64 > *limit) {
            let what = format!("holds {files} files, and may hold {limit}{}", self.fullest());
            return Err(CaptureError::TooLarge { what, key: "limits.code_files" });
        }
        if let Some(limit) = self.limits.bytes.filter(|limit| self.bytes > *limit) {
            let largest = self.found.files.iter().max_by_key(|(_, file)| file.mark.size);
            let largest = largest
                .map(|(path, file)| format!("; the largest is `{path}` with {}", show_bytes(file.mark.size)));
            let (has, may) = (show_bytes(self.bytes), show_bytes(limit));
            let what = format!("holds {has}, and may hold {may}{}", largest.unwrap_or_default());
            return Err(CaptureError::TooLarge { what, key: "limits.code_size" });
        }
        Ok(())
    }

    /// The folder at the top that holds most files, in words.
    fn fullest(&self) -> String {
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for (top, _) in self.found.files.keys().filter_map(|path| path.split_once('/')) {
            *folders.entry(top).or_default() += 1;
        }
        let fullest = folders.into_iter().max_by_key(|(_, files)| *files);
        fullest.map_or_else(String::new, |(top, files)| format!("; {files} of them lie in `{top}`"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn walked(path: &Path) -> Result<Walked, CaptureError> {
        walk(&Folder::open(path).unwrap(), CodeLimits::default())
    }

    fn paths(walked: &Walked) -> Vec<&str> {
        walked.files.keys().map(String::as_str).collect()
    }

    fn told(walked: &Walked) -> Vec<String> {
        walked.left_out.iter().map(|left| format!("{} {}", left.path, left.why)).collect()
    }

    #[test]
    fn links_within_are_followed_to_files_and_to_folders() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("lib/deep")).unwrap();
        fs::write(root.join("lib/deep/a.py"), "a").unwrap();
        fs::write(root.join("main.py"), "").unwrap();
        symlink("main.py", root.join("again.py")).unwrap();
        symlink("lib", root.join("shared")).unwrap();
        symlink(root.join("lib/deep"), root.join("absolute")).unwrap();
        let found = walked(root).unwrap();
        let wanted = ["absolute/a.py", "again.py", "lib/deep/a.py", "main.py", "shared/deep/a.py"];
        assert_eq!(paths(&found), wanted);
        assert_eq!(told(&found), Vec::<String>::new());
        assert_eq!(found.files["shared/deep/a.py"].mark, found.files["lib/deep/a.py"].mark);
    }

    #[test]
    fn what_cannot_be_code_is_left_out_with_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("lib")).unwrap();
        symlink("user@host.4711:1", root.join(".#main.py")).unwrap();
        symlink("nothing", root.join("gone")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        symlink("..", root.join("lib/up")).unwrap();
        fs::create_dir(root.join("node_modules")).unwrap();
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, mode, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let found = walked(root).unwrap();
        let mut said = told(&found);
        said.sort();
        let wanted = [
            "circle is a link that leads in a circle",
            "gone is a link that leads to nothing",
            "lib/up is a link to a folder that it lies in",
            "node_modules is not part of the code",
            "pipe is a named pipe",
            "socket is a socket",
        ];
        assert_eq!(said, wanted);
        assert!(found.files.is_empty());
    }

    #[test]
    fn environments_are_left_out_under_any_name() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, file) in
            [("my-env", "pyvenv.cfg"), ("conda", "conda-meta/history"), ("lib", "setup.cfg")]
        {
            let file = dir.path().join(folder).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
            fs::write(dir.path().join(folder).join("x.py"), "").unwrap();
        }
        fs::create_dir_all(dir.path().join("lib/.ruff_cache")).unwrap();
        fs::write(dir.path().join("lib/.ruff_cache/x"), "").unwrap();
        assert_eq!(paths(&walked(dir.path()).unwrap()), ["lib/setup.cfg", "lib/x.py"]);
    }

    #[test]
    fn a_link_that_leaves_is_named_with_its_target() {
        for target in ["/etc/passwd", "/", "/proc/self/fd", "../../../../../../etc"] {
            let dir = tempfile::tempdir().unwrap();
            symlink(target, dir.path().join("out")).unwrap();
            let error = walked(dir.path()).unwrap_err();
            assert!(matches!(error, CaptureError::LinkLeaves { .. }), "{target}: {error}");
        }
    }

    #[test]
    fn a_folder_that_is_too_large_is_named_with_its_size() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        for file in ["main.py", "data/a", "data/b"] {
            fs::write(dir.path().join(file), "x").unwrap();
        }
        let said = |limits| {
            walk(&Folder::open(dir.path()).unwrap(), limits).map(drop).map_err(|error| error.to_string())
        };
        let of = |files, bytes| CodeLimits { files, bytes };
        assert_eq!(said(of(Some(3), Some(3))), Ok(()));
        assert_eq!(said(of(None, None)), Ok(()));
        assert_eq!(
            said(of(Some(2), None)).unwrap_err(),
            "the folder holds 3 files, and may hold 2; 2 of them lie in `data`"
        );
        // A hole counts as what it would be: it is not read to find out.
        fs::File::create(dir.path().join("data/hole")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(
            said(CodeLimits::default()).unwrap_err(),
            "the folder holds 1 TiB, and may hold 256 MiB; the largest is `data/hole` with 1 TiB"
        );
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9.txt")), "").unwrap();
        let error = walked(dir.path()).unwrap_err();
        assert_eq!(error.to_string(), r"`caf\xe9.txt` has a name that is not UTF-8");
    }
}
