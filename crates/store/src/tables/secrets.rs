//! Secrets of projects, and the keys that they are sealed with.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::secret_source::SecretSource;
use rigi_model::{Actor, ProjectName, Timestamp};

use crate::Result;
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;

/// What may be told of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFacts {
    /// Its name.
    pub name: String,
    /// Raised each time that it is set or removed.
    pub version: i64,
    /// Who set it.
    pub set_by: Actor,
    /// When.
    pub set_at: Timestamp,
    /// Where its value lies; `None`: it is stored.
    pub from: Option<SecretSource>,
}

/// What `sealed` begins with where it holds no value, but says in clear where that lies. What is sealed begins otherwise.
pub(crate) const REFERENCE: &str = "from:";

static SET: Statement = Statement::insert(
    "secrets",
    &[
        ("project", Text),
        ("name", Text),
        ("version", Int),
        ("sealed", Text),
        ("set_by", Text),
        ("set_at", Int),
    ],
    "ON CONFLICT (project, name) DO UPDATE SET version = secrets.version + 1, sealed = excluded.sealed, \
     set_by = excluded.set_by, set_at = excluded.set_at",
);

static ADD_KEY: Statement = Statement::insert(
    "project_keys",
    &[("project", Text), ("sealed", Text), ("created_at", Int)],
    "ON CONFLICT (project) DO NOTHING",
);

static SEAL_KEY: Statement =
    Statement::update("project_keys", &[("project", Text), ("sealed", Text)], "sealed IS NOT NULL");

static FORMER: Statement = Statement::insert(
    "former_keys",
    &[("number", Int), ("sealed", Text), ("retired_at", Int)],
    "ON CONFLICT (number) DO UPDATE SET sealed = excluded.sealed",
);

/// What a secret holds from now on; `None`: it is no more. Two of the same name may not be written in one commit.
pub(crate) fn set(
    write: &mut Write,
    project: &ProjectName,
    name: &str,
    sealed: Option<String>,
    by: &Actor,
    now: Timestamp,
) {
    let kind = if sealed.is_some() { SubjectEvent::SET } else { SubjectEvent::REMOVED };
    write.tell(project, Subject::Secret, name, kind, now);
    write.rows.add(
        &SET,
        [
            project.as_str().to_owned().into(),
            name.to_owned().into(),
            1.into(),
            sealed.into(),
            by.as_str().to_owned().into(),
            now.0.into(),
        ],
    );
}

/// The key of a project that has none.
pub(crate) fn add_key(project: &ProjectName, sealed: String, now: Timestamp) -> Write {
    let mut write = Write::default();
    write.rows.add(&ADD_KEY, [project.as_str().to_owned().into(), sealed.into(), now.0.into()]);
    write
}

/// The key of a project, sealed anew.
pub(crate) fn seal_key(write: &mut Write, project: &ProjectName, sealed: String) {
    write.rows.add(&SEAL_KEY, [project.as_str().to_owned().into(), sealed.into()]);
}

/// A former key of the server, or one that is sealed anew.
pub(crate) fn former(write: &mut Write, number: i64, sealed: String, now: Timestamp) {
    write.rows.add(&FORMER, [number.into(), sealed.into(), now.0.into()]);
}

impl Db {
    /// The secrets of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn secrets(&self, project: &ProjectName) -> Result<Vec<SecretFacts>> {
        let sql = "SELECT name, version, set_by, set_at, CASE WHEN sealed LIKE 'from:%' THEN sealed END FROM secrets \
                   WHERE project = $1 AND sealed IS NOT NULL ORDER BY name";
        type Row = (String, i64, String, i64, Option<String>);
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let facts = |(name, version, by, at, from): Row| SecretFacts {
            name,
            version,
            set_by: Actor::named(by),
            set_at: Timestamp(at),
            from: from.and_then(|from| from.strip_prefix(REFERENCE)?.parse().ok()),
        };
        Ok(rows.into_iter().map(facts).collect())
    }

    /// The same with their values, which are sealed.
    pub(crate) async fn sealed_secrets(&self, project: &ProjectName) -> Result<Vec<(String, i64, String)>> {
        let sql = "SELECT name, version, sealed FROM secrets WHERE project = $1 AND sealed IS NOT NULL";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?))
    }

    pub(crate) async fn project_key(&self, project: &ProjectName) -> Result<Option<String>> {
        let sql = "SELECT sealed FROM project_keys WHERE project = $1";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).fetch_optional(pool).await?))
    }

    pub(crate) async fn project_keys(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT project, sealed FROM project_keys ORDER BY project";
        Ok(on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?))
    }

    /// Former keys of the server, oldest first.
    pub(crate) async fn former_keys(&self) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT number, sealed FROM former_keys ORDER BY number";
        Ok(on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?))
    }
}
