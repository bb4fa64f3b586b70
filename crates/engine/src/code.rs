//! Captured code: reading a pipeline's folder, keeping it by content, and putting it in place for executors.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rigi_model::version::{FileEntry, hash_version};
use rigi_model::{ContentHash, VersionHash};
use rigi_store::Blobs;
use rigi_store::tables::versions::{GitFacts, Version, VersionFile};

use crate::folder::{CaptureError, CodeLimits, Folder, Listing, list, walk};

/// The hash that names this content.
#[must_use]
pub fn version_of(files: &[VersionFile]) -> VersionHash {
    hash_version(files.iter().map(|file| FileEntry {
        path: &file.path,
        sha256: file.sha256,
        executable: file.executable,
    }))
}

/// Stores the content of a folder's files, but for what is known to be stored.
///
/// # Errors
/// [`CaptureError::Changing`] if a file is not what it was when it was listed.
pub fn keep(
    blobs: &Blobs,
    folder: &Path,
    listing: &Listing,
    is_stored: impl Fn(&ContentHash) -> bool,
) -> Result<(), CaptureError> {
    let read = |source| CaptureError::Read { path: ".".to_owned(), source };
    let folder = Folder::open(folder).map_err(read)?;
    for file in listing.files().into_iter().filter(|file| !is_stored(&file.sha256)) {
        // It may grow while it is read: one byte more is enough to know.
        let stored = blobs.put(listing.open(&folder, &file.path)?.take(file.size + 1))?;
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
pub fn materialise(data: &Path, blobs: &Blobs, version: &Version) -> rigi_store::Result<PathBuf> {
    let folder = data.join("cache").join("code").join(version.hash.to_string());
    let io = |what: String| move |source| rigi_store::Error::Io { what, source };
    if folder.is_dir() {
        if version_at(&folder).is_ok_and(|hash| hash == version.hash) {
            return Ok(folder);
        }
        tracing::warn!(folder = %folder.display(), "a copy of code is not what was captured: it is made again");
        fs::remove_dir_all(&folder).map_err(io(format!("remove {}", folder.display())))?;
    }
    let draft = data.join("tmp").join(format!("code-{}", rigi_model::UploadId::generate()));
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
        copy_checked(blobs, file, &path)?;
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

/// The hash of what lies in a folder of captured code, read from beginning to end.
///
/// # Errors
/// If it cannot be read.
pub fn version_at(folder: &Path) -> Result<VersionHash, CaptureError> {
    let read = |source| CaptureError::Read { path: ".".to_owned(), source };
    let folder = Folder::open(folder).map_err(read)?;
    let walked = walk(&folder, CodeLimits::default())?;
    Ok(version_of(&list(&folder, &walked, &Listing::default())?.files()))
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

fn copy_checked(blobs: &Blobs, file: &VersionFile, to: &Path) -> rigi_store::Result<()> {
    let io = |source| rigi_store::Error::Io { what: format!("write {}", to.display()), source };
    let mut blob = blobs.get(&file.sha256)?;
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
    Some(GitFacts {
        commit: commit.to_owned(),
        branch: branch.map(str::to_owned),
        dirty,
        repository: None,
        page: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_says_commit_branch_and_changes() {
        let facts = |commit: &str, branch: Option<&str>, dirty| {
            Some(GitFacts {
                commit: commit.into(),
                branch: branch.map(str::to_owned),
                dirty,
                repository: None,
                page: None,
            })
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
