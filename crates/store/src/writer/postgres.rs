//! Commits to PostgreSQL: one statement with everything in it, so that a commit costs one exchange of messages.

use std::fmt::Write as _;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use super::Failed;
use crate::postgres::{Server, within_bound};
use crate::rows::{Kind, Rows, Statement, Value};
use crate::work::Work;
use crate::{Error, Result};

/// Commits all of it or nothing.
pub(crate) async fn commit(server: &Server, work: &Work) -> Result<(), Failed> {
    let mut portions = work.portions().peekable();
    let Some(first) = portions.next() else { return Ok(()) };
    let runs = work.runs.len() + work.changes.len();
    if portions.peek().is_none() {
        return server.write(runs, query(&first)).await;
    }
    let written = within_bound(runs, async {
        let mut tx = server.begin().await?;
        query(&first).execute(&mut *tx).await?;
        for rows in portions {
            query(&rows).execute(&mut *tx).await?;
        }
        Ok::<_, Error>(tx)
    });
    // Without the word to commit, nothing of it was done.
    written.await.map_err(Failed::Surely)?.commit().await
}

/// `WITH p0 AS (…), p1 AS (…) …`: the parts do not see one another's rows, and need not; references between their rows
/// are checked at the end.
fn query<'q>(rows: &Rows<'_>) -> Query<'q, Postgres, PgArguments> {
    let mut text = String::with_capacity(4096);
    let mut first = 1;
    let last = rows.parts().len() - 1;
    for (n, (statement, _)) in rows.parts().iter().enumerate() {
        let part = statement.for_arrays(first);
        first += statement.width();
        let before = if n == 0 { "WITH " } else { ", " };
        let _ = if n < last { write!(text, "{before}p{n} AS ({part})") } else { write!(text, " {part}") };
    }
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (statement, values) in rows.parts() {
        for column in 0..statement.width() {
            query = bind(query, statement, values, column);
        }
    }
    query
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    statement: &Statement,
    values: &[Value<'_>],
    column: usize,
) -> Query<'q, Postgres, PgArguments> {
    let cells = values.iter().skip(column).step_by(statement.width());
    match statement.kind(column) {
        Kind::Int => query.bind(cells.map(Value::int).collect::<Vec<_>>()),
        Kind::Text => query.bind(cells.map(Value::text).collect::<Vec<_>>()),
        Kind::Bytes => query.bind(cells.map(Value::bytes).collect::<Vec<_>>()),
    }
}
