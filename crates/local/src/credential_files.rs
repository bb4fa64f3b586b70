//! The files of credentials that attempts of this machine have: see [`rigi_work::credentials`].
//!
//! They lie in a folder per attempt that is Rigi's, not the attempt's: whoever renews one follows no link of a run's.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rigi_model::AttemptKey;
use rigi_work::credentials::{CONFIG, Credential, FILE};

use crate::account::Account;

/// The files of one executor's attempts.
#[derive(Debug, Clone)]
pub(crate) struct CredentialFiles {
    root: PathBuf,
    /// The user that attempts have, where it is not Rigi's own.
    user: Option<u32>,
    /// Whether there may be any: those who have none pay nothing for it.
    any: Arc<AtomicBool>,
}

impl CredentialFiles {
    pub fn new(root: PathBuf, user: Option<u32>) -> Self {
        let any = Arc::new(AtomicBool::new(root.is_dir()));
        Self { root, user, any }
    }

    /// Where those of an attempt lie.
    pub fn folder(&self, key: &AttemptKey) -> PathBuf {
        self.root.join(key.to_string())
    }

    /// Whether an attempt has its credentials in a file.
    pub fn has(&self, key: &AttemptKey) -> bool {
        self.folder(key).join(FILE).is_file()
    }

    /// Puts the files of an attempt in place; a file that is there is replaced as a whole.
    ///
    /// # Errors
    /// If the disk does not take them.
    pub fn write(&self, key: &AttemptKey, credential: &Credential) -> io::Result<()> {
        self.any.store(true, Ordering::Relaxed);
        let folder = self.folder(key);
        let through = if self.user.is_some() { 0o711 } else { 0o700 };
        DirBuilder::new().recursive(true).mode(through).create(&self.root)?;
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let file = folder.join(FILE);
        self.replace(key, &file, &credential.printed())?;
        // Quoted: a folder may have a space in its name.
        let config = format!("[default]\ncredential_process = cat \"{}\"\n", file.display());
        self.replace(key, &folder.join(CONFIG), &config)?;
        self.open_to(key, &folder, 0o750)
    }

    fn replace(&self, key: &AttemptKey, file: &Path, text: &str) -> io::Result<()> {
        let draft = file.with_extension("new");
        let mut options = OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(text.as_bytes())?;
        self.open_to(key, &draft, 0o640)?;
        fs::rename(draft, file)
    }

    /// To an attempt of another account, by the group that it alone has.
    fn open_to(&self, key: &AttemptKey, path: &Path, mode: u32) -> io::Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        chown(path, None, Some(Account::of_attempt(user, key).group))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    /// The attempt is over.
    pub fn remove(&self, key: &AttemptKey) {
        if self.any.load(Ordering::Relaxed) {
            let _ = fs::remove_dir_all(self.folder(key));
        }
    }

    /// Removes what belongs to none of these.
    pub fn keep_only<'a>(&self, known: impl Iterator<Item = &'a AttemptKey>) {
        let Ok(entries) = fs::read_dir(&self.root) else { return };
        let known: Vec<String> = known.map(ToString::to_string).collect();
        for entry in entries.filter_map(Result::ok) {
            if !known.iter().any(|key| entry.file_name().to_str() == Some(key)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use rigi_model::Timestamp;

    use super::*;

    fn credential(expires: i64) -> Credential {
        Credential {
            access_key_id: "id".into(),
            secret_access_key: "hunter2".into(),
            session_token: Some("token".into()),
            expires: Timestamp(expires),
        }
    }

    #[test]
    fn files_are_for_the_attempt_alone_and_replaced_as_a_whole() {
        let data = tempfile::tempdir().unwrap();
        let files = CredentialFiles::new(data.path().join("my credentials"), None);
        let key = AttemptKey { run: rigi_model::RunId::generate(), number: 1 };
        assert!(!files.has(&key));
        files.write(&key, &credential(1)).unwrap();
        files.write(&key, &credential(2_000_000)).unwrap();
        assert!(files.has(&key));
        let file = files.folder(&key).join(FILE);
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(
            (read["Version"].as_i64(), read["Expiration"].as_str()),
            (Some(1), Some("1970-01-01T00:00:02.000000Z"))
        );
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let config = fs::read_to_string(files.folder(&key).join(CONFIG)).unwrap();
        let command = config.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
        let printed = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
        assert_eq!(printed.stdout, fs::read(&file).unwrap());
        files.keep_only([key.clone()].iter());
        assert!(files.has(&key));
        files.keep_only([].iter());
        assert!(!files.has(&key));
    }
}
