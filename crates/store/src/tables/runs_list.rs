//! Lists of runs: filters, pages by cursor, marks and expected durations.

use rigi_model::{RunId, RunState, Timestamp};
use sqlx::{FromRow, QueryBuilder};

use super::runs::{Run, RunRow, unsigned};
use crate::Result;
use crate::db::{Db, on_db};

/// Which runs a list shows, newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// In one of these states; empty is any.
    pub states: Vec<RunState>,
    /// With all of these labels.
    pub labels: Vec<(String, String)>,
    /// Part of the pipeline's name, or the beginning or end of an id.
    pub text: Option<String>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
    /// Only those older than this run: the cursor.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

/// A run in a strip of marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The run.
    pub id: RunId,
    /// Where it is.
    pub state: RunState,
    /// Accepted.
    pub created_at: Timestamp,
    /// How long its last attempt ran, in microseconds.
    pub duration_us: Option<u64>,
}

#[derive(FromRow)]
struct MarkRow {
    id: String,
    state: String,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

/// Ids hold their time of birth in their first ten characters, so that a time is a place in the order of ids.
fn id_at(time: Timestamp) -> RunId {
    let millis = u128::try_from(time.0 / 1000).unwrap_or(0);
    RunId::from_bits(millis << 80)
}

/// `%` and `_` in a user's text mean themselves.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn select<D>(project: &str, filter: &RunFilter) -> QueryBuilder<D>
where
    D: sqlx::Database,
    for<'a> &'a str: sqlx::Encode<'a, D> + sqlx::Type<D>,
    String: for<'a> sqlx::Encode<'a, D> + sqlx::Type<D>,
    i64: for<'a> sqlx::Encode<'a, D> + sqlx::Type<D>,
{
    let mut sql = QueryBuilder::<D>::new("SELECT * FROM runs WHERE project = ");
    sql.push_bind(project);
    if let Some(pipeline) = &filter.pipeline {
        sql.push(" AND pipeline = ").push_bind(pipeline.as_str());
    }
    if !filter.states.is_empty() {
        sql.push(" AND state IN (");
        let mut list = sql.separated(", ");
        for state in &filter.states {
            list.push_bind(state.as_str());
        }
        sql.push(")");
    }
    for (key, value) in &filter.labels {
        sql.push(" AND EXISTS (SELECT 1 FROM labels l WHERE l.run = runs.id AND l.key = ")
            .push_bind(key.as_str());
        sql.push(" AND l.value = ").push_bind(value.as_str()).push(")");
    }
    if let Some(text) = filter.text.as_deref().filter(|t| !t.is_empty()) {
        let upper = text.strip_prefix("run_").unwrap_or(text).to_ascii_uppercase();
        sql.push(" AND (pipeline LIKE ").push_bind(like(text)).push(" ESCAPE '\\'");
        if upper.len() == 4 && upper.bytes().all(|b| b.is_ascii_alphanumeric()) {
            sql.push(" OR substr(id, 27, 4) = ").push_bind(upper.clone());
        }
        sql.push(" OR id LIKE ").push_bind(format!("run\\_{}%", like(&upper).trim_matches('%')));
        sql.push(" ESCAPE '\\')");
    }
    if let Some(since) = filter.since {
        sql.push(" AND id >= ").push_bind(id_at(since).to_string());
    }
    let mut before = filter.until.map(|t| id_at(t).to_string());
    if let Some(cursor) = &filter.before {
        let cursor = cursor.to_string();
        before = Some(before.map_or(cursor.clone(), |until| until.min(cursor)));
    }
    if let Some(before) = before {
        sql.push(" AND id < ").push_bind(before);
    }
    sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
    sql
}

impl Db {
    /// One page of runs, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_runs(&self, project: &str, filter: &RunFilter) -> Result<Vec<Run>> {
        let rows: Vec<RunRow> = match self {
            Self::Sqlite { read, .. } => {
                select::<sqlx::Sqlite>(project, filter).build_query_as().fetch_all(read).await?
            }
            Self::Postgres(pool) => {
                select::<sqlx::Postgres>(project, filter).build_query_as().fetch_all(pool).await?
            }
        };
        rows.into_iter().map(Run::try_from).collect()
    }

    /// The last runs of a pipeline as marks, newest last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn recent_marks(&self, project: &str, pipeline: &str, limit: u32) -> Result<Vec<Mark>> {
        let sql = "SELECT id, state, created_at, started_at, ended_at FROM runs \
                   WHERE project = $1 AND pipeline = $2 ORDER BY id DESC LIMIT $3";
        let rows: Vec<MarkRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project).bind(pipeline).bind(i64::from(limit)).fetch_all(pool).await?);
        let mut marks: Vec<_> = rows.into_iter().filter_map(mark).collect();
        marks.reverse();
        Ok(marks)
    }

    /// Median running time of a pipeline's last successes, in microseconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn expected_us(&self, project: &str, pipeline: &str) -> Result<Option<u64>> {
        let sql = "SELECT ended_at - started_at FROM runs WHERE project = $1 AND pipeline = $2 \
                   AND state = 'succeeded' AND started_at IS NOT NULL ORDER BY id DESC LIMIT 11";
        let mut times: Vec<i64> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(project).bind(pipeline).fetch_all(pool).await?);
        times.sort_unstable();
        Ok(times.get(times.len() / 2).map(|&t| unsigned(t)))
    }
}

fn mark(row: MarkRow) -> Option<Mark> {
    let ran = row.started_at.zip(row.ended_at).map(|(from, to)| unsigned(to - from));
    let state = RunState::parse(&row.state)?;
    Some(Mark { id: row.id.parse().ok()?, state, created_at: Timestamp(row.created_at), duration_us: ran })
}
