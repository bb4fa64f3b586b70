//! Who wants to be in a project that lets people ask.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::people::GrantSource;
use rigi_model::rights::{Grant, Role};
use rigi_model::{PersonId, ProjectName, Timestamp};
use serde_json::json;

use super::audit::{self, Deed, Entry};
use super::{change_of, grants};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::{Error, Result, Store};

/// A wish to be in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Whose.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// What they say.
    pub note: String,
    /// Since when.
    pub at: Timestamp,
}

static ASK: Statement = Statement::insert(
    "join_requests",
    &[("project", Text), ("person", Text), ("note", Text), ("asked_at", Int)],
    "ON CONFLICT (project, person) DO UPDATE SET note = excluded.note, asked_at = excluded.asked_at",
);
static ANSWER: Statement = Statement::delete(
    "join_requests",
    &[("project", Text), ("person", Text)],
    "join_requests.project = v.project AND join_requests.person = v.person",
);

impl Db {
    /// Who wants to be in a project, the oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn join_requests(&self, project: &ProjectName) -> Result<Vec<JoinRequest>> {
        let sql = "SELECT j.person, p.name, j.note, j.asked_at FROM join_requests j JOIN people p ON p.id = j.person \
                   WHERE j.project = $1 AND p.state = 'active' ORDER BY j.asked_at, j.person LIMIT 1000";
        let rows: Vec<(String, String, String, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let request = |(person, name, note, at): (String, String, String, i64)| {
            Ok(JoinRequest { person: parsed("an account's id", &person)?, name, note, at: Timestamp(at) })
        };
        rows.into_iter().map(request).collect()
    }

    /// Which projects somebody has asked to be in.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn asked_to_join(&self, person: &PersonId) -> Result<Vec<ProjectName>> {
        let sql = "SELECT project FROM join_requests WHERE person = $1 ORDER BY project";
        let rows: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(person.as_str()).fetch_all(pool).await?);
        Ok(rows.into_iter().map(ProjectName::unchecked).collect())
    }
}

impl Store {
    /// Somebody wants to be in a project; who asks again says something else.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn ask_to_join(
        &self,
        project: &ProjectName,
        person: &PersonId,
        note: &str,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        write.tell(project, Subject::Project, project.as_str(), SubjectEvent::CHANGED, deed.at);
        let row =
            [project.to_string().into(), person.to_string().into(), note.to_owned().into(), deed.at.0.into()];
        write.rows.add(&ASK, row);
        let (id, after) = (person.as_str(), Some(json!({"note": note})));
        let entry = Entry {
            action: "members.ask",
            project: Some(project),
            subject: "person",
            id,
            after,
            before: None,
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Answers it: with a role, or with none.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nobody of this id asks.
    pub async fn answer_join(
        &self,
        project: &ProjectName,
        person: &PersonId,
        role: Option<Role>,
        deed: &Deed,
    ) -> Result<()> {
        if !self.db().asked_to_join(person).await?.contains(project) {
            return Err(Error::NotFound { what: "request to join", id: person.to_string() });
        }
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        write.rows.add(&ANSWER, [project.to_string().into(), person.to_string().into()]);
        match role {
            Some(role) => {
                let grant = Grant::Role(project.clone(), role);
                grants::given(&mut write, person, &grant, GrantSource::Hand, &deed.actor, deed);
            }
            None => {
                let id = person.as_str();
                let entry = Entry {
                    action: "members.refuse",
                    project: Some(project),
                    subject: "person",
                    id,
                    ..Entry::default()
                };
                audit::add(&mut write, deed, entry);
            }
        }
        self.write(write).await
    }
}
