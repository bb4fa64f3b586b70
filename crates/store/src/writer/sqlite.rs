//! Commits to SQLite on a thread of their own: one hand-over a commit, whatever it writes.
//!
//! The pools of `sqlx` hand every single statement to a thread and back; with some hundred commits a second these
//! hand-overs cost more than the database does.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, Transaction, TransactionBehavior, ffi, params_from_iter};
use tokio::sync::oneshot;

use crate::error::Failed;
use crate::rows::Value;
use crate::work::Work;
use crate::{Error, Result};

type Job = (Work, oneshot::Sender<(Work, Result<(), Failed>)>);

/// The thread's other end.
#[derive(Debug, Clone)]
pub(crate) struct SqliteCommits {
    jobs: mpsc::Sender<Job>,
}

impl SqliteCommits {
    /// Starts the thread. The file and its schema are there.
    pub(crate) fn start(file: &Path) -> Result<Self> {
        let connection = open(file)?;
        let (jobs, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("commits".into());
        thread
            .spawn(move || serve(connection, &inbox))
            .map_err(Error::io("start the thread that commits"))?;
        Ok(Self { jobs })
    }

    /// Commits all of it or nothing, and gives it back.
    pub(crate) async fn commit(&self, work: Work) -> (Work, Result<(), Failed>) {
        let (reply, answer) = oneshot::channel();
        if let Err(mpsc::SendError((work, _))) = self.jobs.send((work, reply)) {
            return (work, Err(Failed::Surely(Error::Closed)));
        }
        // The thread answers every job.
        answer.await.unwrap_or_else(|_| (Work::default(), Err(Failed::Surely(Error::Closed))))
    }
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn serve(mut connection: Connection, inbox: &mpsc::Receiver<Job>) {
    for (work, reply) in inbox {
        let result = write(&mut connection, &work);
        let _ = reply.send((work, result));
    }
}

fn write(connection: &mut Connection, work: &Work) -> Result<(), Failed> {
    let tx = insert(connection, work).map_err(|error| Failed::Surely(error.into()))?;
    tx.commit().map_err(|error| match error.sqlite_error().map(|error| error.extended_code) {
        // The log could not be written, or is not this thread's to write. Where it could not be synced, nobody knows.
        Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_BUSY | ffi::SQLITE_FULL | ffi::SQLITE_READONLY) => {
            Failed::Surely(error.into())
        }
        _ => Failed::Perhaps(error.into()),
    })
}

fn insert<'c>(connection: &'c mut Connection, work: &Work) -> rusqlite::Result<Transaction<'c>> {
    // Dropped without a commit, it is rolled back.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for rows in work.portions() {
        for (statement, values) in rows.parts() {
            let mut prepared = tx.prepare_cached(statement.for_row())?;
            for row in values.chunks(statement.width()) {
                prepared.execute(params_from_iter(row))?;
            }
        }
    }
    Ok(tx)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Int(None) | Self::Text(None) | Self::Bytes(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
