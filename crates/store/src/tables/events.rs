//! Events of runs and of other subjects, in one sequence. Their ids are given by the writer, so that they grow in the order of commits:
//! the id of an event is free only as long as no other server has given it.

use std::collections::BTreeMap;

use rigi_model::event::{RunEvent, Subject, SubjectEvent, versions_told};
use rigi_model::{ProjectName, Reason, RunId, Timestamp};
use sqlx::{AssertSqlSafe, FromRow, Row};

use super::runs::ListedRun;
use super::runs_read::{LISTED, ListedRow};
use crate::Result;
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EventRow {
    /// Grows with time.
    pub id: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// Attempt; 0 is the run itself.
    pub attempt: i64,
    /// Stable code.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// What happened after an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Since {
    /// The newest event; 0 if there is none.
    pub newest: i64,
    /// The runs that something happened to, each once; `None` if there are more events between than a reader is told, or
    /// its event is none of this database: then it starts afresh.
    pub runs: Option<Vec<ListedRun>>,
}

/// What happened to something that is no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectChange {
    /// In which project.
    pub project: ProjectName,
    /// To what.
    pub subject: Subject,
    /// Which of them.
    pub id: String,
    /// What.
    pub kind: String,
}

impl From<&SubjectEvent> for SubjectChange {
    fn from(event: &SubjectEvent) -> Self {
        let SubjectEvent { project, subject, id, kind, .. } = event.clone();
        Self { project, subject, id, kind: kind.to_owned() }
    }
}

/// A row for each run that changed, or a single one without a run.
fn since() -> String {
    format!(
        "WITH since AS (SELECT id, subject_id FROM events WHERE id > $1 AND project = $3 ORDER BY id LIMIT $2), \
         edge AS (SELECT (SELECT MAX(id) FROM events) AS newest_event, (SELECT COUNT(*) FROM since) AS missed_events) \
         SELECT edge.newest_event, edge.missed_events, {LISTED} FROM edge \
         LEFT JOIN (SELECT DISTINCT subject_id FROM since) AS changed ON edge.missed_events < $2 \
         LEFT JOIN runs ON runs.id = changed.subject_id"
    )
}

/// An event of a run to be stored.
pub(crate) struct NewEvent<'a> {
    pub project: &'a ProjectName,
    pub run: &'a RunId,
    pub at: Timestamp,
    pub kind: &'static str,
    pub attempt: u32,
    pub reason: Option<Reason>,
    pub message: Option<&'a str>,
}

static INSERT: Statement = Statement::insert(
    "events",
    &[
        ("id", Int),
        ("project", Text),
        ("subject_id", Text),
        ("at", Int),
        ("kind", Text),
        ("attempt", Int),
        ("reason", Text),
        ("message", Text),
    ],
    "",
);

/// An event with its id.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, id: i64, event: NewEvent<'a>) {
    rows.add(
        &INSERT,
        [
            id.into(),
            event.project.as_str().into(),
            event.run.as_str().into(),
            event.at.0.into(),
            event.kind.into(),
            i64::from(event.attempt).into(),
            event.reason.map(Reason::as_str).into(),
            event.message.into(),
        ],
    );
}

static INSERT_OTHER: Statement = Statement::insert(
    "events",
    &[
        ("id", Int),
        ("project", Text),
        ("subject", Text),
        ("subject_id", Text),
        ("at", Int),
        ("kind", Text),
        ("attempt", Int),
        ("message", Text),
    ],
    "",
);

/// An event of another subject with its id.
pub(crate) fn insert_other<'a>(rows: &mut Rows<'a>, id: i64, event: &'a SubjectEvent) {
    rows.add(
        &INSERT_OTHER,
        [
            id.into(),
            event.project.as_str().into(),
            event.subject.as_str().into(),
            event.id.as_str().into(),
            event.at.0.into(),
            event.kind.into(),
            0.into(),
            event.message.as_deref().into(),
        ],
    );
}

impl Db {
    /// The id of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_event(&self) -> Result<i64> {
        let last: Option<i64> =
            on_db!(self, pool => sqlx::query_scalar("SELECT MAX(id) FROM events").fetch_one(pool).await?);
        Ok(last.unwrap_or(0))
    }

    /// What happened to a run, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events_of(&self, run: &RunId, after: i64, limit: u32) -> Result<Vec<EventRow>> {
        let sql = "SELECT id, at, kind, attempt, reason, message FROM events \
                   WHERE subject_id = $1 AND id > $2 ORDER BY id LIMIT $3";
        Ok(on_db!(self, pool => sqlx::query_as(sql)
            .bind(run.as_str()).bind(after).bind(i64::from(limit)).fetch_all(pool).await?))
    }

    /// The route that a run chose last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn route_of(&self, run: &RunId) -> Result<Option<String>> {
        self.last_told(run, RunEvent::ROUTE).await
    }

    /// Which secrets the last attempt of a run was given, with their versions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn secrets_of(&self, run: &RunId) -> Result<BTreeMap<String, i64>> {
        let told = self.last_told(run, RunEvent::SECRETS).await?;
        Ok(told.as_deref().map(versions_told).unwrap_or_default())
    }

    /// What the last event of a kind said of a run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn event_message(&self, run: &RunId, kind: &str) -> Result<Option<String>> {
        self.last_told(run, kind).await
    }

    async fn last_told(&self, run: &RunId, kind: &str) -> Result<Option<String>> {
        let sql = "SELECT message FROM events WHERE subject_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1";
        let row: Option<Option<String>> = on_db!(self, pool => sqlx::query_scalar(sql)
            .bind(run.as_str()).bind(kind).fetch_optional(pool).await?);
        Ok(row.flatten())
    }

    /// What happened to other subjects of a project after an event and up to another, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn told_between(
        &self,
        project: &ProjectName,
        after: i64,
        until: i64,
    ) -> Result<Vec<SubjectChange>> {
        let sql = "SELECT subject, subject_id, kind FROM events \
                   WHERE id > $1 AND id <= $2 AND project = $3 AND subject <> 'run' ORDER BY id";
        let rows: Vec<(String, String, String)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(after).bind(until).bind(project.as_str()).fetch_all(pool).await?);
        let told = |(subject, id, kind): (String, String, String)| {
            let subject = Subject::parse(&subject)?;
            Some(SubjectChange { project: project.clone(), subject, id, kind })
        };
        Ok(rows.into_iter().filter_map(told).collect())
    }

    /// The runs of a project that something happened to after an event, as they are now. One statement, so that the runs are exactly
    /// as old as the event that is said to be the newest.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_since(&self, project: &ProjectName, after: i64, limit: u32) -> Result<Since> {
        let limit = i64::from(limit);
        Ok(on_db!(self, pool => {
            let rows = sqlx::query(AssertSqlSafe(since()))
                .bind(after).bind(limit + 1).bind(project.as_str()).fetch_all(pool).await?;
            let mut since = Since { newest: 0, runs: Some(Vec::with_capacity(rows.len())) };
            for row in &rows {
                since.newest = row.try_get::<Option<i64>, _>("newest_event")?.unwrap_or(0);
                if row.try_get::<i64, _>("missed_events")? > limit || after > since.newest {
                    since.runs = None;
                } else if let (Some(runs), Some(_)) = (&mut since.runs, row.try_get::<Option<&str>, _>("id")?) {
                    runs.push(ListedRow::from_row(row)?.try_into()?);
                }
            }
            since
        }))
    }
}

impl EventRow {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp(self.at)
    }
}
