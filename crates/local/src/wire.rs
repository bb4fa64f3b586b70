//! What the server and its supervisor say to each other. Fields may be added, never renamed: a new server talks to
//! the supervisor that an older one has started.

use std::path::{Path, PathBuf};

use rigi_model::log::Unfinished;
use rigi_model::{AttemptKey, Timestamp};
use rigi_work::plan::{Ended, InputFile, PlanLimits, Sample};
use rigi_work::secrets::PlanSecrets;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::layout::name;

/// Raised when the two sides could no longer understand each other. `Hello`, `Quit` and the fields of `Welcome` are for
/// ever: by these a server finds out, and has an idle supervisor make room.
pub const PROTOCOL: u32 = 1;

/// From the server.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// The first message.
    Hello {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// What the first `Welcome` gave to this server; `None` asks for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<u64>,
    },
    /// Put everything in place and start.
    Launch(Box<Launch>),
    /// End it, kindly at first.
    Stop {
        /// Which.
        key: AttemptKey,
        /// Between SIGTERM and SIGKILL, in microseconds.
        grace_us: u64,
    },
    /// Forget it and remove its folder.
    Release {
        /// Which.
        key: AttemptKey,
    },
    /// End as soon as nothing runs.
    Quit,
}

/// From the supervisor. The blocks of an `Ended` log follow as the frame's tail.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The answer to `Hello`.
    Welcome {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// Of the program that the supervisor runs.
        version: String,
        /// Every attempt that is not released, and whether it still runs.
        known: Vec<(AttemptKey, bool)>,
        /// Where runs' folders lie, if not in the data folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open: Option<PathBuf>,
        /// To come back with. Whoever took one later is the newer server, and the only one that is obeyed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<u64>,
    },
    /// The other answer: a newer server has come since this one was welcomed.
    Superseded,
    /// Its process runs.
    Started {
        /// Which.
        key: AttemptKey,
        /// When.
        at: Timestamp,
        /// Of the leader.
        pid: i32,
    },
    /// Its log file has grown.
    Log {
        /// Which.
        key: AttemptKey,
        /// When.
        at: Timestamp,
        /// Lines now.
        lines: u64,
        /// Bytes now.
        bytes: u64,
        /// The lines that have not ended, all that stand, where there is news of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unfinished: Option<Vec<Unfinished>>,
    },
    /// What it uses.
    Sample {
        /// Which.
        key: AttemptKey,
        /// When.
        at: Timestamp,
        /// How much.
        sample: Sample,
    },
    /// What it wrote to `$RIGI_EVENTS`.
    Note {
        /// Which.
        key: AttemptKey,
        /// When.
        at: Timestamp,
        /// One line's object.
        note: serde_json::Value,
    },
    /// It has ended.
    Ended {
        /// Which.
        key: AttemptKey,
        /// When.
        at: Timestamp,
        /// How; its `log.inline` is empty here.
        ended: Box<Ended>,
    },
}

/// All that the supervisor needs to start an attempt. Where its files go follows from the key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    /// Which attempt.
    pub key: AttemptKey,
    /// The program and its arguments; relative paths are looked up in the code folder, plain names in `PATH`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Code to copy.
    pub code: PathBuf,
    /// JSON text; `None` where there are no parameters.
    pub parameters: Option<String>,
    /// Files to write, and what is covered in its log.
    #[serde(default, skip_serializing_if = "PlanSecrets::is_empty")]
    pub secrets: PlanSecrets,
    /// Files to copy.
    pub inputs: Vec<InputFile>,
    /// Output folders to make.
    pub outputs: Vec<String>,
    /// Hard limits.
    pub limits: PlanLimits,
    /// Whether the limits are worth a control group.
    pub cgroup: bool,
    /// From the start of the process, in microseconds.
    pub timeout_us: Option<u64>,
    /// Between SIGTERM and SIGKILL, in microseconds.
    pub grace_us: u64,
    /// First lines of the log, Rigi's own.
    pub notes: Vec<String>,
    /// The user that it runs as, where that is not Rigi's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// The current directory, where it is not in the attempt's folder: an empty folder that is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<PathBuf>,
}

impl Launch {
    /// Whether its folder holds nothing but the code, and is Rigi's own.
    pub const fn is_plain(&self) -> bool {
        let files = self.inputs.is_empty() && self.outputs.is_empty() && self.secrets.files.is_empty();
        files && self.user.is_none() && self.work.is_none()
    }

    /// Its current directory, if this is its folder.
    pub fn work(&self, folder: &Path) -> PathBuf {
        self.work.clone().unwrap_or_else(|| folder.join(name::WORK))
    }

    /// The account that it runs as, where that is not Rigi's own.
    pub fn account(&self) -> Option<Account> {
        self.user.map(|user| Account::of_attempt(user, &self.key))
    }
}
