//! Backfills: runs for a range of due times. A run is accepted with a key of its own ([`backfill_key`]), so that there is one whatever dies in
//! between; the row of its due time follows, and takes the key with it.

use std::collections::BTreeMap;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::triggers::{BackfillSpec, BackfillState, TimeState};
use rigi_model::{BackfillId, PipelineName, ProjectName, RunId, RunState, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use super::ScheduleKey;
use crate::db::{Db, from_json, on_db, parsed};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::idempotency;
use crate::write::Write;
use crate::{Error, Result, Store};

/// A backfill as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// Its id.
    pub id: BackfillId,
    /// Of which schedule.
    pub schedule: ScheduleKey,
    /// What it is to do.
    pub spec: BackfillSpec,
    /// How it stands.
    pub state: BackfillState,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When it was done, or ended.
    pub ended_at: Option<Timestamp>,
}

/// A due time of a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillTime {
    /// Its place among them.
    pub place: i64,
    /// When it is due.
    pub due: Timestamp,
    /// How it stands.
    pub state: TimeState,
    /// How often a run was wanted.
    pub tries: i64,
    /// The run.
    pub run: Option<RunId>,
    /// How that stands; `None`: it is not kept any more.
    pub run_state: Option<RunState>,
    /// Why there is none.
    pub reason: Option<String>,
}

/// Which due times are asked for.
#[derive(Debug, Clone, Default)]
pub struct TimesPage {
    /// Those of which a run failed, or none could be made.
    pub failed: bool,
    /// Behind this place.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

static MAKE: Statement = Statement::insert(
    "backfills",
    &[
        ("id", Text),
        ("project", Text),
        ("pipeline", Text),
        ("schedule", Text),
        ("spec", Text),
        ("state", Text),
        ("made_at", Int),
        ("made_by", Text),
    ],
    "",
);
static TIME: Statement = Statement::insert(
    "backfill_times",
    &[("backfill", Text), ("place", Int), ("due", Int), ("state", Text), ("tries", Int)],
    "",
);
static SET: Statement =
    Statement::update("backfills", &[("id", Text), ("state", Text), ("ended_at", Int)], "made_at > 0");
/// One row of a due time is another; the first column is a key, so that it is put anew.
static CAME: Statement = Statement::insert(
    "backfill_times",
    &[
        ("backfill", Text),
        ("place", Int),
        ("due", Int),
        ("state", Text),
        ("tries", Int),
        ("run", Text),
        ("reason", Text),
    ],
    "ON CONFLICT (backfill, place) DO UPDATE SET state = excluded.state, tries = excluded.tries, run = excluded.run, \
     reason = excluded.reason",
);
static FORGET: Statement = Statement::delete(
    "backfills",
    &[("project", Text), ("at", Int)],
    "backfills.project = v.project AND backfills.ended_at IS NOT NULL AND backfills.ended_at < v.at",
);

/// Under which key the run of a due time is accepted. No request can have such a one: headers are ASCII.
#[must_use]
pub fn backfill_key(backfill: &BackfillId, time: &BackfillTime) -> String {
    format!("⟲ {backfill} {} {}", time.due.0, time.tries)
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    pipeline: String,
    schedule: String,
    spec: String,
    state: String,
    made_at: i64,
    made_by: String,
    ended_at: Option<i64>,
}

const COLUMNS: &str = "id, project, pipeline, schedule, spec, state, made_at, made_by, ended_at";

impl Row {
    fn read(self) -> Result<Backfill> {
        let damaged =
            || Error::Damaged { what: format!("backfill {}", self.id), why: "its state is none".to_owned() };
        Ok(Backfill {
            state: BackfillState::parse(&self.state).ok_or_else(damaged)?,
            id: parsed("a backfill's id", &self.id)?,
            schedule: ScheduleKey {
                project: ProjectName::unchecked(self.project),
                pipeline: PipelineName::unchecked(self.pipeline),
                id: self.schedule,
            },
            spec: from_json("what a backfill is to do", &self.spec)?,
            made_at: Timestamp(self.made_at),
            made_by: self.made_by,
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
struct TimeRow {
    place: i64,
    due: i64,
    state: String,
    tries: i64,
    run: Option<String>,
    run_state: Option<String>,
    reason: Option<String>,
}

impl TimeRow {
    fn read(self) -> Result<BackfillTime> {
        let damaged =
            || Error::Damaged { what: "a due time of a backfill".to_owned(), why: self.state.clone() };
        Ok(BackfillTime {
            state: TimeState::parse(&self.state).ok_or_else(damaged)?,
            place: self.place,
            due: Timestamp(self.due),
            tries: self.tries,
            run: self.run.map(|run| parsed("a run's id", &run)).transpose()?,
            run_state: self.run_state.as_deref().and_then(RunState::parse),
            reason: self.reason,
        })
    }
}

const TIMES: &str = "SELECT t.place, t.due, t.state, t.tries, t.run, r.state AS run_state, t.reason \
                     FROM backfill_times t LEFT JOIN runs r ON r.id = t.run";

impl Db {
    /// Those of all projects that start runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn running_backfills(&self) -> Result<Vec<Backfill>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM backfills WHERE state = 'running' ORDER BY id"
        ));
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// The backfills of a project, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfills(
        &self,
        project: &ProjectName,
        before: Option<&BackfillId>,
        limit: u32,
    ) -> Result<Vec<Backfill>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM backfills WHERE project = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3"
        ));
        let before = before.map_or("", BackfillId::as_str);
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(before).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfill(&self, id: &BackfillId) -> Result<Option<Backfill>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM backfills WHERE id = $1"));
        let row: Option<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(pool).await?);
        row.map(Row::read).transpose()
    }

    /// How many due times are in each state: of a run, or of the due time where there is none. `gone` are runs that are not kept any more.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfill_counts(&self, id: &BackfillId) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT CASE WHEN t.state = 'run' THEN COALESCE(r.state, 'gone') ELSE t.state END AS state, COUNT(*) \
                   FROM backfill_times t LEFT JOIN runs r ON r.id = t.run WHERE t.backfill = $1 \
                   GROUP BY CASE WHEN t.state = 'run' THEN COALESCE(r.state, 'gone') ELSE t.state END";
        let rows: Vec<(String, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(id.as_str()).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(state, count)| (state, u64::try_from(count).unwrap_or(0))).collect())
    }

    /// Its due times, in their order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfill_times(&self, id: &BackfillId, page: &TimesPage) -> Result<Vec<BackfillTime>> {
        let failed = match page.failed {
            true => "AND (t.state = 'refused' OR r.state IN ('failed', 'timed_out', 'cancelled'))",
            false => "",
        };
        let sql = sqlx::AssertSqlSafe(format!(
            "{TIMES} WHERE t.backfill = $1 AND t.place > $2 {failed} ORDER BY t.place LIMIT $3"
        ));
        let rows: Vec<TimeRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(id.as_str()).bind(page.after.unwrap_or(-1)).bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(TimeRow::read).collect()
    }

    /// Those that wait for a run, the first of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn waiting_times(&self, id: &BackfillId, limit: u32) -> Result<Vec<BackfillTime>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{TIMES} WHERE t.backfill = $1 AND t.state = 'waiting' ORDER BY t.place LIMIT $2"
        ));
        let rows: Vec<TimeRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(id.as_str()).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(TimeRow::read).collect()
    }

    /// Runs of it that have not ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_backfill_runs(&self, id: &BackfillId) -> Result<Vec<RunId>> {
        let sql = "SELECT t.run FROM backfill_times t JOIN runs r ON r.id = t.run WHERE t.backfill = $1 AND t.state = 'run' \
                   AND r.state IN ('queued', 'starting', 'running', 'retrying')";
        let rows: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(id.as_str()).fetch_all(pool).await?);
        rows.iter().map(|run| parsed("a run's id", run)).collect()
    }

    /// Due times of a schedule in a range that have a run already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn fired_between(
        &self,
        key: &ScheduleKey,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Timestamp>> {
        let sql = "SELECT due FROM fires WHERE project = $1 AND pipeline = $2 AND schedule = $3 AND due >= $4 AND due < $5 \
                   AND outcome = 'run' ORDER BY due";
        let rows: Vec<i64> = on_db!(self, pool => sqlx::query_scalar(sql).bind(key.project.as_str())
            .bind(key.pipeline.as_str()).bind(key.id.as_str()).bind(from.0).bind(to.0).fetch_all(pool).await?);
        Ok(rows.into_iter().map(Timestamp).collect())
    }
}

fn telling(backfill: &Backfill, kind: &'static str, at: Timestamp) -> Write {
    let mut write = Write::removal();
    write.tell(&backfill.schedule.project, Subject::Backfill, backfill.id.as_str(), kind, at);
    write
}

fn came(write: &mut Write, backfill: &Backfill, time: &BackfillTime) {
    write.rows.add(
        &CAME,
        [
            backfill.id.to_string().into(),
            time.place.into(),
            time.due.0.into(),
            time.state.as_str().to_owned().into(),
            time.tries.into(),
            time.run.as_ref().map(ToString::to_string).into(),
            time.reason.clone().into(),
        ],
    );
}

impl Store {
    /// Makes a backfill of these due times.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn make_backfill(&self, backfill: &Backfill, due: &[Timestamp], deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        let (project, id) = (&backfill.schedule.project, backfill.id.to_string());
        write.tell(project, Subject::Backfill, &id, SubjectEvent::CREATED, deed.at);
        write.rows.add(
            &MAKE,
            [
                id.clone().into(),
                project.to_string().into(),
                backfill.schedule.pipeline.to_string().into(),
                backfill.schedule.id.clone().into(),
                serde_json::to_string(&backfill.spec).unwrap_or_default().into(),
                backfill.state.as_str().to_owned().into(),
                backfill.made_at.0.into(),
                backfill.made_by.clone().into(),
            ],
        );
        for (place, due) in (0_i64..).zip(due) {
            let waiting = TimeState::Waiting.as_str().to_owned();
            write.rows.add(&TIME, [id.clone().into(), place.into(), due.0.into(), waiting.into(), 0.into()]);
        }
        let after = Some(
            json!({"schedule": backfill.schedule.to_string(), "times": due.len(), "backfill": backfill.spec}),
        );
        let entry = Entry {
            action: "backfills.make",
            project: Some(project),
            subject: "backfill",
            id: &id,
            after,
            before: None,
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// A backfill stands otherwise from now on, and these of its due times do.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn set_backfill(
        &self,
        backfill: &Backfill,
        state: BackfillState,
        times: &[BackfillTime],
        deed: Option<&Deed>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = telling(backfill, SubjectEvent::CHANGED, now);
        let ended = matches!(state, BackfillState::Cancelled | BackfillState::Done).then_some(now.0);
        write
            .rows
            .add(&SET, [backfill.id.to_string().into(), state.as_str().to_owned().into(), ended.into()]);
        times.iter().for_each(|time| came(&mut write, backfill, time));
        if let Some(deed) = deed {
            let (project, id) = (&backfill.schedule.project, backfill.id.to_string());
            let after = Some(json!({"state": state}));
            let entry = Entry {
                action: "backfills.set",
                project: Some(project),
                subject: "backfill",
                id: &id,
                after,
                before: None,
            };
            audit::add(&mut write, deed, entry);
        }
        self.write(write).await
    }

    /// What became of due times of a backfill; their keys go.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_backfill_times(
        &self,
        backfill: &Backfill,
        times: &[BackfillTime],
        now: Timestamp,
    ) -> Result<()> {
        let mut write = telling(backfill, SubjectEvent::FIRED, now);
        for time in times {
            came(&mut write, backfill, time);
            let key = backfill_key(&backfill.id, time);
            idempotency::remove(&mut write.rows, &backfill.schedule.project, key);
        }
        self.write(write).await
    }

    /// Removes backfills of a project that ended before `before`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_backfills(&self, project: &ProjectName, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&FORGET, [project.to_string().into(), before.0.into()]);
        self.write(write).await
    }
}
