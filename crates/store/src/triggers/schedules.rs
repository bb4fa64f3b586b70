//! Schedules: those that people made, and what is known of those in specs.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::pipeline::spec::Schedule;
use rigi_model::{PipelineName, ProjectName, Timestamp};
use serde_json::{Value, json};
use sqlx::FromRow;

use super::ScheduleKey;
use crate::db::{Db, on_db};
use crate::occurrences;
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// It starts nothing for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Who said so.
    pub by: String,
    /// Why, where it was not a person.
    pub why: Option<String>,
}

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleRow {
    /// Which.
    pub key: ScheduleKey,
    /// What it is, where a person made it; else it is in the pipeline's spec.
    pub made: Option<Schedule>,
    /// Its rhythm, as a text.
    pub rhythm: String,
    /// What was due before is settled.
    pub since: Timestamp,
    /// Whether it is paused.
    pub paused: Option<Pause>,
    /// When it was let go on last.
    pub resumed_at: Option<Timestamp>,
}

/// Schedules that are written in one commit.
const TOGETHER: usize = 2000;

static SEEN: Statement = Statement::insert(
    "schedules",
    &[
        ("project", Text),
        ("pipeline", Text),
        ("id", Text),
        ("source", Text),
        ("rhythm", Text),
        ("since", Int),
    ],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET rhythm = excluded.rhythm, since = excluded.since",
);
static MAKE: Statement = Statement::insert(
    "schedules",
    &[
        ("project", Text),
        ("pipeline", Text),
        ("id", Text),
        ("source", Text),
        ("spec", Text),
        ("rhythm", Text),
        ("since", Int),
    ],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET source = excluded.source, spec = excluded.spec, rhythm = excluded.rhythm, \
     since = CASE WHEN schedules.rhythm = excluded.rhythm THEN schedules.since ELSE excluded.since END",
);
static PAUSE: Statement = Statement::insert(
    "schedules",
    &[
        ("project", Text),
        ("pipeline", Text),
        ("id", Text),
        ("source", Text),
        ("rhythm", Text),
        ("since", Int),
        ("paused_at", Int),
        ("paused_by", Text),
        ("paused_why", Text),
        ("resumed_at", Int),
    ],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, \
     paused_why = excluded.paused_why, resumed_at = excluded.resumed_at",
);
static REMOVE: Statement = Statement::delete(
    "schedules",
    &[("project", Text), ("pipeline", Text), ("id", Text)],
    "schedules.project = v.project AND schedules.pipeline = v.pipeline AND schedules.id = v.id",
);

#[derive(FromRow)]
struct Row {
    pipeline: String,
    id: String,
    spec: Option<String>,
    rhythm: String,
    since: i64,
    paused_at: Option<i64>,
    paused_by: Option<String>,
    paused_why: Option<String>,
    resumed_at: Option<i64>,
}

impl Row {
    fn read(self, project: &ProjectName) -> Result<ScheduleRow> {
        let made = self.spec.as_deref().map(serde_json::from_str::<Schedule>).transpose();
        let made = made.map_err(|error| Error::Damaged {
            what: format!("the schedule {}/{}", self.pipeline, self.id),
            why: error.to_string(),
        })?;
        let paused = self.paused_at.map(|at| Pause {
            at: Timestamp(at),
            by: self.paused_by.unwrap_or_default(),
            why: self.paused_why,
        });
        let pipeline = PipelineName::unchecked(self.pipeline);
        let key = ScheduleKey { project: project.clone(), pipeline, id: self.id };
        Ok(ScheduleRow {
            key,
            made,
            rhythm: self.rhythm,
            since: Timestamp(self.since),
            paused,
            resumed_at: self.resumed_at.map(Timestamp),
        })
    }
}

impl Db {
    /// What is stored of the schedules of a project.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn schedules(&self, project: &ProjectName) -> Result<Vec<ScheduleRow>> {
        let sql = "SELECT pipeline, id, spec, rhythm, since, paused_at, paused_by, paused_why, resumed_at FROM schedules \
                   WHERE project = $1 ORDER BY pipeline, id";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(|row| row.read(project)).collect()
    }
}

fn key_of(key: &ScheduleKey) -> [crate::rows::Value<'static>; 3] {
    [key.project.to_string().into(), key.pipeline.to_string().into(), key.id.clone().into()]
}

fn telling(key: &ScheduleKey, kind: &'static str, at: Timestamp) -> Write {
    let mut write = Write::removal();
    write.tell(&key.project, Subject::Schedule, &key.to_string(), kind, at);
    write
}

fn audited(write: &mut Write, deed: &Deed, action: &'static str, key: &ScheduleKey, after: Option<Value>) {
    let id = key.to_string();
    let entry =
        Entry { action, project: Some(&key.project), subject: "schedule", id: &id, after, before: None };
    audit::add(write, deed, entry);
}

impl Store {
    /// Schedules of specs are new, or others than before, each once: what was due before is settled.
    ///
    /// # Errors
    /// If they cannot be written; those of before are then.
    pub async fn saw_schedules(&self, seen: &[(ScheduleKey, String)], now: Timestamp) -> Result<()> {
        for some in seen.chunks(TOGETHER) {
            let mut write = Write::removal();
            for (key, rhythm) in some {
                let [project, pipeline, id] = key_of(key);
                let source = "spec".to_owned().into();
                write.rows.add(&SEEN, [project, pipeline, id, source, rhythm.clone().into(), now.0.into()]);
            }
            self.write(write).await?;
        }
        Ok(())
    }

    /// Makes a schedule beside the spec, or changes it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_schedule(
        &self,
        key: &ScheduleKey,
        schedule: &Schedule,
        rhythm: &str,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = telling(key, SubjectEvent::CHANGED, deed.at);
        let [project, pipeline, id] = key_of(key);
        let spec = serde_json::to_string(schedule).unwrap_or_default();
        write.rows.add(
            &MAKE,
            [
                project,
                pipeline,
                id,
                "made".to_owned().into(),
                spec.into(),
                rhythm.to_owned().into(),
                deed.at.0.into(),
            ],
        );
        audited(&mut write, deed, "schedules.set", key, Some(json!({"schedule": schedule})));
        self.write(write).await
    }

    /// Removes a schedule that was made beside the spec.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_schedule(&self, key: &ScheduleKey, deed: &Deed) -> Result<()> {
        let mut write = telling(key, SubjectEvent::REMOVED, deed.at);
        write.rows.add(&REMOVE, key_of(key));
        audited(&mut write, deed, "schedules.remove", key, None);
        self.write(write).await
    }

    /// Pauses a schedule, or lets it go on. A pause stays, whatever becomes of the spec.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn pause_schedule(
        &self,
        key: &ScheduleKey,
        rhythm: &str,
        pause: Option<&Pause>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = telling(key, SubjectEvent::CHANGED, deed.at);
        let [project, pipeline, id] = key_of(key);
        write.rows.add(
            &PAUSE,
            [
                project,
                pipeline,
                id,
                "spec".to_owned().into(),
                rhythm.to_owned().into(),
                deed.at.0.into(),
                pause.map(|pause| pause.at.0).into(),
                pause.map(|pause| pause.by.clone()).into(),
                pause.and_then(|pause| pause.why.clone()).into(),
                pause.is_none().then_some(deed.at.0).into(),
            ],
        );
        let action = if pause.is_some() { "schedules.pause" } else { "schedules.resume" };
        let why = pause.and_then(|pause| pause.why.clone());
        if let Some(why) = &why {
            let facts = Facts {
                pipeline: Some(key.pipeline.to_string()),
                subject: Some(key.id.clone()),
                message: Some(why.clone()),
                ..Facts::default()
            };
            occurrences::add(&mut write, &key.project, NoticeKind::Stopped, &facts, deed.at);
        }
        let why = why.map(|why| json!({"why": why}));
        audited(&mut write, deed, action, key, why);
        self.write(write).await
    }
}
