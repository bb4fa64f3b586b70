//! Captured code: reading a pipeline's folder, keeping it by content, and putting it in place for executors.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rigi_model::version::{FileEntry, hash_version};
use rigi_store::tables::versions::{GitFacts, Version, VersionFile};
use rigi_store::{Store, hex};
use sha2::{Digest, Sha256};

/// Folders that are never part of a pipeline's code.
const LEFT_OUT: &[&str] = &[
    ".git",
    ".rigi",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
];
/// Files of one pipeline at most.
pub const MOST_FILES: usize = 10_000;
/// Bytes of one pipeline's files at most.
pub const MOST_BYTES: u64 = 256 << 20;

/// Why a folder cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A symbolic link leads out of the folder.
    #[error("`{path}` is a link that leaves the folder (to {target})")]
    LinkLeaves {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Too much.
    #[error("the folder holds more than {what}: keep data out of it and give it as inputs")]
    TooLarge {
        /// Which bound.
        what: String,
    },
    /// Not UTF-8.
    #[error("`{path}` has a name that is not UTF-8")]
    Name {
        /// The name, as well as it can be shown.
        path: String,
    },
    /// Cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It changed while it was read, again and again.
    #[error("the folder keeps changing while it is read")]
    Changing,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

/// The files of a folder with their hashes, by path.
///
/// # Errors
/// If a link leaves the folder, if it is too large, or if it cannot be read.
pub fn list(folder: &Path) -> Result<Vec<VersionFile>, CaptureError> {
    let mut walk = Walk { root: folder, files: Vec::new(), bytes: 0 };
    walk.folder(folder, 0)?;
    walk.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.files)
}

/// The hash that names this content.
#[must_use]
pub fn version_of(files: &[VersionFile]) -> String {
    let entry = |file: &'_ VersionFile| -> Option<([u8; 32], bool)> {
        let mut sha256 = [0; 32];
        for (byte, pair) in sha256.iter_mut().zip(file.sha256.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some((sha256, file.executable))
    };
    let entries = files.iter().filter_map(|file| {
        let (sha256, executable) = entry(file)?;
        Some(FileEntry { path: &file.path, sha256, executable })
    });
    hash_version(entries).to_string()
}

struct Walk<'a> {
    root: &'a Path,
    files: Vec<VersionFile>,
    bytes: u64,
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), CaptureError> {
        let read = |source| CaptureError::Read { path: shown(self.root, folder), source };
        if depth > 32 {
            return Err(CaptureError::TooLarge { what: "32 levels of folders".into() });
        }
        let items: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(read)?;
        for item in items {
            let (path, name) = (item.path(), item.file_name());
            if name.to_str().is_some_and(|name| LEFT_OUT.contains(&name) || name.ends_with(".pyc")) {
                continue;
            }
            let broken = |source| CaptureError::Read { path: shown(self.root, &path), source };
            let link = item.file_type().map_err(broken)?.is_symlink();
            if link {
                self.check_link(&path)?;
            }
            let facts = fs::metadata(&path).map_err(broken)?;
            if facts.is_dir() {
                // A link to a folder inside could go round in circles: the folder itself is read anyway.
                if !link {
                    self.folder(&path, depth + 1)?;
                }
            } else if facts.is_file() {
                self.file(&path, &facts)?;
            }
        }
        Ok(())
    }

    fn check_link(&self, path: &Path) -> Result<(), CaptureError> {
        let read = |source| CaptureError::Read { path: shown(self.root, path), source };
        let root = self.root.canonicalize().map_err(read)?;
        let target = path.canonicalize().map_err(read)?;
        if target.starts_with(root) {
            return Ok(());
        }
        Err(CaptureError::LinkLeaves { path: shown(self.root, path), target: target.display().to_string() })
    }

    fn file(&mut self, path: &Path, facts: &fs::Metadata) -> Result<(), CaptureError> {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let name =
            relative.to_str().ok_or_else(|| CaptureError::Name { path: relative.display().to_string() })?;
        self.bytes += facts.len();
        if self.files.len() >= MOST_FILES {
            return Err(CaptureError::TooLarge { what: format!("{MOST_FILES} files") });
        }
        if self.bytes > MOST_BYTES {
            return Err(CaptureError::TooLarge { what: format!("{} MiB", MOST_BYTES >> 20) });
        }
        let read = |source| CaptureError::Read { path: name.to_owned(), source };
        let mut file = fs::File::open(path).map_err(read)?;
        let (mut hash, mut piece, mut size) = (Sha256::new(), vec![0; 64 << 10], 0);
        loop {
            let n = file.read(&mut piece).map_err(read)?;
            if n == 0 {
                break;
            }
            size += n as u64;
            hash.update(&piece[..n]);
        }
        let executable = facts.permissions().mode() & 0o111 != 0;
        self.files.push(VersionFile {
            path: name.to_owned(),
            executable,
            size,
            sha256: hex(&hash.finalize()),
        });
        Ok(())
    }
}

/// Stores the content of a folder's files.
///
/// # Errors
/// [`CaptureError::Changing`] if a file is not what it was when it was listed.
pub fn keep(store: &Store, folder: &Path, files: &[VersionFile]) -> Result<(), CaptureError> {
    for file in files {
        let read = |source| CaptureError::Read { path: file.path.clone(), source };
        let stored = store.blobs().put(fs::File::open(folder.join(&file.path)).map_err(read)?)?;
        if stored.sha256 != file.sha256 {
            return Err(CaptureError::Changing);
        }
    }
    Ok(())
}

/// Where a version's code lies for executors; put there from what is stored, if it is not.
///
/// # Errors
/// If what is stored is damaged or missing, or the disk does not take it.
pub fn materialise(store: &Store, version: &Version) -> rigi_store::Result<PathBuf> {
    let folder = store.data().join("cache").join("code").join(&version.hash);
    let io = |what: String| move |source| rigi_store::Error::Io { what, source };
    if folder.is_dir() {
        if list(&folder).is_ok_and(|files| version_of(&files) == version.hash) {
            return Ok(folder);
        }
        tracing::warn!(folder = %folder.display(), "a copy of code is not what was captured: it is made again");
        fs::remove_dir_all(&folder).map_err(io(format!("remove {}", folder.display())))?;
    }
    let draft = store.data().join("tmp").join(format!("code-{}", rigi_model::UploadId::generate()));
    fs::create_dir_all(&draft).map_err(io(format!("make {}", draft.display())))?;
    for file in &version.files {
        if !is_plain(&file.path) {
            return Err(rigi_store::Error::Damaged {
                what: format!("version {}", version.hash),
                why: format!("it names the file `{}`", file.path),
            });
        }
        let path = draft.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io(format!("make {}", parent.display())))?;
        }
        copy_checked(store, file, &path)?;
    }
    // What lies under the version's name is taken for whole: no loss of power may leave half of it there.
    sync_folders(&draft).map_err(io(format!("write {}", draft.display())))?;
    let parent = folder.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).map_err(io(format!("make {}", parent.display())))?;
    match fs::rename(&draft, &folder) {
        Ok(()) => Ok(folder),
        Err(_) if folder.is_dir() => {
            let _ = fs::remove_dir_all(&draft);
            Ok(folder)
        }
        Err(source) => Err(io(format!("move the code to {}", folder.display()))(source)),
    }
}

fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            sync_folders(&item.path())?;
        }
    }
    fs::File::open(folder)?.sync_all()
}

/// A relative path that stays below its folder.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn copy_checked(store: &Store, file: &VersionFile, to: &Path) -> rigi_store::Result<()> {
    let io = |source| rigi_store::Error::Io { what: format!("write {}", to.display()), source };
    let mut blob = store.blobs().get(&file.sha256)?;
    let mut out = fs::File::create(to).map_err(io)?;
    while let Some(piece) = blob.next_piece()? {
        out.write_all(&piece).map_err(io)?;
    }
    let mode = if file.executable { 0o755 } else { 0o644 };
    out.set_permissions(fs::Permissions::from_mode(mode)).and_then(|()| out.sync_all()).map_err(io)
}

/// Git facts of a folder, if it lies in a repository and `git` is there.
#[must_use]
pub fn git_facts(folder: &Path) -> Option<GitFacts> {
    // One process says all of it: a page of a pipeline waits for this.
    let mut command = std::process::Command::new("git");
    // A repository's own configuration may name a program to be started: nothing of a pipeline runs in the server.
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    command.arg("-C").arg(folder).args(["status", "--porcelain=v2", "--branch", "--", "."]);
    let output = command.env("GIT_OPTIONAL_LOCKS", "0").output().ok().filter(|said| said.status.success())?;
    facts_of(&String::from_utf8_lossy(&output.stdout))
}

/// Reads what `git status --porcelain=v2 --branch` says; `None` before the first commit.
fn facts_of(status: &str) -> Option<GitFacts> {
    let head = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let commit = head("# branch.oid ").filter(|commit| *commit != "(initial)")?;
    let branch = head("# branch.head ").filter(|branch| *branch != "(detached)");
    let dirty = status.lines().any(|line| !line.starts_with("# "));
    Some(GitFacts { commit: commit.to_owned(), branch: branch.map(str::to_owned), dirty })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_listed_without_what_is_left_out_and_links_may_not_leave() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        fs::create_dir_all(folder.join("lib")).unwrap();
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join("main.py"), "print(1)").unwrap();
        fs::write(folder.join("lib/a.py"), "").unwrap();
        fs::write(folder.join(".git/x"), "").unwrap();
        std::os::unix::fs::symlink("main.py", folder.join("again.py")).unwrap();
        let names: Vec<_> = list(&folder).unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(names, ["again.py", "lib/a.py", "main.py"]);
        std::os::unix::fs::symlink("/etc/passwd", folder.join("out")).unwrap();
        assert!(matches!(list(&folder), Err(CaptureError::LinkLeaves { .. })));
    }

    #[test]
    fn git_says_commit_branch_and_changes() {
        let facts = |commit: &str, branch: Option<&str>, dirty| {
            Some(GitFacts { commit: commit.into(), branch: branch.map(str::to_owned), dirty })
        };
        assert_eq!(facts_of("# branch.oid a1\n# branch.head main\n"), facts("a1", Some("main"), false));
        let changed = "# branch.oid a1\n# branch.head (detached)\n? new.py\n";
        assert_eq!(facts_of(changed), facts("a1", None, true));
        assert_eq!(facts_of("# branch.oid (initial)\n# branch.head main\n"), None);
    }

    #[test]
    fn only_plain_paths_are_put_in_place() {
        assert!(is_plain("a/b.py"));
        for bad in ["", "../x", "/etc/x", "a/../../x"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
