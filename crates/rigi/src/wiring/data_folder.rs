//! The data folder: made for its owner alone, with the token, and the note where the server answers.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rigi_model::ErrorCode;
use rigi_server::auth::random_token;
use rigi_store::FolderLock;

use super::error::{is_read_only, of_store};
use crate::client::ServerFile;
use crate::trouble::Trouble;

/// A data folder that is this process's.
pub(crate) struct DataFolder {
    pub path: PathBuf,
    _lock: FolderLock,
}

/// A data folder that may not have been there before: a start that fails leaves nothing, as later commands would take it
/// for the one that is meant.
pub(crate) struct Fresh {
    path: PathBuf,
    is_kept: AtomicBool,
}

impl Fresh {
    /// Looks before it is made.
    pub(crate) fn before(path: &Path) -> Self {
        let there = fs::symlink_metadata(path).is_ok();
        Self { path: path.to_owned(), is_kept: AtomicBool::new(there) }
    }

    /// It is in use from now on.
    pub(crate) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Removes it if it was made since and came into no use.
    pub(crate) fn discard(&self) {
        if !self.is_kept.load(Ordering::Relaxed) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn io(what: String) -> impl FnOnce(std::io::Error) -> Trouble {
    move |source| {
        if is_read_only(&source) {
            let cure = "make the data folder writable for you, or choose another with `--data`";
            return Trouble::new(ErrorCode::DataFolderReadOnly, format!("cannot {what}: {source}"), cure);
        }
        let cure = "check the path, the rights and the disk, or choose another folder with `--data`";
        Trouble::new(ErrorCode::StorageUnavailable, format!("cannot {what}: {source}"), cure)
    }
}

impl DataFolder {
    /// Makes the folder if it is not there, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, Trouble> {
        let shown = path.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io(format!("make {shown}")))?;
        let path = path.canonicalize().map_err(io(format!("use {shown}")))?;
        let holder = format!("process {}", std::process::id());
        let lock = FolderLock::take(&path, &holder).map_err(|error| match ServerFile::of_running(&path) {
            Some(server) => {
                let server = Some(format!("{} of process {}", server.url, server.pid));
                Trouble { server, ..of_store(&error) }
            }
            None => of_store(&error),
        })?;
        // Somebody may have made the folder by hand.
        let mode = fs::metadata(&path).map_err(io(format!("use {shown}")))?.permissions().mode();
        if mode & 0o077 != 0 {
            let private = fs::Permissions::from_mode(mode & !0o077);
            fs::set_permissions(&path, private).map_err(io(format!("close {shown} to others")))?;
        }
        hide_from_git(&path).map_err(io(format!("write .gitignore into {shown}")))?;
        let folder = Self { path, _lock: lock };
        // What is there is of a server that was killed.
        folder.withdraw();
        Ok(folder)
    }

    /// A word of warning where somebody else owns the folder: to them it is not closed. Only root gets so far.
    pub(crate) fn foreign_owner(&self) -> Option<String> {
        let owner = fs::metadata(&self.path).ok()?.uid();
        let other = owner != rustix::process::geteuid().as_raw();
        let shown = self.path.display();
        other.then(|| format!("{shown} belongs to user {owner}, who can read and change all that is in it"))
    }

    /// The token that signs commands of this machine in; made once.
    pub(crate) fn token(&self) -> Result<String, Trouble> {
        let file = self.path.join("token");
        if let Ok(text) = fs::read_to_string(&file)
            && text.trim().len() == 64
        {
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&file, private).map_err(io(format!("close {}", file.display())))?;
            return Ok(text.trim().to_owned());
        }
        let token = random_token().map_err(|error| {
            Trouble::new(
                ErrorCode::Internal,
                format!("the system has no randomness to give: {error}"),
                "try again",
            )
        })?;
        write_private(&file, token.as_bytes()).map_err(io(format!("write {}", file.display())))?;
        Ok(token)
    }

    /// Tells commands of this machine where the server answers.
    pub(crate) fn announce(&self, server: &ServerFile) -> Result<(), Trouble> {
        let file = self.path.join(ServerFile::NAME);
        let text = serde_json::to_vec_pretty(server).unwrap_or_default();
        write_private(&file, &text).map_err(io(format!("write {}", file.display())))
    }

    /// The server answers no more.
    pub(crate) fn withdraw(&self) {
        let _ = fs::remove_file(self.path.join(ServerFile::NAME));
    }
}

/// Keeps a folder, and the key in it, out of the repository that the pipelines may lie in. What somebody wrote there stays.
pub(crate) fn hide_from_git(folder: &Path) -> std::io::Result<()> {
    match File::create_new(folder.join(".gitignore")) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Replaces a file that only its owner may read.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = file.with_extension("new");
    let mut options = OpenOptions::new();
    let mut out: File = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&draft, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_keeps_itself_out_of_git() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("a/.rigi");
        drop(DataFolder::take(&data).unwrap_or_else(|failure| panic!("{failure}")));
        assert_eq!(fs::read_to_string(data.join(".gitignore")).unwrap(), "*\n");
        // One of an earlier version gets it at the next start; what somebody wrote stays.
        fs::remove_file(data.join(".gitignore")).unwrap();
        drop(DataFolder::take(&data).unwrap_or_else(|failure| panic!("{failure}")));
        fs::write(data.join(".gitignore"), "mine").unwrap();
        drop(DataFolder::take(&data).unwrap_or_else(|failure| panic!("{failure}")));
        assert_eq!(fs::read_to_string(data.join(".gitignore")).unwrap(), "mine");
    }

    #[test]
    fn a_start_that_fails_leaves_nothing_but_what_was_there() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join(".rigi");
        let fresh = Fresh::before(&data);
        fs::create_dir(&data).unwrap();
        fresh.discard();
        assert!(!data.exists());
        let fresh = Fresh::before(&data);
        fs::create_dir(&data).unwrap();
        fresh.keep();
        fresh.discard();
        assert!(data.exists());
        Fresh::before(&data).discard();
        assert!(data.exists(), "it was there before");
    }
}
