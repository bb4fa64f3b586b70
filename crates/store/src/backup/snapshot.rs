//! Everything in the database at one instant: one read transaction, whatever is written meanwhile.

use std::borrow::Cow;

use futures_util::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Postgres, Row, Sqlite};

use super::rows::{Cell, push_cell};
use super::schema::{Column, Kind, Table};
use crate::db::{Db, DbConfig};
use crate::{Error, Result};

/// Takes the next line, with its newline.
pub(crate) type EachLine<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// An open read transaction.
pub(crate) struct Snapshot {
    db: Db,
    connection: Connection,
}

enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Snapshot {
    /// From now on, what others write is not seen.
    pub(crate) async fn begin(config: &DbConfig) -> Result<Self> {
        if let DbConfig::Sqlite(file) = config
            && !file.is_file()
        {
            return Err(Error::NotFound { what: "database", id: file.display().to_string() });
        }
        let db = Db::open(config).await?;
        let connection = match &db {
            Db::Sqlite { read, .. } => {
                let mut connection = read.acquire().await?;
                sqlx::query("BEGIN").execute(&mut *connection).await?;
                Connection::Sqlite(connection)
            }
            Db::Postgres(server) => {
                let mut connection = server.pool().acquire().await?;
                let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                sqlx::query(sql).execute(&mut *connection).await?;
                Connection::Postgres(connection)
            }
        };
        Ok(Self { db, connection })
    }

    /// `sqlite` or `postgres`.
    pub(crate) const fn database(&self) -> &'static str {
        self.db.name()
    }

    /// Its schema. The first read: the instant of the snapshot.
    pub(crate) async fn schema(&mut self) -> Result<i64> {
        let schema = self.number("SELECT COALESCE(MAX(number), 0) FROM schema_versions").await?;
        let known = crate::migrate::newest();
        if schema > known { Err(Error::Newer { found: schema, known }) } else { Ok(schema) }
    }

    /// One number.
    pub(crate) async fn number(&mut self, sql: &'static str) -> Result<i64> {
        Ok(match &mut self.connection {
            Connection::Sqlite(c) => sqlx::query_scalar(sql).fetch_one(&mut **c).await?,
            Connection::Postgres(c) => sqlx::query_scalar(sql).fetch_one(&mut **c).await?,
        })
    }

    /// One column of texts.
    pub(crate) async fn texts(&mut self, sql: &'static str) -> Result<Vec<String>> {
        Ok(match &mut self.connection {
            Connection::Sqlite(c) => sqlx::query_scalar(sql).fetch_all(&mut **c).await?,
            Connection::Postgres(c) => sqlx::query_scalar(sql).fetch_all(&mut **c).await?,
        })
    }

    /// What the database finds wrong with itself. PostgreSQL compares pages with their checksums when they are read, if
    /// it was set up to.
    pub(crate) async fn own_check(&mut self) -> Result<Vec<String>> {
        let Connection::Sqlite(_) = &self.connection else { return Ok(Vec::new()) };
        let mut found = self.texts("PRAGMA integrity_check").await?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    /// Every row of a table as a line.
    pub(crate) async fn rows(&mut self, table: &Table, each: EachLine<'_>) -> Result<()> {
        match &mut self.connection {
            Connection::Sqlite(c) => {
                let sql = AssertSqlSafe(table.select(&self.db));
                let mut rows = sqlx::query(sql).fetch(&mut **c);
                let mut line = Vec::new();
                while let Some(row) = rows.try_next().await? {
                    line.clear();
                    write_row(&mut line, &row, &table.columns)?;
                    each(&line)?;
                }
            }
            Connection::Postgres(c) => {
                let sql = format!("COPY ({}) TO STDOUT", table.select(&self.db));
                let mut data = c.copy_out_raw(&sql).await?;
                let mut rest = Vec::new();
                while let Some(piece) = data.try_next().await? {
                    rest.extend_from_slice(&piece);
                    let mut start = 0;
                    while let Some(end) = rest[start..].iter().position(|b| *b == b'\n') {
                        each(&rest[start..=start + end])?;
                        start += end + 1;
                    }
                    rest.drain(..start);
                }
            }
        }
        Ok(())
    }

    /// Ends the transaction.
    pub(crate) async fn end(self) {
        // It read only: there is nothing that an end could lose.
        match self.connection {
            Connection::Sqlite(mut c) => drop(sqlx::query("ROLLBACK").execute(&mut *c).await),
            Connection::Postgres(mut c) => drop(sqlx::query("ROLLBACK").execute(&mut *c).await),
        }
        self.db.close().await;
    }
}

fn write_row(line: &mut Vec<u8>, row: &SqliteRow, columns: &[Column]) -> Result<()> {
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            line.push(b'\t');
        }
        let cell = match column.kind {
            Kind::Integer => row.try_get::<Option<i64>, _>(n)?.map(Cell::Integer),
            Kind::Text => row.try_get::<Option<&str>, _>(n)?.map(|text| Cell::Text(Cow::Borrowed(text))),
            Kind::Blob => row.try_get::<Option<Vec<u8>>, _>(n)?.map(Cell::Blob),
        };
        push_cell(line, &cell.unwrap_or(Cell::Null));
    }
    line.push(b'\n');
    Ok(())
}
