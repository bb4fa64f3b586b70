//! A database of another program: read, and never written. Every value comes as a text, whatever its type is there, from one snapshot.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::{Error, Result};

/// A server that does not let us in for so long is away.
const CONNECT: Duration = Duration::from_secs(10);
/// Another program may hold its file for so long.
const BUSY: Duration = Duration::from_secs(10);

/// An open database of another program.
#[derive(Debug)]
pub struct Foreign {
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// A row of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignRow(BTreeMap<String, String>);

impl ForeignRow {
    /// The value of a column; `None`: it is NULL, or there is no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// All columns that are not NULL, with their values.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(column, value)| (column.as_str(), value.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for ForeignRow {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(values: I) -> Self {
        Self(values.into_iter().map(|(column, value)| (column.to_owned(), value.to_owned())).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for ForeignRow {
    fn from(values: [(&str, &str); N]) -> Self {
        values.into_iter().collect()
    }
}

/// Where a URL leads, in the ways that Python's SQLAlchemy writes it: `sqlite:///relative`, `sqlite:////whole/path`,
/// `postgresql+driver://…`. What has no scheme is a file.
fn place(url: &str) -> std::result::Result<Place, String> {
    let Some((scheme, rest)) = url.split_once(':') else { return Ok(Place::File(url.to_owned())) };
    match scheme.split('+').next().unwrap_or_default() {
        "sqlite" => {
            let file = rest.strip_prefix("///").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
            let file = file.split('?').next().unwrap_or_default();
            if file.is_empty() || file == ":memory:" {
                return Err("it names no file".to_owned());
            }
            Ok(Place::File(file.to_owned()))
        }
        "postgres" | "postgresql" => Ok(Place::Server(format!("postgres:{rest}"))),
        other if rest.starts_with("//") => {
            Err(format!("`{other}` is no database that can be read here: SQLite and PostgreSQL are"))
        }
        _ => Ok(Place::File(url.to_owned())),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(String),
    Server(String),
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn cannot(what: String) -> Error {
    Error::Database { what, cure: "name a database that is there, and may be read" }
}

impl Foreign {
    /// Opens it. A file is never made, and nothing of it is changed.
    ///
    /// # Errors
    /// If there is none, it does not answer, or it is no database.
    pub async fn open(url: &str) -> Result<Self> {
        let connection = match place(url).map_err(cannot)? {
            Place::File(file) => Connection::Sqlite(Box::new(open_file(Path::new(&file)).await?)),
            Place::Server(url) => Connection::Postgres(Box::new(open_server(&url).await?)),
        };
        Ok(Self { connection })
    }

    /// The columns of a table, in their order; none: there is no such table.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn columns(&mut self, table: &str) -> Result<Vec<String>> {
        Ok(match &mut self.connection {
            Connection::Sqlite(connection) => {
                let sql = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
                sqlx::query_scalar(sql).bind(table).fetch_all(&mut **connection).await?
            }
            Connection::Postgres(connection) => {
                let sql = "SELECT column_name::text FROM information_schema.columns \
                           WHERE table_name = $1 AND table_schema = ANY (current_schemas(false)) ORDER BY ordinal_position";
                sqlx::query_scalar(sql).bind(table).fetch_all(&mut **connection).await?
            }
        })
    }

    /// The rows of a table that is there, with these columns of it, in the order of the first.
    pub fn rows<'a>(&'a mut self, table: &str, columns: &[String]) -> BoxStream<'a, Result<ForeignRow>> {
        let order = columns.first().map_or_else(String::new, |first| format!(" ORDER BY {}", quoted(first)));
        self.select(table, columns, &order)
    }

    /// Those of them whose column of UUIDs is this one, without a walk through all.
    pub fn rows_of<'a>(
        &'a mut self,
        table: &str,
        columns: &[String],
        column: &str,
        uuid: u128,
    ) -> BoxStream<'a, Result<ForeignRow>> {
        // SQLite has them as 32 digits of hex; PostgreSQL reads these as well.
        let cast = if matches!(self.connection, Connection::Postgres(_)) { "::uuid" } else { "" };
        let condition = format!(" WHERE {} = '{uuid:032x}'{cast}", quoted(column));
        self.select(table, columns, &condition)
    }

    fn select<'a>(
        &'a mut self,
        table: &str,
        columns: &[String],
        rest: &str,
    ) -> BoxStream<'a, Result<ForeignRow>> {
        let names: Vec<String> = columns.to_vec();
        let texts: Vec<String> =
            columns.iter().map(|column| format!("CAST({} AS TEXT)", quoted(column))).collect();
        let sql = AssertSqlSafe(format!("SELECT {} FROM {}{rest}", texts.join(", "), quoted(table)));
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let rows = sqlx::query(sql).fetch(&mut **connection);
                rows.map(move |row| Ok(of_sqlite(&row?, &names)?)).boxed()
            }
            Connection::Postgres(connection) => {
                let rows = sqlx::query(sql).fetch(&mut **connection);
                rows.map(move |row| Ok(of_postgres(&row?, &names)?)).boxed()
            }
        }
    }

    /// Lets go of it.
    pub async fn close(self) {
        // What was only read is left as it is, whatever becomes of this.
        let _ = match self.connection {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        };
    }
}

async fn open_file(file: &Path) -> Result<SqliteConnection> {
    let shown = file.display();
    if !file.is_file() {
        return Err(cannot(format!("there is no file {shown}")));
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(BUSY);
    let failed = |error: sqlx::Error| cannot(format!("{shown} cannot be read: {error}"));
    let mut connection = options.connect().await.map_err(failed)?;
    // From here on it is read as it is now.
    sqlx::query("BEGIN").execute(&mut connection).await.map_err(failed)?;
    let read = sqlx::query("SELECT COUNT(*) FROM sqlite_master").execute(&mut connection).await;
    read.map_err(failed)?;
    Ok(connection)
}

async fn open_server(url: &str) -> Result<PgConnection> {
    let failed = |error: sqlx::Error| cannot(format!("PostgreSQL does not let us in: {error}"));
    let options = PgConnectOptions::from_str(url).map_err(failed)?.application_name("rigi import");
    let mut connection = match tokio::time::timeout(CONNECT, options.connect()).await {
        Ok(connected) => connected.map_err(failed)?,
        Err(_) => return Err(cannot(format!("PostgreSQL does not answer within {} s", CONNECT.as_secs()))),
    };
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut connection).await?;
    Ok(connection)
}

/// A text of SQLite need not be one: what is none is shown as far as it is.
fn of_sqlite(row: &SqliteRow, names: &[String]) -> sqlx::Result<ForeignRow> {
    let mut values = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(bytes) = row.try_get_unchecked::<Option<Vec<u8>>, _>(at)? {
            values.insert(name.clone(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(ForeignRow(values))
}

fn of_postgres(row: &PgRow, names: &[String]) -> sqlx::Result<ForeignRow> {
    let mut values = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(text) = row.try_get::<Option<String>, _>(at)? {
            values.insert(name.clone(), text);
        }
    }
    Ok(ForeignRow(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_python_writes_them() {
        let file = |url: &str| match place(url) {
            Ok(Place::File(file)) => file,
            other => panic!("{url}: {other:?}"),
        };
        assert_eq!(file("sqlite:////data/ff.db"), "/data/ff.db");
        assert_eq!(file("sqlite:///data/ff.db"), "data/ff.db");
        assert_eq!(file("sqlite:ff.db?mode=ro"), "ff.db");
        assert_eq!(file("./data/ff.db"), "./data/ff.db");
        assert_eq!(file("/odd:name.db"), "/odd:name.db");
        let server = Ok(Place::Server("postgres://u:p@h/d".into()));
        assert_eq!(place("postgresql+psycopg2://u:p@h/d"), server);
        assert_eq!(place("postgres://u:p@h/d"), server);
        assert!(
            place("mysql://h/d").is_err()
                && place("sqlite://").is_err()
                && place("sqlite:///:memory:").is_err()
        );
    }

    #[tokio::test]
    async fn a_file_is_read_as_it_is_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("theirs.db");
        let there = rusqlite::Connection::open(&file).unwrap();
        there
            .execute_batch(
                "CREATE TABLE \"a \"\"b\" (id INTEGER, t TEXT, n REAL, x BLOB); \
                 INSERT INTO \"a \"\"b\" VALUES (2, 'two', 1.5, NULL), (1, CAST(x'ff41' AS TEXT), NULL, x'42');",
            )
            .unwrap();
        drop(there);
        let before = std::fs::read(&file).unwrap();
        let mut foreign = Foreign::open(&format!("sqlite:///{}", file.display())).await.unwrap();
        assert!(foreign.columns("none").await.unwrap().is_empty());
        let columns = foreign.columns("a \"b").await.unwrap();
        assert_eq!(columns, ["id", "t", "n", "x"]);
        let rows: Vec<ForeignRow> =
            foreign.rows("a \"b", &columns).map(|row| row.unwrap()).collect::<Vec<_>>().await;
        assert_eq!(rows[0].get("t"), Some("\u{fffd}A"));
        assert_eq!(rows[0].get("x"), Some("B"));
        assert_eq!(rows[1], ForeignRow::from([("id", "2"), ("t", "two"), ("n", "1.5")]));
        foreign.close().await;
        assert_eq!(std::fs::read(&file).unwrap(), before);

        std::fs::write(
            &file,
            "no database, and long enough to look like one to somebody who does not look twice",
        )
        .unwrap();
        for wrong in [file.as_path(), &folder.path().join("missing.db"), folder.path()] {
            let error = Foreign::open(&wrong.display().to_string()).await.unwrap_err();
            assert!(matches!(error, Error::Database { .. }), "{error}");
        }
    }
}
