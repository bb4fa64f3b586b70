//! Building where runs have another account: what a package runs while it is installed is as foreign as a run.
//!
//! It gets that account, a group of its own, a copy of the code, and two folders, all of which it may fill. All else of the
//! environment stays Rigi's; what was filled becomes Rigi's at the end, so that no run can change what others use.

use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::build::CODE;
use crate::account::{Account, pass_through, take_back};
use crate::supervisor::end_group;

/// How long what a package left running is waited for, once it was killed.
const BOUND: Duration = Duration::from_secs(5);

/// Builds one environment as somebody else.
#[derive(Debug)]
pub struct Builder {
    account: Account,
    folder: PathBuf,
}

impl Builder {
    pub fn new(user: u32, folder: &Path) -> Self {
        Self { account: Account::named(user, &folder.to_string_lossy()), folder: folder.to_owned() }
    }

    fn code(&self) -> PathBuf {
        self.folder.join(CODE)
    }

    /// Gives it the code, which is in place, and makes the folders that are filled.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn begin(&self) -> io::Result<()> {
        if let Some(all) = self.folder.parent() {
            pass_through(all)?;
        }
        pass_through(&self.folder)?;
        self.account.hand_over(&self.code())?;
        lchown(self.code(), Some(self.account.user), Some(self.account.group))?;
        for filled in ["venv", "home"] {
            let filled = self.folder.join(filled);
            fs::create_dir(&filled)?;
            lchown(&filled, Some(self.account.user), Some(self.account.group))?;
        }
        Ok(())
    }

    /// The same call by the other account.
    pub fn command(&self, command: &Command) -> Command {
        let given = command.as_std();
        let mut other = Command::new("/bin/sh");
        // What it makes must be readable for runs, whatever the server's own habit is.
        other.args(["-c", "umask 022; exec \"$@\"", "sh"]).arg(given.get_program()).args(given.get_args());
        other.env_clear().envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other.env("HOME", self.folder.join("home")).env("UV_CACHE_DIR", self.folder.join("home/cache"));
        let folder = given.get_current_dir().map_or_else(|| self.folder.clone(), Path::to_owned);
        other.current_dir(folder).uid(self.account.user).gid(self.account.group);
        other
    }

    /// Ends what is left of it and takes what it made.
    ///
    /// # Errors
    /// If something of it cannot be ended or taken: then it cannot be used.
    pub fn end(&self) -> io::Result<()> {
        if !end_group(self.account.group, Instant::now() + BOUND) {
            return Err(io::Error::other("a process that a package started does not end"));
        }
        fs::remove_dir_all(self.folder.join("home"))?;
        take_back(&self.code())?;
        take_back(&self.folder.join("venv"))
    }
}
