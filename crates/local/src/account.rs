//! Another account for runs: whose it is, what it can reach, and the group that keeps one run's files from another's.
//!
//! All runs have one user, or one for each project that says so, and each attempt has a group of its own, by which the system also tells whose a process is. Who
//! has the same user but another group can neither enter a folder that is the group's, nor look into a process. (What
//! stays is that it may send it signals: these go by the user alone.)

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rigi_model::{AttemptKey, ProjectName};
use sha2::{Digest, Sha256};

/// Groups from here on are nobody's: systemd's list of users and groups leaves them free.
/// Source: <https://systemd.io/UIDS-GIDS/>, 1879048192 to 2147483647.
const FIRST_GROUP: u32 = 0x7000_0000;
/// As many are taken from.
const GROUPS: u32 = 0x1000_0000;

/// Who a process is run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// User.
    pub user: u32,
    /// Group, which is its only one.
    pub group: u32,
}

/// Where runs have another account: which, and where all lies that they must reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The user.
    pub user: u32,
    /// Those of projects that have another one.
    pub of_projects: BTreeMap<ProjectName, u32>,
    /// Runs' folders, environments and helpers.
    pub folder: PathBuf,
}

/// Why runs cannot have this account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Neither a name of `/etc/passwd` nor a number.
    #[error("there is no account `{0}` on this machine")]
    Unknown(String),
    /// It would keep nothing apart.
    #[error("the account `{0}` is root's or Rigi's own, which keeps nothing apart")]
    Same(String),
    /// The system does not let this process.
    #[error("Rigi may not start anything as user {user}: {source}")]
    NotAllowed {
        /// Who.
        user: u32,
        /// Why.
        source: io::Error,
    },
    /// A folder on the way is closed.
    #[error("user {user} cannot reach {}: a folder on the way is closed to it", folder.display())]
    Closed {
        /// Who.
        user: u32,
        /// What.
        folder: PathBuf,
    },
    /// It is somebody else's or cannot be made.
    #[error("{} cannot be the folder of runs: {source}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Account {
    /// Of an attempt: the same whenever it is asked for, and with another attempt's once in 268 million times.
    #[must_use]
    pub fn of_attempt(user: u32, key: &AttemptKey) -> Self {
        Self::named(user, &key.to_string())
    }

    /// With a group that follows from a name.
    #[must_use]
    pub fn named(user: u32, name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        let number = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Self { user, group: FIRST_GROUP + number % GROUPS }
    }

    /// Gives a folder's content to this account, all but the folder itself: innermost first, so that nobody is in it
    /// before all is.
    ///
    /// # Errors
    /// If something cannot be given.
    pub fn hand_over(self, folder: &Path) -> io::Result<()> {
        give(folder, self.user, self.group)
    }
}

/// Takes a folder with all that is in it back, outermost first.
///
/// # Errors
/// If something cannot be taken.
pub fn take_back(folder: &Path) -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    lchown(folder, Some(user), Some(group))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            take_back(&entry.path())?;
        } else {
            lchown(entry.path(), Some(user), Some(group))?;
        }
    }
    Ok(())
}

fn give(folder: &Path, user: u32, group: u32) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path(), user, group)?;
        }
        lchown(entry.path(), Some(user), Some(group))?;
    }
    Ok(())
}

impl Apart {
    /// The account of this name (of `/etc/passwd`) or number, with a folder that is made if it is not there. Tries it:
    /// starts a process as this account that goes there.
    ///
    /// # Errors
    /// If there is no such account, or it cannot be used.
    pub fn open(name: &str, folder: PathBuf) -> Result<Self, AccountError> {
        let user = user_of(name)?;
        let folder = make(&folder).map_err(|source| AccountError::Folder { folder, source })?;
        let apart = Self { user, of_projects: BTreeMap::new(), folder };
        apart.try_out(user)?;
        Ok(apart)
    }

    /// Gives the runs of a project another account than all others, in the same folder.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn give(&mut self, project: ProjectName, name: &str) -> Result<(), AccountError> {
        let user = user_of(name)?;
        self.try_out(user)?;
        self.of_projects.insert(project, user);
        Ok(())
    }

    /// Who runs of a project are.
    #[must_use]
    pub fn user_of(&self, project: &ProjectName) -> u32 {
        self.of_projects.get(project).copied().unwrap_or(self.user)
    }

    fn try_out(&self, user: u32) -> Result<(), AccountError> {
        let Account { user, group } = Account::named(user, "try");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "cd -- \"$1\"", "sh"]).arg(&self.folder).current_dir("/").uid(user).gid(group);
        let quiet = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = quiet.status().map_err(|source| AccountError::NotAllowed { user, source })?;
        if status.success() {
            return Ok(());
        }
        Err(AccountError::Closed { user, folder: self.folder.clone() })
    }
}

fn user_of(name: &str) -> Result<u32, AccountError> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = find(&users, name).ok_or_else(|| AccountError::Unknown(name.to_owned()))?;
    if user == 0 || user == rustix::process::geteuid().as_raw() {
        return Err(AccountError::Same(name.to_owned()));
    }
    Ok(user)
}

/// The number of an account in the text of `/etc/passwd`, or a number as it stands.
fn find(users: &str, name: &str) -> Option<u32> {
    let name = Some(name).filter(|name| !name.contains(':'))?;
    let named = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    named.map_or(Some(name), |rest| rest.split(':').nth(1))?.parse().ok()
}

/// Makes a folder through which others can go, but not look around.
fn make(folder: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
    let facts = fs::symlink_metadata(folder)?;
    if !facts.is_dir() || facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it is a link, or somebody else's"));
    }
    pass_through(folder)?;
    folder.canonicalize()
}

/// Lets others go through a folder, but not look around.
///
/// # Errors
/// If the system does not let us.
pub fn pass_through(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_name_and_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(find(users, "nobody"), Some(65534));
        assert_eq!(find(users, "20000"), Some(20000));
        for none in ["nob", "nobody:x", "", "-1", "x"] {
            assert_eq!(find(users, none), None, "{none}");
        }
    }

    #[test]
    fn each_attempt_has_a_group_of_its_own_that_is_nobody_elses() {
        let key = AttemptKey { run: rigi_model::RunId::generate(), number: 1 };
        let (one, two) =
            (Account::of_attempt(7, &key), Account::of_attempt(7, &AttemptKey { number: 2, ..key.clone() }));
        assert_eq!(one, Account::of_attempt(7, &key));
        assert_ne!(one.group, two.group);
        assert!((FIRST_GROUP..=0x7fff_ffff).contains(&one.group));
    }
}
