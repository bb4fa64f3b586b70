//! Commits to PostgreSQL: one statement with everything in it, so that a commit costs one exchange of messages. A large
//! commit is a transaction, and hands new rows over as streams: that costs PostgreSQL two thirds of what arrays do.

use std::fmt::Write as _;
use std::num::TryFromIntError;

use futures_util::future::join;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use crate::error::Failed;
use crate::postgres::{CHANNEL, Server, within_bound};
use crate::rows::{BindKind, Rows, RowsOf, Statement, Value};
use crate::words::Words;
use crate::work::Work;
use crate::{Error, Result};

/// Bytes of new rows that are handed over together. The driver leaves small packets to wait for one another, up to 40 ms at the
/// end of each stream: with a few large ones, the server is at work for longer than that anyway.
const STREAMED: usize = 8 * 1024 * 1024;

/// Commits all of it or nothing.
pub(crate) async fn commit(server: &Server, work: &Work) -> Result<(), Failed> {
    let mut portions = work.portions().peekable();
    let Some(first) = portions.next() else { return Ok(()) };
    let runs = work.size();
    let notice = server.announces().then(|| said(server, work));
    if portions.peek().is_none() {
        return server.write(runs, query(&first.parts().iter().collect::<Vec<_>>(), notice.as_deref())).await;
    }
    let mut portions = std::iter::once(first).chain(portions);
    let written = within_bound(runs, async {
        let mut tx = server.begin().await?;
        let mut next = Load::gather(&mut portions)?;
        while let Some(load) = next {
            // What comes next is made ready while the server is at work.
            let (written, gathered) = join(load.write(&mut tx), async { Load::gather(&mut portions) }).await;
            written?;
            next = gathered?;
        }
        if let Some(notice) = &notice {
            query(&[], Some(notice)).execute(&mut *tx).await?;
        }
        Ok::<_, Error>(tx)
    });
    // Without the word to commit, nothing of it was done.
    written.await.map_err(Failed::Surely)?.commit().await
}

/// A part of a large commit: new rows, and a portion with what is to follow them.
struct Load<'a> {
    new: NewRows,
    last: Option<Rows<'a>>,
}

impl<'a> Load<'a> {
    /// Takes portions until they are enough; `None`: there are no more.
    fn gather(portions: &mut impl Iterator<Item = Rows<'a>>) -> sqlx::Result<Option<Self>> {
        let mut load = Self { new: NewRows::default(), last: None };
        for rows in portions {
            for part in rows.parts().iter().filter(|part| part.0.is_addition()) {
                load.new.add(part)?;
            }
            if rows.parts().iter().any(|part| !part.0.is_addition()) {
                load.last = Some(rows);
                break;
            }
            if load.new.bytes() >= STREAMED {
                break;
            }
        }
        Ok((load.last.is_some() || load.new.bytes() > 0).then_some(load))
    }

    async fn write(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        self.new.send(connection).await?;
        if let Some(rows) = &self.last {
            let others: Vec<_> = rows.parts().iter().filter(|part| !part.0.is_addition()).collect();
            query(&others, None).execute(connection).await?;
        }
        Ok(())
    }
}

/// New rows on their way into a stream, by statement in the order in which the statements came.
#[derive(Default)]
struct NewRows {
    parts: Vec<(&'static Statement, Vec<u8>)>,
}

impl NewRows {
    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Adds rows as PostgreSQL reads them from a stream:
    /// <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
    fn add(&mut self, (statement, values): &RowsOf<'_>) -> sqlx::Result<()> {
        let too_large = |error: TryFromIntError| sqlx::Error::Encode(error.into());
        let columns = i16::try_from(statement.width()).map_err(too_large)?;
        let at = self.parts.iter().position(|(known, _)| std::ptr::eq(*known, *statement));
        let at = at.unwrap_or_else(|| {
            self.parts.push((statement, Vec::new()));
            self.parts.len() - 1
        });
        let out = &mut self.parts[at].1;
        for row in values.chunks(statement.width()) {
            out.extend_from_slice(&columns.to_be_bytes());
            for value in row {
                let number = value.int().map(i64::to_be_bytes);
                let bytes = match &number {
                    Some(number) => Some(number.as_slice()),
                    None => value.text().map(str::as_bytes).or_else(|| value.bytes()),
                };
                let length = bytes.map_or(Ok(-1), |bytes| i32::try_from(bytes.len())).map_err(too_large)?;
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(bytes.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Hands all of them over.
    async fn send(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        for (statement, mut bytes) in self.parts {
            let mut stream = connection.copy_in_raw(&statement.for_stream()).await?;
            // The header has no flags and no extension.
            bytes.splice(..0, *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
            bytes.extend_from_slice(&(-1_i16).to_be_bytes());
            stream.send(bytes).await?;
            stream.finish().await?;
        }
        Ok(())
    }
}

/// `WITH p0 AS (…), p1 AS (…) …`: the parts do not see one another's rows, and need not; references between their rows
/// are checked at the end.
/// With a notice, the last statement tells it.
fn query<'q>(parts: &[&RowsOf<'_>], notice: Option<&'q str>) -> Query<'q, Postgres, PgArguments> {
    let mut text = String::with_capacity(4096);
    let mut first = 1;
    let count = parts.len() + usize::from(notice.is_some());
    for n in 0..count {
        let part = match parts.get(n) {
            Some((statement, _)) => {
                first += statement.width();
                statement.for_arrays(first - statement.width())
            }
            None => format!("SELECT pg_notify({CHANNEL}, ${first})"),
        };
        let before = if n == 0 { "WITH " } else { ", " };
        let _ = match n + 1 < count {
            true => write!(text, "{before}p{n} AS ({part})"),
            false => write!(text, " {part}"),
        };
    }
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (statement, values) in parts {
        for column in 0..statement.width() {
            query = bind(query, statement, values, column);
        }
    }
    match notice {
        Some(notice) => query.bind(notice),
        None => query,
    }
}

/// What others are told of a commit.
fn said(server: &Server, work: &Work) -> String {
    Words::Events { first: work.first_event, last: work.next_event() - 1 }.of(server.name())
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    statement: &Statement,
    values: &[Value<'_>],
    column: usize,
) -> Query<'q, Postgres, PgArguments> {
    let cells = values.iter().skip(column).step_by(statement.width());
    match statement.kind(column) {
        BindKind::Int => query.bind(cells.map(Value::int).collect::<Vec<_>>()),
        BindKind::Text => query.bind(cells.map(Value::text).collect::<Vec<_>>()),
        BindKind::Bytes => query.bind(cells.map(Value::bytes).collect::<Vec<_>>()),
    }
}
