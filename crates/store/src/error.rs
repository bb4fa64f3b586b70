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
    /// The disk is full; nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
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
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// An I/O failure with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            if source.kind() == std::io::ErrorKind::StorageFull
                || source.kind() == std::io::ErrorKind::QuotaExceeded
            {
                return Self::Full(what.into());
            }
            Self::Io { what: what.into(), source }
        }
    }

    /// The failure once more, for several who waited for the same commit.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full(what) => Self::Full(what.clone()),
            Self::Closed => Self::Closed,
            other => Self::Unavailable(other.to_string().into()),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            // SQLITE_FULL; SQLITE_CORRUPT and SQLITE_NOTADB; PostgreSQL's disk_full and data_corrupted.
            match database.code().as_deref() {
                Some("13" | "53100") => return Self::Full(database.message().to_owned()),
                Some("11" | "26" | "267" | "523" | "779" | "XX001" | "XX002") => {
                    return Self::Damaged { what: "the database".into(), why: database.message().to_owned() };
                }
                _ => {}
            }
        }
        Self::Unavailable(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        match error.sqlite_error_code() {
            Some(DiskFull) => Self::Full(error.to_string()),
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Damaged { what: "the database".into(), why: error.to_string() }
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// Result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;
