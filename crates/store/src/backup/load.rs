//! Rows of a backup into an empty database: all in one transaction, indexes and references made afterwards.

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};
use std::path::Path;

use super::chunks::read_chunk;
use super::manifest::{Manifest, TableRows};
use super::repository::Repository;
use super::rows::{Cell, parse};
use super::schema::{Table, tables_of};
use super::{Progress, Watch};
use crate::db::{Db, DbConfig};
use crate::{Error, Result};

/// Values of one statement at most: SQLite takes 32,766.
const MOST_VALUES: usize = 8000;
/// A row that refers to none: of the declared references, and of events, which declare none.
fn broken(tables: &[(Table, &TableRows)]) -> String {
    let has_subjects = |table: &Table| table.columns.iter().any(|column| column.name == "subject");
    let of_runs = match tables.iter().find(|(table, _)| table.name == "events") {
        Some((table, _)) if has_subjects(table) => "subject = 'run' AND subject_id",
        _ => "run",
    };
    format!(
        "SELECT \"table\", COALESCE(rowid, 0), parent FROM pragma_foreign_key_check \
         UNION ALL SELECT 'events', id, 'runs' FROM events WHERE {of_runs} NOT IN (SELECT id FROM runs) LIMIT 1"
    )
}

/// A loaded database that is not yet anybody's.
pub(super) enum Loaded {
    Sqlite(Db),
    Postgres(Db, Box<Transaction<'static, Postgres>>),
}

impl Loaded {
    /// Makes it durable, and brings its schema up to date.
    pub(super) async fn finish(self) -> Result<()> {
        let db = match self {
            Self::Sqlite(db) => db,
            Self::Postgres(db, transaction) => {
                transaction.commit().await?;
                db
            }
        };
        db.migrate(crate::migrate::newest()).await?;
        db.close().await;
        Ok(())
    }
}

/// The tables of a backup beside those of its schema.
async fn tables(manifest: &Manifest) -> Result<Vec<(Table, &TableRows)>> {
    let tables = tables_of(manifest.schema).await?;
    let rows_of = |table: Table| {
        let listed = manifest.tables.iter().find(|listed| listed.name == table.name);
        let fits = |listed: &&TableRows| table.columns.iter().map(|c| &c.name).eq(listed.columns.iter());
        let wrong = || Error::Damaged {
            what: format!("the snapshot {}", manifest.id),
            why: format!("its table {} is not that of schema {}", table.name, manifest.schema),
        };
        let listed = listed.filter(fits).ok_or_else(wrong)?;
        Ok((table, listed))
    };
    tables.into_iter().map(rows_of).collect()
}

/// Loads every row.
pub(super) async fn load(
    config: &DbConfig,
    repository: &Repository,
    manifest: &Manifest,
    watch: Watch<'_>,
) -> Result<Loaded> {
    let tables = tables(manifest).await?;
    match config {
        DbConfig::Sqlite(file) => {
            let db = open_new_sqlite(file).await?;
            db.migrate(manifest.schema).await?;
            load_sqlite(&db, repository, &tables, watch).await?;
            Ok(Loaded::Sqlite(db))
        }
        DbConfig::Postgres(_) => {
            let db = Db::open(config).await?;
            db.migrate(0).await?;
            db.migrate(manifest.schema).await?;
            let transaction = load_postgres(&db, repository, &tables, watch).await?;
            Ok(Loaded::Postgres(db, Box::new(transaction)))
        }
    }
}

/// Without a journal: until the restore is done, the file is nobody's.
async fn open_new_sqlite(file: &Path) -> Result<Db> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY");
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_with(options).await?;
    Ok(Db::Sqlite { read: pool.clone(), write: pool })
}

async fn load_sqlite(
    db: &Db,
    repository: &Repository,
    tables: &[(Table, &TableRows)],
    watch: Watch<'_>,
) -> Result<()> {
    let Db::Sqlite { write, .. } = db else { return Ok(()) };
    let mut tx = write.begin().await?;
    let sql =
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL";
    let extras: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
    for (kind, name, _) in &extras {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP {kind} \"{name}\""))).execute(&mut *tx).await?;
    }
    for (table, listed) in tables {
        let delete = AssertSqlSafe(format!("DELETE FROM \"{}\"", table.name));
        sqlx::query(delete).execute(&mut *tx).await?;
        let mut done = 0;
        for chunk in &listed.rows.chunks {
            let text = read_chunk(repository, chunk)?;
            insert(&mut tx, table, &text).await?;
            done += chunk.lines;
            tell(watch, table, done, listed);
        }
    }
    watch(Progress { step: "indexes", done: 0, total: None });
    for (_, _, sql) in extras {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    let broken: Option<(String, i64, String)> =
        sqlx::query_as(AssertSqlSafe(broken(tables))).fetch_optional(&mut *tx).await?;
    if let Some((table, row, parent)) = broken {
        let why = format!("row {row} of {table} refers to a row of {parent} that is not there");
        return Err(Error::Damaged { what: "the backup".into(), why });
    }
    tx.commit().await?;
    Ok(())
}

async fn insert(tx: &mut Transaction<'_, Sqlite>, table: &Table, text: &str) -> Result<()> {
    let kinds = table.kinds();
    let rows = (MOST_VALUES / kinds.len().max(1)).max(1);
    let full = insert_of(table, rows);
    let lines: Vec<&str> = text.lines().collect();
    for lines in lines.chunks(rows) {
        // Full batches share a prepared statement.
        let is_full = lines.len() == rows;
        let sql = if is_full { full.clone() } else { insert_of(table, lines.len()) };
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(is_full);
        for line in lines {
            for cell in parse(line, &kinds)? {
                query = match cell {
                    Cell::Null => query.bind(None::<i64>),
                    Cell::Integer(number) => query.bind(number),
                    Cell::Text(text) => query.bind(text.into_owned()),
                    Cell::Blob(bytes) => query.bind(bytes.into_owned()),
                };
            }
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

fn insert_of(table: &Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let head = format!("INSERT INTO \"{}\" ({}) VALUES ", table.name, table.column_list());
    head + &vec![row.as_str(); rows].join(", ")
}

/// Indexes that no constraint needs, and references: made anew after the rows, which is faster by far.
const POSTGRES_INDEXES: &str = "SELECT indexname::text, indexdef FROM pg_indexes \
    WHERE schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)";
const POSTGRES_REFERENCES: &str = "SELECT c.conname::text, r.relname::text, pg_get_constraintdef(c.oid) \
    FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid \
    WHERE c.contype = 'f' AND c.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

async fn load_postgres(
    db: &Db,
    repository: &Repository,
    tables: &[(Table, &TableRows)],
    watch: Watch<'_>,
) -> Result<Transaction<'static, Postgres>> {
    let Db::Postgres(server) = db else { return Err(Error::Closed) };
    let mut tx = server.pool().begin().await?;
    let indexes: Vec<(String, String)> = sqlx::query_as(POSTGRES_INDEXES).fetch_all(&mut *tx).await?;
    let references: Vec<(String, String, String)> =
        sqlx::query_as(POSTGRES_REFERENCES).fetch_all(&mut *tx).await?;
    let mut before: Vec<String> = references
        .iter()
        .map(|(name, table, _)| format!("ALTER TABLE \"{table}\" DROP CONSTRAINT \"{name}\""))
        .collect();
    before.extend(indexes.iter().map(|(name, _)| format!("DROP INDEX \"{name}\"")));
    for (table, _) in tables {
        before.push(format!("ALTER TABLE \"{}\" DISABLE TRIGGER USER", table.name));
        before.push(format!("DELETE FROM \"{}\"", table.name));
    }
    before.push("SET LOCAL maintenance_work_mem = '256MB'".to_owned());
    execute(&mut tx, before).await?;
    for (table, listed) in tables {
        let sql = format!("COPY \"{}\" ({}) FROM STDIN", table.name, table.column_list());
        let mut copy = tx.copy_in_raw(&sql).await?;
        let mut done = 0;
        for chunk in &listed.rows.chunks {
            match read_chunk(repository, chunk) {
                Ok(text) => copy.send(text.into_bytes()).await?,
                Err(error) => {
                    copy.abort("the backup cannot be read").await?;
                    return Err(error);
                }
            };
            done += chunk.lines;
            tell(watch, table, done, listed);
        }
        copy.finish().await?;
    }
    watch(Progress { step: "indexes", done: 0, total: None });
    let mut after: Vec<String> = indexes.into_iter().map(|(_, sql)| sql).collect();
    let reference = |(name, table, sql)| format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{name}\" {sql}");
    after.extend(references.into_iter().map(reference));
    after.extend(tables.iter().map(|(t, _)| format!("ALTER TABLE \"{}\" ENABLE TRIGGER USER", t.name)));
    execute(&mut tx, after).await?;
    Ok(tx)
}

async fn execute(tx: &mut Transaction<'_, Postgres>, statements: Vec<String>) -> Result<()> {
    for sql in statements {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **tx).await?;
    }
    Ok(())
}

fn tell(watch: &mut (dyn FnMut(Progress<'_>) + Send), table: &Table, done: u64, listed: &TableRows) {
    let step = format!("table {}", table.name);
    watch(Progress { step: &step, done, total: Some(listed.rows.lines) });
}
