//! What people answered to steps that wait for one.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, RunId, Timestamp};

use crate::db::{Db, on_db};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the flow goes on.
    pub approved: bool,
    /// Who answered.
    pub by: String,
    /// What they said.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The first answer counts: another breaks its key.
static ANSWER: Statement = Statement::insert(
    "approvals",
    &[
        ("run", Text),
        ("project", Text),
        ("outcome", Text),
        ("answered_by", Text),
        ("note", Text),
        ("at", Int),
    ],
    "",
);

impl Db {
    /// What was answered to a run that waits for a person.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn answer(&self, run: &RunId) -> Result<Option<Answer>> {
        let sql = "SELECT outcome, answered_by, note, at FROM approvals WHERE run = $1";
        let row: Option<(String, String, Option<String>, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).fetch_optional(pool).await?);
        Ok(row.map(|(outcome, by, note, at)| Answer {
            approved: outcome == "approved",
            by,
            note,
            at: Timestamp(at),
        }))
    }
}

impl Store {
    /// Answers a run that waits for a person; the first answer counts.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it was answered before; if it cannot be written.
    pub async fn answer(
        &self,
        project: &ProjectName,
        run: &RunId,
        answer: &Answer,
        deed: &Deed,
    ) -> Result<()> {
        if self.db.answer(run).await?.is_some() {
            return Err(Error::Conflict(format!("run {run} was answered before")));
        }
        let mut write =
            Write::telling(project, Subject::Run, run.as_str(), SubjectEvent::ANSWERED, answer.at);
        let outcome = if answer.approved { "approved" } else { "rejected" };
        write.rows.add(
            &ANSWER,
            [
                run.to_string().into(),
                project.to_string().into(),
                outcome.to_owned().into(),
                answer.by.clone().into(),
                answer.note.clone().into(),
                answer.at.0.into(),
            ],
        );
        let action = if answer.approved { "approvals.approve" } else { "approvals.reject" };
        let after = answer.note.as_ref().map(|note| serde_json::json!({ "note": note }));
        let entry =
            Entry { action, project: Some(project), subject: "run", id: run.as_str(), after, before: None };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
