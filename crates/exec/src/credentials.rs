//! An attempt's way to the bucket of its project: variables, and credentials that end.
//!
//! Credentials that outlive the attempt's time limit are variables. Others stand in a file that is renewed, which the
//! usual libraries read by way of a `credential_process`: see
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
//!
//! The files lie in a folder per attempt that is Rigi's, not the attempt's: whoever renews one follows no link of a run's.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rigi_model::{AttemptKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::Account;

/// Between the making of credentials and the start of an attempt that is to have them as variables.
const BEFORE_START: Duration = Duration::from_secs(600);
/// Renewed no sooner than this after the last time.
const SOONEST: Duration = Duration::from_secs(30);

/// Names that a pipeline sets when it has credentials of its own.
const OWN: [&str; 4] = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// Credentials of one run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: String,
    /// When they stop to serve.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Credential {
    /// How long after `now` they are to be renewed: when a third of their time is left.
    #[must_use]
    pub fn renew_in(&self, now: Timestamp) -> Duration {
        (self.expires.since(now) * 2 / 3).max(SOONEST)
    }

    /// As a `credential_process` prints them.
    fn printed(&self) -> String {
        let Self { access_key_id, secret_access_key, session_token, expires } = self;
        serde_json::json!({
            "Version": 1,
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
            "SessionToken": session_token,
            "Expiration": expires,
        })
        .to_string()
    }
}

/// How an attempt has its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenBy {
    /// As variables: they last as long as the attempt may.
    Variables,
    /// In a file, which is renewed.
    File,
}

/// How an attempt reaches the bucket of its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketAccess {
    /// Variables that hold no secret.
    pub variables: BTreeMap<String, String>,
    /// What opens the bucket.
    pub credential: Credential,
    /// How it is given.
    pub given: GivenBy,
}

impl BucketAccess {
    /// For an attempt with this time limit and grace period.
    #[must_use]
    pub fn new(
        variables: BTreeMap<String, String>,
        credential: Credential,
        timeout: Option<Duration>,
        grace: Duration,
        now: Timestamp,
    ) -> Self {
        let lasts = |timeout: Duration| now.after(BEFORE_START + timeout + grace) < credential.expires;
        let given = if timeout.is_some_and(lasts) { GivenBy::Variables } else { GivenBy::File };
        Self { variables, credential, given }
    }

    /// The variables of its process. A pipeline that brings credentials of its own keeps them.
    pub(crate) fn of_process(&self, own: &BTreeMap<String, String>, folder: &Path) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> = self.variables.clone();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        match self.given {
            GivenBy::Variables => {
                set("AWS_ACCESS_KEY_ID", self.credential.access_key_id.clone());
                set("AWS_SECRET_ACCESS_KEY", self.credential.secret_access_key.clone());
                set("AWS_SESSION_TOKEN", self.credential.session_token.clone());
            }
            GivenBy::File => {
                set("AWS_CONFIG_FILE", folder.join(CONFIG).display().to_string());
                set("RIGI_STORAGE_CREDENTIALS", folder.join(FILE).display().to_string());
            }
        }
        if OWN.iter().any(|name| own.contains_key(*name)) {
            all.retain(|name, _| name.starts_with("RIGI_"));
        }
        all.into_iter().collect()
    }
}

const FILE: &str = "credentials.json";
const CONFIG: &str = "config";

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

    use super::*;

    fn credential(expires: i64) -> Credential {
        Credential {
            access_key_id: "id".into(),
            secret_access_key: "hunter2".into(),
            session_token: "token".into(),
            expires: Timestamp(expires),
        }
    }

    fn access(timeout: Option<Duration>) -> BucketAccess {
        let variables = BTreeMap::from([("RIGI_STORAGE".to_owned(), "s3://b/default/".to_owned())]);
        let hour = credential(3_600_000_000);
        BucketAccess::new(variables, hour, timeout, Duration::from_secs(10), Timestamp(0))
    }

    #[test]
    fn credentials_are_variables_only_where_they_outlast_the_attempt() {
        let short = access(Some(Duration::from_secs(600)));
        assert_eq!(short.given, GivenBy::Variables);
        for long in [access(None), access(Some(Duration::from_secs(3500)))] {
            assert_eq!(long.given, GivenBy::File);
        }
        let names = |access: &BucketAccess, own: &[&str]| -> Vec<String> {
            let own = own.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            access.of_process(&own, Path::new("/c")).into_iter().map(|(name, _)| name).collect()
        };
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RIGI_STORAGE"];
        assert_eq!(names(&short, &[]), keys);
        assert_eq!(
            names(&access(None), &[]),
            ["AWS_CONFIG_FILE", "RIGI_STORAGE", "RIGI_STORAGE_CREDENTIALS"]
        );
        assert_eq!(names(&short, &["AWS_ACCESS_KEY_ID"]), ["RIGI_STORAGE"], "a pipeline's own are its own");
        assert!(!format!("{short:?}").contains("hunter2"));
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
