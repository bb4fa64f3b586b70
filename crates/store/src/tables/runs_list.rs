//! Lists of runs: filters, pages by cursor, marks and expected durations.

use rigi_model::{PipelineName, ProjectName, RunId, RunState, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::run_status::unsigned;
use super::runs::ListedRun;
use super::runs_read::{LISTED, ListedRow};
use super::runs_search::{Planned, Search, text_of};
use crate::Result;
use crate::db::{Db, on_db};

/// Which runs a list shows, newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this pipeline.
    pub pipeline: Option<PipelineName>,
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

/// One page of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunPage {
    /// At most as many as were asked for; fewer, even none, where the search was long and `next` goes on with it.
    pub runs: Vec<ListedRun>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<RunId>,
}

impl Db {
    /// One page of runs, newest first. What it costs does not grow with the number of runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_runs(&self, project: &ProjectName, filter: &RunFilter) -> Result<RunPage> {
        let (rows, searched_to) = self.search_runs::<ListedRow>(project, filter, LISTED).await?;
        let mut runs = rows.into_iter().map(ListedRun::try_from).collect::<Result<Vec<ListedRun>>>()?;
        let more = runs.len() > filter.limit as usize;
        runs.truncate(filter.limit as usize);
        let last = runs.last().filter(|_| more).map(|run| run.id.clone());
        Ok(RunPage { runs, next: last.or(searched_to) })
    }

    /// The ids of one page, newest first, and the cursor of the next.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_runs(
        &self,
        project: &ProjectName,
        filter: &RunFilter,
    ) -> Result<(Vec<RunId>, Option<RunId>)> {
        let (rows, searched_to) = self.search_runs::<(String,)>(project, filter, "runs.id").await?;
        let mut ids: Vec<RunId> = rows.into_iter().filter_map(|(id,)| id.parse().ok()).collect();
        let more = ids.len() > filter.limit as usize;
        ids.truncate(filter.limit as usize);
        let last = ids.last().filter(|_| more).cloned();
        Ok((ids, last.or(searched_to)))
    }

    /// One row more than the limit if there are more, and how far the search went if not to the end.
    pub(crate) async fn search_runs<T>(
        &self,
        project: &ProjectName,
        filter: &RunFilter,
        columns: &'static str,
    ) -> Result<(Vec<T>, Option<RunId>)>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let names = match text_of(filter) {
            Some(_) => self.pipelines_with_runs(project).await?,
            None => Vec::new(),
        };
        let search = Search::new(project, filter, columns, names);
        let Some(Planned { statement, searched_to }) = self.plan(&search).await? else {
            return Ok((Vec::new(), None));
        };
        let rows = on_db!(self, pool => {
            let mut query = sqlx::query_as(AssertSqlSafe(statement.text));
            for value in statement.values {
                query = query.bind(value);
            }
            query.fetch_all(pool).await?
        });
        Ok((rows, searched_to))
    }

    /// Every pipeline that has runs: one step in an index for each, not one for each run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pipelines_with_runs(&self, project: &ProjectName) -> Result<Vec<PipelineName>> {
        let sql = "WITH RECURSIVE names (name) AS (SELECT MIN(pipeline) FROM runs WHERE project = $1 AND parent IS NULL UNION ALL \
                   SELECT (SELECT MIN(pipeline) FROM runs WHERE project = $1 AND parent IS NULL AND pipeline > names.name) FROM names \
                   WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL";
        let names: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).fetch_all(pool).await?);
        Ok(names.into_iter().map(PipelineName::unchecked).collect())
    }

    /// The last runs of a pipeline as marks, newest last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn recent_marks(
        &self,
        project: &ProjectName,
        pipeline: &PipelineName,
        limit: u32,
    ) -> Result<Vec<Mark>> {
        let filter = RunFilter { pipeline: Some(pipeline.clone()), limit, ..RunFilter::default() };
        let columns = "runs.id, state, created_at, started_at, ended_at";
        let (mut rows, _) = self.search_runs::<MarkRow>(project, &filter, columns).await?;
        rows.truncate(limit as usize);
        let mut marks: Vec<_> = rows.into_iter().filter_map(mark).collect();
        marks.reverse();
        Ok(marks)
    }

    /// Median running time of a pipeline's last successes, in microseconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn expected_us(&self, project: &ProjectName, pipeline: &PipelineName) -> Result<Option<u64>> {
        let sql = "SELECT ended_at - started_at FROM runs WHERE project = $1 AND pipeline = $2 AND parent IS NULL \
                   AND state = 'succeeded' AND started_at IS NOT NULL ORDER BY id DESC LIMIT 11";
        let mut times: Vec<i64> = on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).bind(pipeline.as_str()).fetch_all(pool).await?);
        times.sort_unstable();
        Ok(times.get(times.len() / 2).map(|&t| unsigned(t)))
    }
}

fn mark(row: MarkRow) -> Option<Mark> {
    let ran = row.started_at.zip(row.ended_at).map(|(from, to)| unsigned(to - from));
    let state = RunState::parse(&row.state)?;
    Some(Mark { id: row.id.parse().ok()?, state, created_at: Timestamp(row.created_at), duration_us: ran })
}
