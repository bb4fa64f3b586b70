//! What happened beside runs, until it was seen whether anybody wants to know: written with what it tells of.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::{NoticeId, ProjectName, Timestamp};

use crate::db::{Db, from_json, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Its id.
    pub id: NoticeId,
    /// In which project.
    pub project: ProjectName,
    /// What.
    pub kind: NoticeKind,
    /// Of which pipeline, where it is of one.
    pub pipeline: Option<String>,
    /// What is known of it.
    pub facts: Facts,
    /// When.
    pub at: Timestamp,
}

static ADD: Statement = Statement::insert(
    "occurrences",
    &[("id", Text), ("project", Text), ("kind", Text), ("pipeline", Text), ("facts", Text), ("at", Int)],
    "",
);
static DONE: Statement = Statement::delete("occurrences", &[("id", Text)], "occurrences.id = v.id");

/// Adds it to what is written.
pub(crate) fn add(write: &mut Write, project: &ProjectName, kind: NoticeKind, facts: &Facts, at: Timestamp) {
    let id = NoticeId::generate();
    write.rows.add(
        &ADD,
        [
            id.to_string().into(),
            project.to_string().into(),
            kind.as_str().to_owned().into(),
            facts.pipeline.clone().into(),
            serde_json::to_string(facts).unwrap_or_default().into(),
            at.0.into(),
        ],
    );
    write.tell(project, Subject::Notice, id.as_str(), SubjectEvent::FIRED, at);
}

pub(crate) fn done(write: &mut Write, occurrence: &Occurrence) {
    write.rows.add(&DONE, [occurrence.id.to_string().into()]);
}

impl Db {
    /// What was not looked at yet, the oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn occurrences(&self) -> Result<Vec<Occurrence>> {
        let sql = "SELECT id, project, kind, pipeline, facts, at FROM occurrences ORDER BY id LIMIT 1000";
        let rows: Vec<(String, String, String, Option<String>, String, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let read = |(id, project, kind, pipeline, facts, at): (
            String,
            String,
            String,
            Option<String>,
            String,
            i64,
        )| {
            let damaged = || Error::Damaged {
                what: format!("what happened ({id})"),
                why: "its kind is none".to_owned(),
            };
            Ok(Occurrence {
                kind: NoticeKind::parse(&kind).ok_or_else(damaged)?,
                id: parsed("an occurrence's id", &id)?,
                project: ProjectName::unchecked(project),
                pipeline,
                facts: from_json("what is known of an occurrence", &facts)?,
                at: Timestamp(at),
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// Something happened that is written nowhere else.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_occurrence(
        &self,
        project: &ProjectName,
        kind: NoticeKind,
        facts: &Facts,
        at: Timestamp,
    ) -> Result<()> {
        let mut write = Write::default();
        add(&mut write, project, kind, facts, at);
        self.write(write).await
    }
}
