//! The two databases behind one set of SQL texts.
//!
//! Rules for every text: ids and JSON are TEXT, times and integers BIGINT, `$1` placeholders, `now` is bound, no arrays.
//! [`on_db!`] and [`on_tx!`] run one body against either.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, Transaction};

use crate::error::Failed;
use crate::postgres::{PgTx, Server};
use crate::{Error, Result};

/// Which database, and how to reach it.
#[derive(Debug, Clone)]
pub enum DbConfig {
    /// A file of this machine.
    Sqlite(std::path::PathBuf),
    /// `postgres://…`, optionally with `?schema=NAME`.
    Postgres(String),
}

/// Connections for reading, and the one that writes.
#[derive(Debug, Clone)]
pub enum Db {
    /// WAL: readers see snapshots and never wait for the writer.
    Sqlite {
        /// Readers.
        read: SqlitePool,
        /// One connection.
        write: SqlitePool,
    },
    /// A server of its own.
    Postgres(Server),
}

/// An open transaction.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(PgTx),
}

/// Runs `$body` with `$pool` being the reading pool of either database.
macro_rules! on_db {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite { read: $pool, .. } => {
                let _reading = $crate::db::Reading::begin();
                $body
            }
            $crate::db::Db::Postgres($pool) => {
                let _reading = $crate::db::Reading::begin();
                $body
            }
        }
    };
}

/// Runs `$body` with `$connection` being the connection of a transaction; `$D` names its database type.
macro_rules! on_tx {
    ($tx:expr, $connection:ident, $D:ident => $body:expr) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => {
                #[allow(dead_code, clippy::allow_attributes)]
                type $D = sqlx::Sqlite;
                let $connection = &mut **tx;
                $body
            }
            $crate::db::Tx::Postgres(tx) => {
                #[allow(dead_code, clippy::allow_attributes)]
                type $D = sqlx::Postgres;
                let $connection = &mut **tx;
                $body
            }
        }
    };
}

pub(crate) use {on_db, on_tx};

/// Measures a read while it is there.
pub(crate) struct Reading(Instant);

impl Reading {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        metrics::histogram!("rigi_database_read_seconds").record(self.0.elapsed().as_secs_f64());
    }
}

impl Db {
    /// Opens the database; a SQLite file is made if there is none.
    pub(crate) async fn open(config: &DbConfig) -> Result<Self> {
        match config {
            DbConfig::Sqlite(file) => {
                // SQLite would go on without what follows the damage, and remove it.
                crate::wal::check_twice(file)?;
                open_sqlite(file).await
            }
            DbConfig::Postgres(url) => Ok(Self::Postgres(Server::open(url).await?)),
        }
    }

    /// Whether other servers have this database.
    pub(crate) fn has_others(&self) -> bool {
        matches!(self, Self::Postgres(server) if server.announces())
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(server) => Tx::Postgres(server.begin().await?),
        })
    }

    /// After a failed write: a full disk makes SQLite end a transaction that the driver still takes for open, so the
    /// connection is given up and the next write opens another.
    pub(crate) async fn renew(&self) {
        if let Self::Sqlite { write, .. } = self
            && let Ok(connection) = write.acquire().await
        {
            let _ = connection.detach().close_hard().await;
        }
    }

    /// Gives a server up that does not answer, the sooner the fewer runs are written; what was begun is undone.
    pub(crate) async fn within_bound<T>(
        &self,
        runs: usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match self {
            Self::Sqlite { .. } => work.await,
            Self::Postgres(_) => crate::postgres::within_bound(runs, work).await,
        }
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Connections for reading: those that are idle, and those that are used.
    #[must_use]
    pub fn connections(&self) -> (u32, u32) {
        let (all, idle) = match self {
            Self::Sqlite { read, .. } => (read.size(), read.num_idle()),
            Self::Postgres(server) => {
                let pool = server.pool();
                (pool.size(), pool.num_idle())
            }
        };
        let idle = u32::try_from(idle).unwrap_or(all).min(all);
        (idle, all - idle)
    }

    /// Room that the database takes.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn bytes(&self) -> Result<u64> {
        match self {
            Self::Sqlite { read, .. } => {
                let options = read.connect_options();
                let file = options.get_filename();
                let mut log = file.to_owned().into_os_string();
                log.push("-wal");
                let size = async |file: &Path| tokio::fs::metadata(file).await.map(|facts| facts.len());
                let database = size(file).await.map_err(Error::io(format!("look at {}", file.display())))?;
                Ok(database + size(Path::new(&log)).await.unwrap_or(0))
            }
            Self::Postgres(server) => {
                let sql = "SELECT pg_database_size(current_database())";
                let bytes: i64 = sqlx::query_scalar(sql).fetch_one(server).await?;
                Ok(u64::try_from(bytes).unwrap_or(0))
            }
        }
    }

    /// Whether other servers may have it as well.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await.map_err(Failed::into_error)?,
        }
        Ok(())
    }
}

async fn open_sqlite(file: &Path) -> Result<Db> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-8192")
        .pragma("temp_store", "MEMORY");
    let writer = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let write = writer.connect_with(options.clone()).await?;
    let readers = SqlitePoolOptions::new().max_connections(4).min_connections(0).max_lifetime(None);
    let read = readers.idle_timeout(Some(Duration::from_secs(60))).connect_lazy_with(options.read_only(true));
    Ok(Db::Sqlite { read, write })
}

/// A JSON column that cannot be read back is damage, not a bug of the reader.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::Damaged { what: what.to_owned(), why: e.to_string() })
}

/// A column of a text with a form that cannot be read back is damage as well.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|e: T::Err| Error::Damaged { what: what.to_owned(), why: e.to_string() })
}
