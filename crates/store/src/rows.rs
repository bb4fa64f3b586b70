//! What every run makes the database write, as data: rows for a few statements.
//!
//! SQLite takes them one by one through a statement that stays prepared, PostgreSQL all at once as arrays; either way the
//! text of a statement does not depend on how many rows there are.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindKind {
    Int,
    Text,
    Bytes,
}

/// A value to be bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

/// A column: its name and type.
type Column = (&'static str, BindKind);

/// What is done with each row.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Insert,
    /// The first column is the key.
    Update,
    /// No column is set: the condition says which rows go, with a row's values as `v.column`.
    Delete,
}

/// A statement for rows of one shape.
#[derive(Debug)]
pub(crate) struct Statement {
    verb: Verb,
    table: &'static str,
    columns: &'static [Column],
    /// What follows: a conflict clause of an insertion, a further condition of an update, the condition of a removal.
    rest: &'static str,
    for_row: OnceLock<String>,
}

impl Statement {
    pub(crate) const fn insert(
        table: &'static str,
        columns: &'static [Column],
        on_conflict: &'static str,
    ) -> Self {
        Self { verb: Verb::Insert, table, columns, rest: on_conflict, for_row: OnceLock::new() }
    }

    /// Sets all columns but the first, in the row of which the first has the value, if `condition` holds.
    pub(crate) const fn update(
        table: &'static str,
        columns: &'static [Column],
        condition: &'static str,
    ) -> Self {
        Self { verb: Verb::Update, table, columns, rest: condition, for_row: OnceLock::new() }
    }

    /// Removes the rows that the condition finds; in it, `v.column` is the value of a column.
    pub(crate) const fn delete(
        table: &'static str,
        columns: &'static [Column],
        condition: &'static str,
    ) -> Self {
        Self { verb: Verb::Delete, table, columns, rest: condition, for_row: OnceLock::new() }
    }

    /// Whether it adds rows, and says nothing else of them.
    pub(crate) const fn is_addition(&self) -> bool {
        matches!(self.verb, Verb::Insert) && self.rest.is_empty()
    }

    /// The text for an addition of rows that come as a stream.
    pub(crate) fn for_stream(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.table, self.names())
    }

    /// Columns of a row.
    pub(crate) const fn width(&self) -> usize {
        self.columns.len()
    }

    /// The type of a column.
    pub(crate) const fn kind(&self, column: usize) -> BindKind {
        self.columns[column].1
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The text for one row.
    pub(crate) fn for_row(&self) -> &str {
        self.for_row.get_or_init(|| self.make_for_row())
    }

    fn make_for_row(&self) -> String {
        let Self { table, rest, .. } = self;
        let marks = |n: usize| format!("?{}", n + 1);
        match self.verb {
            Verb::Insert => {
                let values: Vec<_> = (0..self.width()).map(marks).collect();
                format!("INSERT INTO {table} ({}) VALUES ({}) {rest}", self.names(), values.join(", "))
            }
            Verb::Update => {
                let set = |(n, (name, _)): (usize, &Column)| format!("{name} = {}", marks(n));
                let sets: Vec<_> = self.columns.iter().enumerate().skip(1).map(set).collect();
                format!("UPDATE {table} SET {} WHERE {} = ?1 AND {rest}", sets.join(", "), self.columns[0].0)
            }
            Verb::Delete => {
                let number = |condition: String, (n, (name, _)): (usize, &Column)| {
                    condition.replace(&format!("v.{name}"), &marks(n))
                };
                let condition = self.columns.iter().enumerate().fold((*rest).to_owned(), number);
                format!("DELETE FROM {table} WHERE {condition}")
            }
        }
    }

    /// The text for any number of rows as one array a column; `first` is the number of the first placeholder.
    pub(crate) fn for_arrays(&self, first: usize) -> String {
        let Self { table, rest, .. } = self;
        let mut arrays = String::new();
        for (n, (_, kind)) in self.columns.iter().enumerate() {
            let of = match kind {
                BindKind::Int => "BIGINT",
                BindKind::Text => "TEXT",
                BindKind::Bytes => "BYTEA",
            };
            let comma = if n == 0 { "" } else { ", " };
            let _ = write!(arrays, "{comma}${}::{of}[]", first + n);
        }
        let names = self.names();
        match self.verb {
            Verb::Insert => format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({arrays}) {rest}"),
            Verb::Update => {
                let sets: Vec<_> =
                    self.columns.iter().skip(1).map(|(name, _)| format!("{name} = v.{name}")).collect();
                let key = self.columns[0].0;
                let sets = sets.join(", ");
                format!(
                    "UPDATE {table} SET {sets} FROM UNNEST({arrays}) AS v ({names}) \
                     WHERE {table}.{key} = v.{key} AND {table}.{rest}"
                )
            }
            Verb::Delete => format!("DELETE FROM {table} USING UNNEST({arrays}) AS v ({names}) WHERE {rest}"),
        }
    }
}

/// A statement with the values of its rows, one after the other.
pub(crate) type RowsOf<'a> = (&'static Statement, Vec<Value<'a>>);

/// Rows by statement, in the order in which the statements came.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    parts: Vec<RowsOf<'a>>,
}

impl<'a> Rows<'a> {
    /// Adds a row.
    pub(crate) fn add<const WIDTH: usize>(&mut self, statement: &'static Statement, row: [Value<'a>; WIDTH]) {
        debug_assert_eq!(WIDTH, statement.width(), "a row of {}", statement.table);
        match self.parts.iter_mut().find(|(known, _)| std::ptr::eq(*known, statement)) {
            Some((_, values)) => values.extend(row),
            None => self.parts.push((statement, row.into())),
        }
    }

    /// Adds a row of a statement that is known at run time alone.
    pub(crate) fn add_values(&mut self, statement: &'static Statement, row: Vec<Value<'a>>) {
        debug_assert_eq!(row.len(), statement.width(), "a row of {}", statement.table);
        match self.parts.iter_mut().find(|(known, _)| std::ptr::eq(*known, statement)) {
            Some((_, values)) => values.extend(row),
            None => self.parts.push((statement, row)),
        }
    }

    /// Adds what others hold.
    pub(crate) fn extend(&mut self, others: &'a Rows<'static>) {
        for (statement, values) in &others.parts {
            let values = values.iter().map(Value::borrowed);
            match self.parts.iter_mut().find(|(known, _)| std::ptr::eq(*known, *statement)) {
                Some((_, there)) => there.extend(values),
                None => self.parts.push((statement, values.collect())),
            }
        }
    }

    /// The same, borrowing nothing.
    pub(crate) fn into_owned(self) -> Rows<'static> {
        let owned = |(statement, values): RowsOf<'a>| {
            (statement, values.into_iter().map(Value::into_owned).collect())
        };
        Rows { parts: self.parts.into_iter().map(owned).collect() }
    }

    /// Each statement with its rows.
    pub(crate) fn parts(&self) -> &[RowsOf<'a>] {
        &self.parts
    }
}

impl Value<'_> {
    /// The same, held by another.
    fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Text(value) => Value::Text(value.as_deref().map(Cow::Borrowed)),
            Self::Bytes(value) => Value::Bytes(value.as_deref().map(Cow::Borrowed)),
        }
    }

    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Int(value) => Value::Int(value),
            Self::Text(value) => Value::Text(value.map(|text| Cow::Owned(text.into_owned()))),
            Self::Bytes(value) => Value::Bytes(value.map(|bytes| Cow::Owned(bytes.into_owned()))),
        }
    }

    pub(crate) const fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { *value } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(value) = self { value.as_deref() } else { None }
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(value) = self { value.as_deref() } else { None }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value.map(Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PUT: Statement =
        Statement::insert("t", &[("a", BindKind::Text), ("b", BindKind::Int)], "ON CONFLICT DO NOTHING");
    static DROP: Statement =
        Statement::delete("t", &[("a", BindKind::Text), ("b", BindKind::Int)], "t.a = v.a AND t.c < v.b");
    static SET: Statement =
        Statement::update("t", &[("a", BindKind::Text), ("b", BindKind::Int)], "c IS NULL");

    #[test]
    fn each_database_has_its_text() {
        assert_eq!(PUT.for_row(), "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
        let add = Statement::insert("t", &[("a", BindKind::Text), ("b", BindKind::Int)], "");
        assert_eq!([&add, &PUT, &SET].map(Statement::is_addition), [true, false, false]);
        assert_eq!(add.for_stream(), "COPY t (a, b) FROM STDIN (FORMAT binary)");
        assert_eq!(SET.for_row(), "UPDATE t SET b = ?2 WHERE a = ?1 AND c IS NULL");
        assert_eq!(
            PUT.for_arrays(1),
            "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::TEXT[], $2::BIGINT[]) ON CONFLICT DO NOTHING"
        );
        assert_eq!(DROP.for_row(), "DELETE FROM t WHERE t.a = ?1 AND t.c < ?2");
        assert_eq!(
            DROP.for_arrays(1),
            "DELETE FROM t USING UNNEST($1::TEXT[], $2::BIGINT[]) AS v (a, b) WHERE t.a = v.a AND t.c < v.b"
        );
        assert_eq!(
            SET.for_arrays(3),
            "UPDATE t SET b = v.b FROM UNNEST($3::TEXT[], $4::BIGINT[]) AS v (a, b) WHERE t.a = v.a AND t.c IS NULL"
        );
    }

    #[test]
    fn rows_stay_with_their_statement() {
        let mut rows = Rows::default();
        rows.add(&PUT, ["x".into(), 1.into()]);
        rows.add(&SET, ["y".into(), None::<i64>.into()]);
        rows.add(&PUT, ["z".to_owned().into(), 2.into()]);
        let sizes =
            |rows: &Rows| Vec::from_iter(rows.parts().iter().map(|(s, values)| values.len() / s.width()));
        assert_eq!(sizes(&rows), [2, 1]);
        let mut all = Rows::default();
        all.add(&SET, ["s".into(), 3.into()]);
        all.extend(&rows);
        assert_eq!(sizes(&all), [2, 2]);
        assert_eq!(all.parts()[0].1[2], "y".into());
    }
}
