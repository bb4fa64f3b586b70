//! A PostgreSQL server that may be restarted, cut off or replaced: reading has a bound, and writing goes through one
//! connection, which holds the lock of the database. Without the lock there is no connection to write by.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgDatabaseError, PgListener, PgPool, PgPoolOptions,
    PgQueryResult, PgRow, PgSeverity, PgStatement, PgTypeInfo,
};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, Either, Execute, Executor, Postgres, SqlStr};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::Failed;
use crate::{Error, Result, reach};

/// A server that does not let us in for so long is away.
const CONNECT: Duration = Duration::from_secs(5);
/// A question that is not answered for so long never will be.
const ANSWER: Duration = Duration::from_secs(10);
/// What a transaction may take beyond that for each run it writes.
const PER_RUN: Duration = Duration::from_millis(1);
/// How long PostgreSQL may take to end a session whose other end is gone.
const HAND_OVER: &str = "SET lock_timeout = '2s'";
/// The code of a lock that did not come within this time.
const LOCK_TIMEOUT: &str = "55P03";
/// The code of a server that takes no writes.
const READ_ONLY: &str = "25006";
/// Any number; the same for every Rigi.
const ADVISORY_KEY: i64 = 0x5249_4749;
/// Of those who look who leads.
const ELECTION_KEY: i64 = ADVISORY_KEY + 1;
/// One that opens a database for the first time makes its tables meanwhile.
const TURN: &str = "SET lock_timeout = '60s'";
/// The row of `pg_locks` of the lock whose key is `$1`.
const HELD: &str = "locktype = 'advisory' AND granted AND objsubid = 1 \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                    AND ((classid::bigint << 32) | objid::bigint) = $1 # hashtext(current_schema())";
/// The server drops a session whose other end has vanished, and with it its lock. That something it is to make is there already, nobody
/// need read.
const SESSION: [(&str, &str); 5] = [
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
    ("client_min_messages", "warning"),
];
/// What is written is found by its key. A plan that is made while a table is small would walk it for ever after, and a
/// plan of its own for each commit costs more than the commit.
const BY_KEY: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// The server. Cheap to clone; reads go to it as to a pool.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    /// Names this process among the server's sessions.
    name: String,
    /// With a number that grows when it is replaced.
    reading: RwLock<(u64, PgPool)>,
    writing: Arc<Mutex<Option<PgConnection>>>,
    exclusive: AtomicBool,
    /// Whether others want to hear of commits.
    announces: AtomicBool,
}

/// The channel on which servers of one schema tell each other of commits.
pub(crate) const CHANNEL: &str = "'rigi ' || current_schema()";

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.0.name).finish()
    }
}

fn pool(options: &PgConnectOptions) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(CONNECT).max_lifetime(None);
    pool.idle_timeout(Some(Duration::from_secs(300))).connect_lazy_with(options.clone())
}

fn too_late(what: &str) -> sqlx::Error {
    let words = format!("PostgreSQL does not answer ({what})");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
}

/// What is not done within the bound is given up, and the server undoes what was begun.
pub(crate) async fn within_bound<T, E: From<sqlx::Error>>(
    runs: usize,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let bound = ANSWER + PER_RUN * u32::try_from(runs).unwrap_or(u32::MAX);
    tokio::time::timeout(bound, work).await.unwrap_or_else(|_| Err(too_late("writing").into()))
}

fn told(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

fn code_of(error: &sqlx::Error) -> Option<&str> {
    told(error).map(PgDatabaseError::code)
}

/// Whether the server has refused a statement and serves on: nothing of it was done. Where it ends the session instead,
/// nobody knows; and one that may not write now (a standby) is asked for no more over this connection.
fn has_refused(error: &sqlx::Error) -> bool {
    told(error).is_some_and(|error| error.severity() == PgSeverity::Error && error.code() != READ_ONLY)
}

impl Server {
    /// A server at this URL, which answers; `?schema=NAME` is made if it is not there.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let (url, schema) = match url.split_once("?schema=") {
            Some((url, schema)) => (url, Some(schema.replace('"', "\"\""))),
            None => (url, None),
        };
        let name = format!("rigi {}", rigi_model::id::RequestId::generate());
        let read = PgConnectOptions::from_str(url).map_err(|error| reach::explain(url, error))?;
        let mut options = read.application_name(&name).options(SESSION);
        if let Some(schema) = &schema {
            options = options.options([("search_path", format!("\"{schema}\""))]);
        }
        let reading = RwLock::new((0, pool(&options)));
        let (writing, exclusive, announces) =
            (Arc::default(), AtomicBool::new(false), AtomicBool::new(false));
        let server = Self(Arc::new(Inner { options, name, reading, writing, exclusive, announces }));
        let make = schema.map_or_else(
            || "SELECT 1".to_owned(),
            |schema| format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\""),
        );
        let made = sqlx::query(sqlx::AssertSqlSafe(make)).execute(&server.reading().1).await;
        made.map_err(|error| reach::explain(url, error))?;
        Ok(server)
    }

    /// From now on only the holder of the database's lock writes; takes it.
    ///
    /// # Errors
    /// [`Error::InUse`] if another server has it.
    pub(crate) async fn make_exclusive(&self) -> Result<()> {
        let mut writing = self.0.writing.lock().await;
        self.0.exclusive.store(true, Ordering::SeqCst);
        *writing = None;
        *writing = Some(self.connect().await?);
        Ok(())
    }

    /// From now on commits are announced to others.
    pub(crate) fn announce(&self) {
        self.0.announces.store(true, Ordering::SeqCst);
    }

    /// Whether they are.
    pub(crate) fn announces(&self) -> bool {
        self.0.announces.load(Ordering::SeqCst)
    }

    /// What tells this server's words from those of others.
    pub(crate) fn name(&self) -> &str {
        self.0.name.trim_start_matches("rigi ")
    }

    /// A listener to what servers of this schema tell each other.
    pub(crate) async fn listen(&self) -> Result<PgListener> {
        let pool = self.pool();
        let sql = format!("SELECT {CHANNEL}");
        let channel: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(&channel).await?;
        Ok(listener)
    }

    /// Tells the other servers of this schema.
    pub(crate) async fn tell(&self, words: &str) -> Result<()> {
        let sql = format!("SELECT pg_notify({CHANNEL}, $1)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(words).execute(self).await?;
        Ok(())
    }

    /// Opens a transaction. A connection that ended while nobody used it is replaced.
    pub(crate) async fn begin(&self) -> Result<PgTx> {
        let mut slot = self.0.writing.clone().lock_owned().await;
        if let Some(mut connection) = slot.take()
            && let Ok(Ok(_)) = tokio::time::timeout(ANSWER, (&mut connection).execute("BEGIN")).await
        {
            return Ok(PgTx { connection, slot });
        }
        let mut connection = self.connect().await?;
        (&mut connection).execute("BEGIN").await?;
        Ok(PgTx { connection, slot })
    }

    /// Writes by one statement, which is a commit of its own: one exchange of messages.
    pub(crate) async fn write(
        &self,
        runs: usize,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> Result<(), Failed> {
        let mut slot = self.0.writing.clone().lock_owned().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(Failed::Surely)?,
        };
        let written = within_bound(runs, async { statement.execute(&mut connection).await });
        match written.await {
            Ok(_) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) if has_refused(&error) => {
                *slot = Some(connection);
                Err(Failed::Surely(error.into()))
            }
            Err(error) => Err(Failed::Perhaps(error.into())),
        }
    }

    async fn connect(&self) -> Result<PgConnection> {
        let name = format!("{} writes", self.0.name);
        let options = self.0.options.clone().options(BY_KEY).application_name(&name);
        let opened = tokio::time::timeout(CONNECT, options.connect()).await;
        let mut connection = opened.map_err(|_| too_late("connecting"))??;
        if self.0.exclusive.load(Ordering::SeqCst) {
            let locked = tokio::time::timeout(ANSWER, self.lock(&mut connection)).await;
            locked.map_err(|_| too_late("taking the lock"))??;
        } else if self.announces() {
            let ended = tokio::time::timeout(ANSWER, end_former(&mut connection, &name)).await;
            ended.map_err(|_| too_late("ending a session of ours that was cut off"))??;
        }
        Ok(connection)
    }

    /// Takes the lock. The server may still keep it for a session of ours that was cut off: that one is ended; and for a
    /// moment for one of a Rigi that was killed while it wrote.
    async fn lock(&self, connection: &mut PgConnection) -> Result<()> {
        let sql = format!("SELECT current_setting('{}')", BY_KEY[0].0);
        let setting: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        if setting != BY_KEY[0].1 {
            return Err(reach::behind_a_pool());
        }
        if self.try_lock(connection).await? {
            return Ok(());
        }
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid) \
                   WHERE application_name = $1 AND locktype = 'advisory' AND pid <> pg_backend_pid()";
        let name = format!("{} writes", self.0.name);
        let ended: Vec<bool> = sqlx::query_scalar(sql).bind(name).fetch_all(&mut *connection).await?;
        (&mut *connection).execute(HAND_OVER).await?;
        let sql = "SELECT pg_advisory_lock($1 # hashtext(current_schema()))";
        match sqlx::query(sql).bind(ADVISORY_KEY).execute(&mut *connection).await {
            Ok(_) => {}
            Err(error) if code_of(&error) != Some(LOCK_TIMEOUT) => return Err(error.into()),
            Err(_) if ended.is_empty() => {
                return Err(Error::InUse { what: "this PostgreSQL database".into(), holder: None });
            }
            Err(_) => return Err(too_late("giving our lock back").into()),
        }
        (&mut *connection).execute("RESET lock_timeout").await?;
        Ok(())
    }

    /// Takes the lock by this connection, if it is free.
    pub(crate) async fn try_lock(&self, connection: &mut PgConnection) -> Result<bool> {
        let sql = "SELECT pg_try_advisory_lock($1 # hashtext(current_schema()))";
        let asked = sqlx::query_scalar(sql).bind(ADVISORY_KEY).fetch_one(connection);
        Ok(tokio::time::timeout(ANSWER, asked).await.map_err(|_| too_late("asking for the lock"))??)
    }

    /// A connection for one that waits for the lock.
    pub(crate) async fn standing(&self) -> Result<PgConnection> {
        let options = self.0.options.clone().application_name(&format!("{} stands by", self.0.name));
        let opened = tokio::time::timeout(CONNECT, options.connect()).await;
        Ok(opened.map_err(|_| too_late("connecting"))??)
    }

    /// Waits until no other server is looking who leads; until the connection is dropped, none will.
    pub(crate) async fn turn(&self) -> Result<PgConnection> {
        let mut connection = self.standing().await?;
        (&mut connection).execute(TURN).await?;
        let sql = "SELECT pg_advisory_lock($1 # hashtext(current_schema()))";
        sqlx::query(sql).bind(ELECTION_KEY).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Which session holds the lock.
    pub(crate) async fn holder(&self) -> Result<Option<String>> {
        let sql =
            format!("SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE {HELD}");
        let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(ADVISORY_KEY);
        Ok(asked.fetch_optional(self).await?)
    }

    /// Whether the lock is this server's, or another's. `None`: it is nobody's now.
    pub(crate) async fn holds(&self) -> Result<Option<bool>> {
        let own = format!("{} writes", self.0.name);
        Ok(self.holder().await?.map(|holder| holder == own))
    }

    /// Ends the session that holds the lock.
    pub(crate) async fn depose(&self) -> Result<()> {
        let sql = format!("SELECT pg_terminate_backend(pid, 2000) FROM pg_locks WHERE {HELD}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ADVISORY_KEY).execute(self).await?;
        Ok(())
    }

    /// Gives the lock back, after what is being written.
    pub(crate) async fn let_go(&self) {
        if let Some(connection) = self.0.writing.lock().await.take() {
            // The database frees it with the connection in any case.
            let _ = connection.close().await;
        }
    }

    /// Connections without a bound, for what takes long.
    pub(crate) fn pool(&self) -> PgPool {
        self.reading().1
    }

    fn reading(&self) -> (u64, PgPool) {
        self.0.reading.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks within a bound. Connections without an answer may hang for as long as the network likes: then others
    /// take the place of all.
    async fn bounded<T>(
        &self,
        ask: impl AsyncFnOnce(&PgPool) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let (number, asked) = self.reading();
        if let Ok(answer) = tokio::time::timeout(ANSWER, ask(&asked)).await {
            return answer;
        }
        let mut reading = self.0.reading.write().unwrap_or_else(PoisonError::into_inner);
        if reading.0 == number {
            *reading = (number + 1, pool(&self.0.options));
        }
        Err(too_late("reading"))
    }

    pub(crate) async fn close(&self) {
        self.reading().1.close().await;
        self.let_go().await;
    }
}

/// Without the lock, nothing but their end keeps sessions of ours that were cut off from committing yet: what is not found after it is
/// not there.
async fn end_former(connection: &mut PgConnection, name: &str) -> Result<()> {
    let sql = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity \
               WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()";
    let ended: Vec<bool> = sqlx::query_scalar(sql).bind(name).fetch_all(&mut *connection).await?;
    if ended.contains(&false) {
        return Err(too_late("ending a session of ours that was cut off").into());
    }
    Ok(())
}

/// An open transaction. Dropped without [`Self::commit`], it takes its connection along, and the server ends it.
pub struct PgTx {
    connection: PgConnection,
    slot: OwnedMutexGuard<Option<PgConnection>>,
}

impl PgTx {
    pub(crate) async fn commit(self) -> Result<(), Failed> {
        let Self { mut connection, mut slot } = self;
        match within_bound(0, async { (&mut connection).execute("COMMIT").await }).await {
            Ok(_) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) if has_refused(&error) => Err(Failed::Surely(error.into())),
            Err(error) => Err(Failed::Perhaps(error.into())),
        }
    }
}

impl Deref for PgTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PgTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl<'c> Executor<'c> for &'c Server {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let rows = stream::once(self.fetch_all(query));
        rows.map_ok(|rows| stream::iter(rows.into_iter().map(|row| Ok(Either::Right(row)))))
            .try_flatten()
            .boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(self.bounded(async |pool: &PgPool| pool.acquire().await?.fetch_all(query).await))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(self.bounded(async |pool: &PgPool| pool.acquire().await?.fetch_optional(query).await))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(
            self.bounded(async move |pool: &PgPool| {
                pool.acquire().await?.prepare_with(sql, parameters).await
            }),
        )
    }
}
