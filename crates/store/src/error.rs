//! What can go wrong with what is stored.

/// A failure of the store. Messages are fragments that read after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// Its kind.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// A short id fits several.
    #[error("`{id}` fits {count} runs; give more of the id")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many it fits, at least.
        count: usize,
    },
    /// The same idempotency key came with another request.
    #[error("the idempotency key `{key}` was used for another request")]
    IdempotencyConflict {
        /// The key.
        key: String,
    },
    /// The database does not answer or cannot be written now; nothing was changed.
    #[error("the database cannot be used: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot be used as it is set up.
    #[error("the database cannot be used: {what}")]
    Database {
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// It contradicts what is stored, such as a name that is taken; nothing was changed.
    #[error("it contradicts what is stored: {0}")]
    Conflict(String),
    /// A file is to be made of parts that are not what was sent; nothing was changed.
    #[error("a file is not made of these parts: {0}")]
    Parts(String),
    /// What somebody sends breaks off, or is not what it was said to be; nothing was changed.
    #[error("what was sent cannot be read: {0}")]
    Sent(#[source] std::io::Error),
    /// Another server wrote some of the same in another order, and its commit was let go first; nothing was changed.
    #[error("another server writes the same: {0}")]
    Crossed(String),
    /// Nobody would be an administrator any more; nothing was changed.
    #[error("nobody would be an administrator any more")]
    LastAdministrator,
    /// The disk is full; nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The file system takes no writes; nothing was changed.
    #[error("the file system is read-only: {0}")]
    ReadOnly(String),
    /// The bucket of stored files does not answer, or refuses; nothing was changed.
    #[error("the storage cannot be used: {what}")]
    Storage {
        /// What was being done, to what, and why it failed.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// The answer of the database was lost: what was asked for may be done, or be done yet.
    #[error("the database stopped answering while this was written")]
    OutcomeUnknown,
    /// What is stored cannot be understood.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// File or row.
        what: String,
        /// How that was seen.
        why: String,
    },
    /// The database was written by a newer version.
    #[error("the database is at schema {found} and this version knows schemas up to {known}")]
    Newer {
        /// Schema of the database.
        found: i64,
        /// Newest that is known.
        known: i64,
    },
    /// A file cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, to what.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A data folder that was in use lacks a part of it, or has another's.
    #[error("{what}")]
    Lost {
        /// `database` or `key`.
        part: &'static str,
        /// What was found.
        what: String,
    },
    /// Another server uses the same data folder or database.
    #[error("another server uses {what}{}", .holder.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    InUse {
        /// Folder or database.
        what: String,
        /// Who, if known.
        holder: Option<String>,
    },
    /// It must be empty, and is not.
    #[error("{what} is not empty: it holds {holds}")]
    NotEmpty {
        /// Folder or database.
        what: String,
        /// One of the things in it.
        holds: String,
    },
    /// Sealed values cannot be opened with the key that there is.
    #[error("{0}")]
    Key(String),
    /// A backup reads the stored files: none may be removed now.
    #[error("a backup of these files is being made: nothing is removed until it is done")]
    BackupRunning,
    /// Another server has it.
    #[error("{0} is with the server that leads; this one follows it")]
    Elsewhere(&'static str),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// An I/O failure with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            use std::io::ErrorKind as Kind;
            match source.kind() {
                Kind::StorageFull | Kind::QuotaExceeded => Self::Full(what.into()),
                Kind::ReadOnlyFilesystem => Self::ReadOnly(what.into()),
                _ => Self::Io { what: what.into(), source },
            }
        }
    }

    /// Whether what was stored is gone or damaged: to ask again does not help.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::NotFound { .. })
    }

    /// Whether it is the machine's trouble, which may pass by itself: a full disk, a failing one, too few descriptors.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Full(_) | Self::ReadOnly(_) | Self::Storage { .. } => true,
            Self::Io { source, .. } => may_pass(source),
            _ => false,
        }
    }

    /// The failure once more, for several who waited for the same commit.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full(what) => Self::Full(what.clone()),
            Self::ReadOnly(what) => Self::ReadOnly(what.clone()),
            Self::InUse { what, holder } => Self::InUse { what: what.clone(), holder: holder.clone() },
            Self::Closed => Self::Closed,
            Self::Conflict(what) => Self::Conflict(what.clone()),
            Self::Crossed(what) => Self::Crossed(what.clone()),
            Self::Unavailable(source) => Self::Unavailable(source.to_string().into()),
            other => Self::Unavailable(other.to_string().into()),
        }
    }
}

/// Whether a failure is the machine's: its disk fails, or it has no descriptors or memory left.
#[must_use]
pub fn may_pass(error: &std::io::Error) -> bool {
    use rustix::io::Errno as E;
    let errno = error.raw_os_error().map(E::from_raw_os_error);
    matches!(errno, Some(E::IO | E::NOMEM | E::NFILE | E::MFILE | E::AGAIN))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            // SQLITE_FULL; SQLITE_READONLY and its kin; SQLITE_CORRUPT and SQLITE_NOTADB; PostgreSQL's disk_full and data_corrupted.
            match database.code().as_deref() {
                Some("13" | "53100") => return Self::Full(database.message().to_owned()),
                Some("8" | "264" | "520" | "776" | "1032" | "1288" | "1544") => {
                    return Self::ReadOnly(database.message().to_owned());
                }
                Some("11" | "26" | "267" | "523" | "779" | "XX001" | "XX002") => {
                    return Self::Damaged { what: "the database".into(), why: database.message().to_owned() };
                }
                // PostgreSQL's deadlock_detected.
                Some("40P01") => return Self::Crossed(database.message().to_owned()),
                // PostgreSQL's class of broken constraints.
                Some(code) if code.starts_with("23") && code.len() == 5 => {
                    return Self::Conflict(database.message().to_owned());
                }
                _ => {}
            }
        }
        Self::Unavailable(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{ConstraintViolation, DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly};
        match error.sqlite_error_code() {
            Some(ConstraintViolation) => Self::Conflict(error.to_string()),
            Some(DiskFull) => Self::Full(error.to_string()),
            Some(ReadOnly) => Self::ReadOnly(error.to_string()),
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Damaged { what: "the database".into(), why: error.to_string() }
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// Result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not written.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was.
    Surely(Error),
    /// The answer to the commit was lost, and nobody knows.
    Perhaps(Error),
}

impl Failed {
    pub(crate) fn into_error(self) -> Error {
        let (Self::Surely(error) | Self::Perhaps(error)) = self;
        error
    }
}
