//! What is still to be done because a run has ended, and which runs came of others.

use rigi_model::{ProjectName, RunId, Timestamp};

use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};
use crate::tables::idempotency;
use crate::write::Write;
use crate::{Result, Store};
use rigi_model::triggers::FollowUpKind;

/// Something that is still to be done because a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The run.
    pub run: RunId,
    /// In which project.
    pub project: ProjectName,
    /// What.
    pub kind: FollowUpKind,
    /// Not before.
    pub due: Timestamp,
}

/// A run that another one has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLink {
    /// The one that started it.
    pub parent: RunId,
    /// The one that was started.
    pub child: RunId,
    /// Why.
    pub kind: FollowUpKind,
}

static ADD: Statement = Statement::insert(
    "follow_ups",
    &[("run", Text), ("kind", Text), ("project", Text), ("due", Int)],
    "ON CONFLICT (run, kind) DO NOTHING",
);
static DONE: Statement = Statement::delete(
    "follow_ups",
    &[("run", Text), ("kind", Text)],
    "follow_ups.run = v.run AND follow_ups.kind = v.kind",
);
static LINK: Statement = Statement::insert(
    "run_links",
    &[("child", Text), ("parent", Text), ("project", Text), ("kind", Text)],
    "ON CONFLICT (child) DO NOTHING",
);

/// Run, project, kind, due.
type Row = (String, String, String, i64);

fn read((run, project, kind, due): Row) -> Option<Result<FollowUp>> {
    let kind = FollowUpKind::parse(&kind)?;
    let run = parsed("a run's id", &run);
    Some(run.map(|run| FollowUp { run, project: ProjectName::unchecked(project), kind, due: Timestamp(due) }))
}

/// The key under which a run that follows another is accepted: one a trigger, whoever asks how often.
#[must_use]
pub fn follow_key(run: &RunId, what: &str) -> String {
    format!("↳ {run} {what}")
}

/// Something is to be done because a run has ended.
pub(crate) fn add<'a>(
    rows: &mut Rows<'a>,
    project: &'a ProjectName,
    run: &'a RunId,
    kind: FollowUpKind,
    due: Timestamp,
) {
    rows.add(&ADD, [run.as_str().into(), kind.as_str().into(), project.as_str().into(), due.0.into()]);
}

/// These runs came of others.
pub(super) fn link(write: &mut Write, project: &ProjectName, links: &[RunLink]) {
    for RunLink { parent, child, kind } in links {
        let (child, parent) = (child.to_string(), parent.to_string());
        let kind = kind.as_str().to_owned();
        write.rows.add(&LINK, [child.into(), parent.into(), project.to_string().into(), kind.into()]);
    }
}

/// It is done: these runs came of it, and this is said of the run that has ended.
pub(super) fn finish(write: &mut Write, one: &FollowUp, links: &[RunLink], told: &[String], now: Timestamp) {
    use rigi_model::event::{Subject, SubjectEvent};
    let run = one.run.to_string();
    link(write, &one.project, links);
    done(write, one);
    if told.is_empty() {
        write.tell(&one.project, Subject::Run, &run, SubjectEvent::FOLLOWED, now);
    }
    for message in told {
        write.events.push(SubjectEvent {
            project: one.project.clone(),
            subject: Subject::Run,
            id: run.clone(),
            at: now,
            kind: SubjectEvent::FOLLOWED,
            message: Some(message.clone()),
        });
    }
}

/// It is done.
pub(crate) fn done(write: &mut Write, done: &FollowUp) {
    write.rows.add(&DONE, [done.run.to_string().into(), done.kind.as_str().to_owned().into()]);
}

impl Db {
    /// All that is still to be done, what is due first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn follow_ups(&self) -> Result<Vec<FollowUp>> {
        let sql = "SELECT run, project, kind, due FROM follow_ups \
                   WHERE kind NOT IN ('lineage-begin', 'lineage-end') ORDER BY due, run";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        rows.into_iter().filter_map(read).collect()
    }

    /// Events of lineage that are still to be sent, in the order in which things happened, so many at most. An end waits until what its run
    /// left has become versions of datasets.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lineage_due(&self, limit: u32) -> Result<Vec<FollowUp>> {
        let sql = "SELECT run, project, kind, due FROM follow_ups f WHERE kind IN ('lineage-begin', 'lineage-end') \
                   AND NOT EXISTS (SELECT 1 FROM follow_ups d WHERE d.run = f.run AND d.kind = 'dataset') \
                   ORDER BY due, kind, run LIMIT $1";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().filter_map(read).collect()
    }

    /// The run that started this one, if one did.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn link_to(&self, child: &RunId) -> Result<Option<RunLink>> {
        let sql = "SELECT parent, child, kind FROM run_links WHERE child = $1";
        let row: Option<(String, String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(child.as_str()).fetch_optional(pool).await?);
        row.map(read_link).transpose()
    }

    /// The runs that this one has started.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn links_from(&self, parent: &RunId) -> Result<Vec<RunLink>> {
        let sql = "SELECT parent, child, kind FROM run_links WHERE parent = $1 ORDER BY child LIMIT 1000";
        let rows: Vec<(String, String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(parent.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(read_link).collect()
    }
}

fn read_link((parent, child, kind): (String, String, String)) -> Result<RunLink> {
    Ok(RunLink {
        parent: parsed("a run's id", &parent)?,
        child: parsed("a run's id", &child)?,
        kind: FollowUpKind::parse(&kind).unwrap_or(FollowUpKind::Downstream),
    })
}

impl Store {
    /// They are done, and nobody is told so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_follow_ups(&self, all: &[FollowUp]) -> Result<()> {
        let mut write = Write::removal();
        for one in all {
            done(&mut write, one);
        }
        self.write(write).await
    }

    /// It is done: these runs came of it, accepted under these keys, and this is said of the run that has ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn followed(
        &self,
        done: &FollowUp,
        links: &[RunLink],
        keys: &[String],
        told: &[String],
        now: Timestamp,
    ) -> Result<()> {
        let mut write = Write::removal();
        for key in keys {
            idempotency::remove(&mut write.rows, &done.project, key.clone());
        }
        finish(&mut write, done, links, told, now);
        self.write(write).await
    }
}
