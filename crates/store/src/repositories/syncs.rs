//! What repositories hold of pipelines, and what became of syncs.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::repositories::plan::Plan;
use rigi_model::repositories::{Cause, Outcome, RepositorySpec};
use rigi_model::{ProjectName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::FromRow;

use super::rows::note;
use crate::db::{Db, from_json, on_db};
use crate::occurrences;
use crate::people::Deed;
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::versions::VersionFile;
use crate::write::Write;
use crate::{Error, Result, Store};

/// Syncs that are kept of each repository.
const KEPT: i64 = 100;

/// What of a pipeline's folder was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutOf {
    /// The pipeline.
    pub pipeline: String,
    /// Below its folder.
    pub path: String,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// What a repository holds of pipelines.
#[derive(Debug, Clone, PartialEq)]
pub struct RepositoryTree {
    /// The repository.
    pub repository: String,
    /// Which sync brought it.
    pub number: i64,
    /// The commit.
    pub commit: String,
    /// By what it was taken.
    pub spec: RepositorySpec,
    /// Files of all pipelines, each below the name of its own.
    pub files: Vec<VersionFile>,
    /// What was not taken.
    pub told: Vec<LeftOutOf>,
    /// When it was taken.
    pub synced_at: Timestamp,
}

/// What became of a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    /// Counts from 1 for each repository.
    pub number: i64,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it was over.
    pub ended_at: Timestamp,
    /// What made it begin.
    pub cause: Cause,
    /// Who asked for it.
    pub asked_by: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The commit, as far as it was known.
    pub commit: Option<String>,
    /// What it changed.
    pub plan: Option<Plan>,
    /// What went wrong.
    pub message: Option<String>,
}

static TREE: Statement = Statement::insert(
    "repository_trees",
    &[
        ("project", Text),
        ("repository", Text),
        ("number", Int),
        ("commit_id", Text),
        ("spec", Text),
        ("files", Text),
        ("told", Text),
        ("synced_at", Int),
    ],
    "ON CONFLICT (project, repository) DO UPDATE SET number = excluded.number, commit_id = excluded.commit_id, \
     spec = excluded.spec, files = excluded.files, told = excluded.told, synced_at = excluded.synced_at",
);
static SYNC: Statement = Statement::insert(
    "syncs",
    &[
        ("project", Text),
        ("repository", Text),
        ("number", Int),
        ("begun_at", Int),
        ("ended_at", Int),
        ("cause", Text),
        ("asked_by", Text),
        ("outcome", Text),
        ("commit_id", Text),
        ("plan", Text),
        ("message", Text),
    ],
    "",
);
static FORGET: Statement = Statement::delete(
    "syncs",
    &[("project", Text), ("repository", Text), ("number", Int)],
    "syncs.project = v.project AND syncs.repository = v.repository AND syncs.number <= v.number",
);

#[derive(FromRow)]
struct TreeRow {
    repository: String,
    number: i64,
    commit_id: String,
    spec: String,
    files: String,
    told: String,
    synced_at: i64,
}

#[derive(FromRow)]
struct SyncRow {
    number: i64,
    begun_at: i64,
    ended_at: i64,
    cause: String,
    asked_by: String,
    outcome: String,
    commit_id: Option<String>,
    plan: Option<String>,
    message: Option<String>,
}

impl SyncRow {
    fn read(self) -> Result<Sync> {
        let damaged = |why: String| Error::Damaged { what: format!("the sync {}", self.number), why };
        Ok(Sync {
            cause: Cause::parse(&self.cause)
                .ok_or_else(|| damaged(format!("it began by `{}`", self.cause)))?,
            outcome: Outcome::parse(&self.outcome)
                .ok_or_else(|| damaged(format!("it became `{}`", self.outcome)))?,
            number: self.number,
            begun_at: Timestamp(self.begun_at),
            ended_at: Timestamp(self.ended_at),
            asked_by: self.asked_by,
            commit: self.commit_id,
            plan: self.plan.map(|plan| from_json("a sync's plan", &plan)).transpose()?,
            message: self.message,
        })
    }
}

impl Db {
    /// What the repositories of a project hold of pipelines, by their names.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn repository_trees(&self, project: &ProjectName) -> Result<Vec<RepositoryTree>> {
        let sql = "SELECT repository, number, commit_id, spec, files, told, synced_at FROM repository_trees \
                   WHERE project = $1 ORDER BY repository";
        let rows: Vec<TreeRow> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let read = |row: TreeRow| {
            Ok(RepositoryTree {
                files: from_json("the files of a repository", &row.files)?,
                told: from_json("what was not taken of a repository", &row.told)?,
                repository: row.repository,
                number: row.number,
                commit: row.commit_id,
                spec: from_json("how a repository was taken", &row.spec)?,
                synced_at: Timestamp(row.synced_at),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Which sync brought what each repository of a project holds: less to read than all of it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn repository_numbers(&self, project: &ProjectName) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT repository, number FROM repository_trees WHERE project = $1 ORDER BY repository";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?))
    }

    /// Syncs of a repository, the newest first; those before `before`, if that is given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn syncs(
        &self,
        project: &ProjectName,
        repository: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Sync>> {
        let sql = "SELECT number, begun_at, ended_at, cause, asked_by, outcome, commit_id, plan, message FROM syncs \
                   WHERE project = $1 AND repository = $2 AND number < $3 ORDER BY number DESC LIMIT $4";
        let before = before.unwrap_or(i64::MAX);
        let rows: Vec<SyncRow> = on_db!(self, pool => {
            sqlx::query_as(sql).bind(project.as_str()).bind(repository).bind(before).bind(i64::from(limit)).fetch_all(pool).await?
        });
        rows.into_iter().map(SyncRow::read).collect()
    }
}

impl Store {
    /// Notes what became of a sync, with what the repository holds from now on, in one piece. Of two syncs with the same number the second
    /// is refused, and changes nothing.
    ///
    /// # Errors
    /// If it cannot be written; the repository may be there no more.
    pub async fn note_sync(
        &self,
        project: &ProjectName,
        repository: &str,
        sync: &Sync,
        tree: Option<&RepositoryTree>,
        deed: &Deed,
    ) -> Result<()> {
        let kind = if tree.is_some() { SubjectEvent::SYNCED } else { SubjectEvent::SYNC_FAILED };
        let mut write = Write::removal();
        write.tell(project, Subject::Repository, repository, kind, sync.ended_at);
        if tree.is_none() {
            let facts = Facts {
                subject: Some(repository.to_owned()),
                message: sync.message.clone(),
                ..Facts::default()
            };
            occurrences::add(&mut write, project, NoticeKind::Sync, &facts, sync.ended_at);
        }
        let own = || [project.to_string(), repository.to_owned()];
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| Error::Damaged { what: "a sync".into(), why: error.to_string() })
        };
        let [of, name] = own();
        write.rows.add(
            &SYNC,
            [
                of.into(),
                name.into(),
                sync.number.into(),
                sync.begun_at.0.into(),
                sync.ended_at.0.into(),
                sync.cause.as_str().to_owned().into(),
                sync.asked_by.clone().into(),
                sync.outcome.as_str().to_owned().into(),
                sync.commit.clone().into(),
                sync.plan.as_ref().map(|plan| json(serde_json::to_string(plan))).transpose()?.into(),
                sync.message.clone().into(),
            ],
        );
        if let Some(tree) = tree {
            let [of, name] = own();
            write.rows.add(
                &TREE,
                [
                    of.into(),
                    name.into(),
                    tree.number.into(),
                    tree.commit.clone().into(),
                    json(serde_json::to_string(&tree.spec))?.into(),
                    json(serde_json::to_string(&tree.files))?.into(),
                    json(serde_json::to_string(&tree.told))?.into(),
                    tree.synced_at.0.into(),
                ],
            );
            let after = json!({"commit": tree.commit, "cause": sync.cause});
            note(&mut write, project, "repositories.sync", repository, Some(after), deed);
        }
        let [of, name] = own();
        write.rows.add(&FORGET, [of.into(), name.into(), (sync.number - KEPT).into()]);
        self.write(write).await
    }
}
