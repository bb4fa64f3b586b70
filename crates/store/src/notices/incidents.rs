//! Incidents: trouble of one kind and pipeline, that goes on or went on.

use rigi_model::notices::NoticeKind;
use rigi_model::{NoticeId, ProjectName, RunId, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result};

/// An incident as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// Its id.
    pub id: NoticeId,
    /// In which project.
    pub project: ProjectName,
    /// Of which kind.
    pub kind: NoticeKind,
    /// Of which pipeline; empty where it is of none.
    pub pipeline: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// How often it has happened.
    pub count: u32,
    /// When it happened last.
    pub last_at: Timestamp,
    /// The run that it happened to last.
    pub last_run: Option<RunId>,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
}

/// Which incidents are asked for.
#[derive(Debug, Clone, Default)]
pub struct IncidentPage {
    /// Of those that go on alone.
    pub open: bool,
    /// Older than this one.
    pub before: Option<NoticeId>,
    /// At most so many.
    pub limit: u32,
}

static PUT: Statement = Statement::insert(
    "incidents",
    &[
        ("id", Text),
        ("project", Text),
        ("kind", Text),
        ("pipeline", Text),
        ("opened_at", Int),
        ("count", Int),
        ("last_at", Int),
        ("last_run", Text),
        ("closed_at", Int),
    ],
    "ON CONFLICT (id) DO UPDATE SET count = excluded.count, last_at = excluded.last_at, last_run = excluded.last_run, \
     closed_at = excluded.closed_at",
);

pub(super) fn put(write: &mut Write, incident: &IncidentRow) {
    write.rows.add(
        &PUT,
        [
            incident.id.to_string().into(),
            incident.project.to_string().into(),
            incident.kind.as_str().to_owned().into(),
            incident.pipeline.clone().into(),
            incident.opened_at.0.into(),
            i64::from(incident.count).into(),
            incident.last_at.0.into(),
            incident.last_run.as_ref().map(ToString::to_string).into(),
            incident.closed_at.map(|at| at.0).into(),
        ],
    );
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    kind: String,
    pipeline: String,
    opened_at: i64,
    count: i64,
    last_at: i64,
    last_run: Option<String>,
    closed_at: Option<i64>,
}

impl Row {
    fn read(self) -> Result<IncidentRow> {
        let damaged = || Error::Damaged {
            what: format!("the incident {}", self.id),
            why: "its kind is none".to_owned(),
        };
        Ok(IncidentRow {
            kind: NoticeKind::parse(&self.kind).ok_or_else(damaged)?,
            id: parsed("an incident's id", &self.id)?,
            project: ProjectName::unchecked(self.project),
            pipeline: self.pipeline,
            opened_at: Timestamp(self.opened_at),
            count: u32::try_from(self.count).unwrap_or(u32::MAX),
            last_at: Timestamp(self.last_at),
            last_run: self.last_run.map(|run| parsed("a run's id", &run)).transpose()?,
            closed_at: self.closed_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str = "id, project, kind, pipeline, opened_at, count, last_at, last_run, closed_at";

impl Db {
    /// The incidents of a pipeline that go on.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_incidents(&self, project: &ProjectName, pipeline: &str) -> Result<Vec<IncidentRow>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM incidents WHERE project = $1 AND pipeline = $2 AND closed_at IS NULL"
        ));
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(pipeline).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// The incidents of a project, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn incidents(&self, project: &ProjectName, page: &IncidentPage) -> Result<Vec<IncidentRow>> {
        let open = if page.open { "AND closed_at IS NULL" } else { "" };
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM incidents WHERE project = $1 AND ($2 = '' OR id < $2) {open} ORDER BY id DESC LIMIT $3"
        ));
        let before = page.before.as_ref().map_or("", NoticeId::as_str);
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(before).bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }
}
