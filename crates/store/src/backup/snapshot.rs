//! Everything in the database at one instant: one read transaction, whatever is written meanwhile.
//!
//! SQLite is read in place: `sqlx` hands every row from thread to thread, which takes longer than reading it.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use rigi_model::ProjectName;
use rusqlite::OpenFlags;
use rusqlite::types::ValueRef;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres};

use super::rows::{Cell, push_cell};
use super::schema::{Column, ColumnKind, Table};
use crate::db::{Db, DbConfig, parsed};
use crate::{Error, Result};

/// Takes the next line, with its newline.
pub(crate) type EachLine<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<()> + Send);

/// An open read transaction.
pub(crate) struct Snapshot {
    db: Db,
    connection: Connection,
}

enum Connection {
    Sqlite(rusqlite::Connection),
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
        let connection = match (&db, config) {
            (_, DbConfig::Sqlite(file)) => Connection::Sqlite(begin_sqlite(file)?),
            (Db::Sqlite { .. }, DbConfig::Postgres(_)) => return Err(Error::Closed),
            (Db::Postgres(server), DbConfig::Postgres(_)) => {
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
            Connection::Sqlite(c) => c.query_row(sql, [], |row| row.get(0))?,
            Connection::Postgres(c) => sqlx::query_scalar(sql).fetch_one(&mut **c).await?,
        })
    }

    /// How many rows of a table meet a condition, which holds nothing that came from outside.
    pub(crate) async fn count(&mut self, table: &str, condition: &str) -> Result<u64> {
        let sql = format!("SELECT COUNT(*) FROM \"{table}\" WHERE {condition}");
        let count: i64 = match &mut self.connection {
            Connection::Sqlite(c) => c.query_row(&sql, [], |row| row.get(0))?,
            Connection::Postgres(c) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut **c).await?,
        };
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// One column of texts.
    pub(crate) async fn texts(&mut self, sql: &'static str) -> Result<Vec<String>> {
        Ok(match &mut self.connection {
            Connection::Sqlite(c) => {
                c.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
            }
            Connection::Postgres(c) => sqlx::query_scalar(sql).fetch_all(&mut **c).await?,
        })
    }

    /// All projects, in the order of bytes, which is that of paths.
    pub(crate) async fn projects(&mut self) -> Result<Vec<ProjectName>> {
        let names = self.texts("SELECT id FROM projects").await?;
        let mut projects = names
            .iter()
            .map(|name| parsed("the name of a project", name))
            .collect::<Result<Vec<ProjectName>>>()?;
        projects.sort();
        Ok(projects)
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
        self.rows_where(table, "TRUE", each).await
    }

    /// The rows of a table that meet a condition, which holds nothing that came from outside.
    pub(crate) async fn rows_where(
        &mut self,
        table: &Table,
        condition: &str,
        each: EachLine<'_>,
    ) -> Result<()> {
        let sql = table.select(&self.db, condition);
        match &mut self.connection {
            Connection::Sqlite(c) => {
                let mut statement = c.prepare(&sql)?;
                let mut rows = statement.query([])?;
                let mut line = Vec::new();
                while let Some(row) = rows.next()? {
                    line.clear();
                    write_row(&mut line, row, table)?;
                    each(&line)?;
                }
            }
            Connection::Postgres(c) => {
                let sql = format!("COPY ({sql}) TO STDOUT");
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
            Connection::Sqlite(c) => drop(c.close()),
            Connection::Postgres(mut c) => drop(sqlx::query("ROLLBACK").execute(&mut *c).await),
        }
        self.db.close().await;
    }
}

fn begin_sqlite(file: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

fn write_row(line: &mut Vec<u8>, row: &rusqlite::Row<'_>, table: &Table) -> Result<()> {
    for (n, column) in table.columns.iter().enumerate() {
        if n > 0 {
            line.push(b'\t');
        }
        push_cell(line, &cell(row.get_ref(n)?, column, table)?);
    }
    line.push(b'\n');
    Ok(())
}

fn cell<'a>(value: ValueRef<'a>, column: &Column, table: &Table) -> Result<Cell<'a>> {
    let damaged = |why: String| {
        let what = format!("the column `{}` of the table `{}`", column.name, table.name);
        Err(Error::Damaged { what, why })
    };
    Ok(match (column.kind, value) {
        (_, ValueRef::Null) => Cell::Null,
        (ColumnKind::Integer, ValueRef::Integer(number)) => Cell::Integer(number),
        (ColumnKind::Text, ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(Cow::Borrowed(text)),
            Err(error) => return damaged(error.to_string()),
        },
        (ColumnKind::Blob, ValueRef::Blob(bytes)) => Cell::Blob(Cow::Borrowed(bytes)),
        (_, other) => return damaged(format!("it holds a value of the type {}", other.data_type())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_none_of_its_column_is_named() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let table = Table {
            name: "t".into(),
            columns: vec![
                column("n", ColumnKind::Integer),
                column("s", ColumnKind::Text),
                column("b", ColumnKind::Blob),
            ],
            key: vec!["n".into()],
        };
        let line = |values: &str| {
            let mut line = Vec::new();
            let read = |row: &rusqlite::Row<'_>| Ok(write_row(&mut line, row, &table));
            let written = db.query_row(&format!("SELECT {values}"), [], read).unwrap();
            written.map(|()| String::from_utf8(line).unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(line("-7, 'a', x'00ff'").unwrap(), "-7\ta\t\\\\x00ff\n");
        assert_eq!(line("NULL, NULL, NULL").unwrap(), "\\N\t\\N\t\\N\n");
        assert!(line("'x', 'a', x'00'").unwrap_err().contains("the column `n` of the table `t`"));
        assert!(line("1, CAST(x'ff' AS TEXT), x'00'").unwrap_err().contains("the column `s`"));
    }
}
