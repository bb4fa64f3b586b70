//! The tables of a schema: what the migrations make of an empty database says it, so that a new table is in every backup
//! without anybody's care.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::db::Db;
use crate::{Error, Result};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Integer,
    Text,
    Blob,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    pub kind: ColumnKind,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Columns of the primary key: the order of its rows.
    pub key: Vec<String>,
}

impl Table {
    /// Its columns, quoted, between commas.
    pub(crate) fn column_list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
        names.join(", ")
    }

    /// What in it meets a condition, in the same order on either database: that of bytes.
    pub(crate) fn select(&self, db: &Db, condition: &str) -> String {
        let is_text =
            |name: &String| self.columns.iter().any(|c| c.name == *name && c.kind == ColumnKind::Text);
        let order = |name: &String| match db {
            Db::Postgres(_) if is_text(name) => format!("\"{name}\" COLLATE \"C\""),
            _ => format!("\"{name}\""),
        };
        let key: Vec<String> = self.key.iter().map(order).collect();
        let (columns, name) = (self.column_list(), &self.name);
        format!("SELECT {columns} FROM \"{name}\" WHERE {condition} ORDER BY {}", key.join(", "))
    }

    pub(crate) fn kinds(&self) -> Vec<ColumnKind> {
        self.columns.iter().map(|column| column.kind).collect()
    }
}

/// The tables of a schema version, by name.
pub(crate) async fn tables_of(schema: i64) -> Result<Vec<Table>> {
    let options = SqliteConnectOptions::new().in_memory(true);
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_with(options).await?;
    let db = Db::Sqlite { read: pool.clone(), write: pool.clone() };
    db.migrate(schema).await?;
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name <> 'schema_versions' ORDER BY name";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let sql = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
        let columns: Vec<(String, String, i64)> = sqlx::query_as(sql).bind(&name).fetch_all(&pool).await?;
        let mut key: Vec<(i64, String)> =
            columns.iter().filter(|c| c.2 > 0).map(|c| (c.2, c.0.clone())).collect();
        key.sort();
        let column = |(name, kind, _): (String, String, i64)| Ok(Column { kind: kind_of(&kind)?, name });
        let columns = columns.into_iter().map(column).collect::<Result<_>>()?;
        tables.push(Table { columns, key: key.into_iter().map(|(_, name)| name).collect(), name });
    }
    pool.close().await;
    Ok(tables)
}

fn kind_of(declared: &str) -> Result<ColumnKind> {
    match declared {
        "BIGINT" | "INTEGER" => Ok(ColumnKind::Integer),
        "TEXT" => Ok(ColumnKind::Text),
        "BLOB" => Ok(ColumnKind::Blob),
        other => Err(Error::Damaged {
            what: "the schema".into(),
            why: format!("a backup knows no columns of the type {other}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_schema_are_found_with_the_order_of_their_rows() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tables = runtime.block_on(tables_of(crate::migrate::newest())).unwrap();
        assert!(tables.iter().all(|table| !table.key.is_empty()), "rows need an order: {tables:?}");
        let attempts = tables.iter().find(|t| t.name == "attempts").unwrap();
        assert_eq!(attempts.key, ["run", "number"]);
        assert!(attempts.columns.contains(&Column { name: "log".into(), kind: ColumnKind::Blob }));
    }
}
