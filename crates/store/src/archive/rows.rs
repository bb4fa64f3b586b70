//! Which rows go into an archive, and how one is written there: a JSON object of its columns, read off the schema.
//! Its project is left out, and is another where it comes in. Bytes are base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_model::{ContentHash, ProjectName};
use serde_json::{Map, Value as Json};
use tokio::sync::OnceCell;

use super::{Refusable, wrong};
use crate::backup::rows::Cell;
use crate::backup::schema::{Column, ColumnKind, Table, tables_of};
use crate::db::from_json;
use crate::rows::{BindKind, Statement, Value};
use crate::tables::versions::VersionFile;
use crate::{Result, seal};

/// Runs that have ended, and steps of flows that have.
const RUNS: &str = "project = '{p}' AND ended_at IS NOT NULL AND (parent IS NULL OR parent IN \
                    (SELECT id FROM runs WHERE project = '{p}' AND ended_at IS NOT NULL))";
const OWN: &str = "project = '{p}'";
/// Tables, in an order in which each row comes after what it refers to.
const TABLES: [(&str, Option<&str>); 10] = [
    ("versions", Some(OWN)),
    ("runs", Some(RUNS)),
    ("attempts", None),
    ("artifacts", None),
    ("run_inputs", None),
    ("labels", None),
    ("flow_steps", None),
    ("approvals", None),
    ("step_cache", None),
    ("uploads", Some(OWN)),
];
/// Columns whose objects may hold values that are sealed with the server's key.
const SEALED_IN: [&str; 2] = ["parameters", "env"];

pub(super) type Row = Map<String, Json>;

/// A table that is moved.
pub(super) struct Moved {
    pub table: Table,
    pub name: &'static str,
    scope: Option<&'static str>,
    pub insert: &'static Statement,
}

static MOVED: OnceCell<Vec<Moved>> = OnceCell::const_new();

/// All of them, in their order.
pub(super) async fn moved() -> Result<&'static [Moved]> {
    let make = || async {
        let mut tables = tables_of(crate::migrate::newest()).await?;
        let take = |(name, scope): (&'static str, Option<&'static str>)| {
            let at = tables.iter().position(|table| table.name == name).ok_or(crate::Error::Closed)?;
            let table = tables.swap_remove(at);
            Ok(Moved { insert: statement(name, &table), name, scope, table })
        };
        TABLES.into_iter().map(take).collect::<Result<Vec<_>>>()
    };
    Ok(MOVED.get_or_try_init(make).await?)
}

/// Statements are for ever, and these are made once.
fn statement(name: &'static str, table: &Table) -> &'static Statement {
    let column = |column: &Column| {
        let kind = match column.kind {
            ColumnKind::Integer => BindKind::Int,
            ColumnKind::Text => BindKind::Text,
            ColumnKind::Blob => BindKind::Bytes,
        };
        (&*Box::leak(column.name.clone().into_boxed_str()), kind)
    };
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    Box::leak(Box::new(Statement::insert(name, Box::leak(columns.into_boxed_slice()), "")))
}

impl Moved {
    /// Which of its rows go. The id of a project holds no quote.
    pub(super) fn condition(&self, project: &ProjectName) -> String {
        let of = |text: &str| text.replace("{p}", project.as_str());
        self.scope.map_or_else(|| format!("run IN (SELECT id FROM runs WHERE {})", of(RUNS)), of)
    }

    /// A row for the archive, without what is sealed.
    pub(super) fn shown(&self, cells: Vec<Cell<'_>>) -> Row {
        let columns = self.table.columns.iter().zip(cells).filter(|(column, _)| column.name != "project");
        let shown = columns.map(|(column, cell)| {
            let value = match cell {
                Cell::Null => Json::Null,
                Cell::Integer(number) => number.into(),
                Cell::Blob(bytes) => STANDARD.encode(bytes).into(),
                Cell::Text(text) if SEALED_IN.contains(&&*column.name) => without_sealed(text).into(),
                Cell::Text(text) => text.into_owned().into(),
            };
            (column.name.clone(), value)
        });
        shown.collect()
    }

    /// The values of a row of the archive, for a project.
    pub(super) fn values(&self, mut row: Row, project: &ProjectName) -> Refusable<Vec<Value<'static>>> {
        let mut values = Vec::with_capacity(self.table.columns.len());
        for Column { name, kind } in &self.table.columns {
            if name == "project" {
                values.push(project.to_string().into());
                continue;
            }
            let no = || wrong(format!("a row of `{}` has no fitting value of `{name}`", self.name));
            let value = row.remove(name).unwrap_or(Json::Null);
            values.push(match (kind, value) {
                (ColumnKind::Integer, Json::Null) => Value::Int(None),
                (ColumnKind::Text, Json::Null) => Value::Text(None),
                (ColumnKind::Blob, Json::Null) => Value::Bytes(None),
                (ColumnKind::Integer, Json::Number(number)) => {
                    Value::Int(Some(number.as_i64().ok_or_else(no)?))
                }
                (ColumnKind::Text, Json::String(text)) if !text.contains('\0') => {
                    Value::Text(Some(text.into()))
                }
                (ColumnKind::Blob, Json::String(text)) => {
                    Value::Bytes(Some(Cow::Owned(STANDARD.decode(text).map_err(|_| no())?)))
                }
                _ => return Err(no()),
            });
        }
        match row.keys().next() {
            Some(column) => Err(wrong(format!(
                "a row of `{}` has a column `{column}`, which this version does not know",
                self.name
            ))),
            None => Ok(values),
        }
    }
}

/// An object without the members that are sealed: elsewhere nobody could open them.
fn without_sealed(text: Cow<'_, str>) -> String {
    if !text.contains(seal::PREFIX) {
        return text.into_owned();
    }
    let Ok(Json::Object(mut object)) = serde_json::from_str::<Json>(&text) else { return "{}".to_owned() };
    object.retain(|_, value| !value.to_string().contains(seal::PREFIX));
    Json::Object(object).to_string()
}

/// Whether a row claims to hold something that this server has sealed.
pub(super) fn has_sealed(row: &Row) -> bool {
    SEALED_IN.iter().any(|column| text(row, column).is_some_and(|text| text.contains(seal::PREFIX)))
}

pub(super) fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column).and_then(Json::as_str)
}

/// What of the stored files a row refers to: columns of hashes are called `sha256`, and lists of files `files`.
pub(super) fn content_of(row: &Row) -> Result<Vec<ContentHash>> {
    if let Some(hash) = text(row, "sha256") {
        return Ok(vec![crate::db::parsed("a hash", hash)?]);
    }
    let Some(files) = text(row, "files") else { return Ok(Vec::new()) };
    let files: Vec<VersionFile> = from_json("a list of files", files)?;
    Ok(files.into_iter().map(|file| file.sha256).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_table_of_runs_is_moved_but_what_triggers_did_and_a_row_comes_back() {
        let moved = moved().await.unwrap();
        let of_runs = tables_of(crate::migrate::newest()).await.unwrap();
        let of_runs =
            of_runs.into_iter().filter(|table| table.columns.iter().any(|column| column.name == "run"));
        for table in of_runs {
            let is_moved = moved.iter().any(|moved| moved.name == table.name);
            assert!(
                is_moved
                    || [
                        "backfill_times",
                        "cursors",
                        "deliveries",
                        "fires",
                        "follow_ups",
                        "notices",
                        "trigger_arrivals",
                        "trigger_events",
                    ]
                    .contains(&&*table.name),
                "{} is not moved",
                table.name
            );
        }
        let labels = moved.iter().find(|moved| moved.name == "labels").unwrap();
        let text = |text: &'static str| Cell::Text(text.into());
        let cells = labels.table.columns.iter().map(|column| match &*column.name {
            "project" => text("there"),
            "key" => text("team"),
            _ => text("x"),
        });
        let row = labels.shown(cells.collect());
        assert!(!row.contains_key("project"));
        let values = labels.values(row.clone(), &ProjectName::unchecked("here")).unwrap();
        assert!(values.contains(&"here".into()) && values.contains(&"team".into()));
        for (column, value) in [("key", 7.into()), ("value", "a\0b".into()), ("more", "x".into())] {
            let mut row = row.clone();
            row.insert(column.into(), value);
            assert!(labels.values(row, &ProjectName::default()).is_err(), "{column}");
        }
    }

    #[test]
    fn what_is_sealed_does_not_leave() {
        let text = r#"{"a": "sealed1:abc", "b": "plain"}"#;
        assert_eq!(without_sealed(text.into()), r#"{"b":"plain"}"#);
        assert_eq!(without_sealed("{}".into()), "{}");
    }
}
