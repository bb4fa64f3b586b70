//! Keys that make submissions safe to repeat.

use rigi_model::{ProjectName, RunId, Timestamp};

use crate::Result;
use crate::db::{Db, from_json, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::{Rows, Statement};

/// A key as stored.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub project: ProjectName,
    pub key: String,
    /// Hash of the request.
    pub request: String,
    /// The accepted runs, JSON.
    pub answer: String,
    pub created_at: Timestamp,
}

static INSERT: Statement = Statement::insert(
    "idempotency",
    &[("project", Text), ("key", Text), ("request", Text), ("answer", Text), ("created_at", Int)],
    "",
);

/// A key that was not used before.
pub(crate) fn insert<'a>(rows: &mut Rows<'a>, key: &'a KeyRow) {
    rows.add(
        &INSERT,
        [
            key.project.as_str().into(),
            key.key.as_str().into(),
            key.request.as_str().into(),
            key.answer.as_str().into(),
            key.created_at.0.into(),
        ],
    );
}

static REMOVE: Statement = Statement::delete(
    "idempotency",
    &[("project", Text), ("key", Text)],
    "idempotency.project = v.project AND idempotency.key = v.key",
);

/// A key is needed no more: a row says what it said.
pub(crate) fn remove(rows: &mut Rows<'static>, project: &ProjectName, key: String) {
    rows.add(&REMOVE, [project.to_string().into(), key.into()]);
}

impl Db {
    /// The hash of the request that used a key, and the runs that it was answered with.
    pub(crate) async fn used_key(
        &self,
        project: &ProjectName,
        key: &str,
    ) -> Result<Option<(String, Vec<RunId>)>> {
        let sql = "SELECT request, answer FROM idempotency WHERE project = $1 AND key = $2";
        let row: Option<(String, String)> = on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).bind(key).fetch_optional(pool).await?);
        row.map(|(request, answer)| Ok((request, from_json("an idempotency key", &answer)?))).transpose()
    }
}
