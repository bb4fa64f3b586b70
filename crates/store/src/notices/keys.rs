//! Keys of programs that send notices. What is stored of one is its hash.

use rigi_model::{ProjectName, Timestamp};

use crate::db::{Db, on_db};
use crate::people::{Deed, hash_of};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::{Result, Store};

/// A key, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeKey {
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
}

static PUT: Statement = Statement::insert(
    "notice_keys",
    &[("project", Text), ("name", Text), ("sha256_of_key", Text), ("made_at", Int), ("made_by", Text)],
    "ON CONFLICT (project, name) DO UPDATE SET sha256_of_key = excluded.sha256_of_key, made_at = excluded.made_at, \
     made_by = excluded.made_by",
);
static REMOVE: Statement = Statement::delete(
    "notice_keys",
    &[("project", Text), ("name", Text)],
    "notice_keys.project = v.project AND notice_keys.name = v.name",
);

impl Db {
    /// The keys of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn notice_keys(&self, project: &ProjectName) -> Result<Vec<NoticeKey>> {
        let sql = "SELECT name, made_at, made_by FROM notice_keys WHERE project = $1 ORDER BY name";
        let rows: Vec<(String, i64, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let read = |(name, made_at, made_by)| NoticeKey { name, made_at: Timestamp(made_at), made_by };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The project that a key is of, and what it is called.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn notice_key(&self, key: &str) -> Result<Option<(ProjectName, String)>> {
        let sql = "SELECT project, name FROM notice_keys WHERE sha256_of_key = $1";
        let row: Option<(String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(hash_of(key)).fetch_optional(pool).await?);
        Ok(row.map(|(project, name)| (ProjectName::unchecked(project), name)))
    }
}

impl Store {
    /// Makes a key, or puts another in the place of one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_notice_key(
        &self,
        project: &ProjectName,
        name: &str,
        key: &str,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = super::change(project, "notice-key", "notice-keys.make", name, None, deed);
        write.rows.add(
            &PUT,
            [
                project.to_string().into(),
                name.to_owned().into(),
                hash_of(key).into(),
                deed.at.0.into(),
                deed.actor.clone().into(),
            ],
        );
        self.write(write).await
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_notice_key(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        let mut write = super::change(project, "notice-key", "notice-keys.remove", name, None, deed);
        write.rows.add(&REMOVE, [project.to_string().into(), name.to_owned().into()]);
        self.write(write).await
    }
}
