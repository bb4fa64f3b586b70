//! Projects: the tenants.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};

use crate::Result;
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;

impl Db {
    /// All of them, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn projects(&self) -> Result<Vec<ProjectName>> {
        let names: Vec<String> = on_db!(self, pool => sqlx::query_scalar("SELECT id FROM projects ORDER BY id").fetch_all(pool).await?);
        Ok(names.into_iter().map(ProjectName::unchecked).collect())
    }
}

static INSERT: Statement =
    Statement::insert("projects", &[("id", Text), ("created_at", Int)], "ON CONFLICT (id) DO NOTHING");

/// A project that is there from now on.
pub(crate) fn add(project: &ProjectName, now: Timestamp) -> Write {
    let mut write = Write::telling(project, Subject::Project, project.as_str(), SubjectEvent::CREATED, now);
    write.rows.add(&INSERT, [project.as_str().to_owned().into(), now.0.into()]);
    write
}
