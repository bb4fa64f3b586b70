//! What may go: ended runs beyond what is kept, and everything that nothing refers to any more.

use std::collections::HashSet;
use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ContentHash, PipelineName, ProjectName, RunId, RunState, Target, Timestamp, VersionHash};
use sqlx::{AssertSqlSafe, QueryBuilder};

use crate::db::{Db, from_json, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::run_status::unsigned;
use crate::tables::runs_list::RunFilter;
use crate::tables::versions::VersionFile;
use crate::write::Write;
use crate::{Error, Result, Store};

/// What is kept of ended runs. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many.
    pub runs: Option<u64>,
    /// Those that ended within this time.
    pub age: Option<Duration>,
    /// The newest whose files and logs fit into so many bytes.
    pub bytes: Option<u64>,
}

/// What was made before these times may go, if nothing refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Captured code.
    pub versions: Timestamp,
    /// Uploaded files; runs that took one keep its content.
    pub uploads: Timestamp,
    /// Keys that make requests safe to repeat.
    pub keys: Timestamp,
}

/// An ended run, as far as keeping it depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub id: RunId,
    /// When.
    pub at: Timestamp,
    /// What is stored of it.
    pub bytes: u64,
}

/// Those of the ended runs (newest first) that `keep` does not cover, oldest first.
pub fn beyond(keep: &Keep, now: Timestamp, runs: impl IntoIterator<Item = Ended>) -> Vec<RunId> {
    let mut bytes = 0u64;
    let mut beyond = Vec::new();
    for (index, run) in runs.into_iter().enumerate() {
        bytes = bytes.saturating_add(run.bytes);
        let too_many = keep.runs.is_some_and(|limit| index as u64 >= limit);
        let too_old = keep.age.is_some_and(|age| now.since(run.at) > age);
        let too_large = keep.bytes.is_some_and(|limit| bytes > limit) && index > 0;
        if too_many || too_old || too_large {
            beyond.push(run.id);
        }
    }
    beyond.reverse();
    beyond
}

/// What stored runs used at a moment.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// Hashes of captured code.
    pub versions: HashSet<VersionHash>,
    /// Python environments.
    pub environments: HashSet<String>,
    /// The newest event of that moment: what came later is looked at again.
    last_event: i64,
}

/// What columns of content hashes are called, in every table.
const HASH: &str = "sha256";
/// What columns with lists of files are called, in every table.
const FILES: &str = "files";

/// Ended runs read at a time.
const PAGE: u32 = 5000;
/// Runs removed in one transaction: short enough to keep nobody waiting.
const RUNS_PER_STEP: usize = 500;

impl Db {
    /// Ended runs of a pipeline (or of all) that `keep` does not cover, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn removable_runs(
        &self,
        project: &ProjectName,
        pipeline: Option<&PipelineName>,
        keep: &Keep,
        now: Timestamp,
    ) -> Result<Vec<RunId>> {
        Ok(beyond(keep, now, self.ended_runs(project, pipeline).await?))
    }

    /// Ended runs, newest first. Read in pages, so that a long list holds up nobody.
    async fn ended_runs(&self, project: &ProjectName, pipeline: Option<&PipelineName>) -> Result<Vec<Ended>> {
        let states = RunState::ALL.iter().copied().filter(|state| state.is_terminal()).collect();
        let pipeline = pipeline.cloned();
        let mut filter = RunFilter { pipeline, states, limit: PAGE, ..RunFilter::default() };
        let mut ended = Vec::new();
        loop {
            let columns = "runs.id, ended_at, stored_bytes";
            let (page, _) = self.search_runs::<(String, i64, i64)>(project, &filter, columns).await?;
            let more = page.len() > PAGE as usize;
            for (id, at, bytes) in page.into_iter().take(PAGE as usize) {
                let id: RunId = id
                    .parse()
                    .map_err(|e| Error::Damaged { what: format!("run {id}"), why: format!("{e}") })?;
                ended.push(Ended { id, at: Timestamp(at), bytes: unsigned(bytes) });
            }
            filter.before = ended.last().map(|run| run.id.clone());
            if !more {
                return Ok(ended);
            }
        }
    }

    /// Content hashes that something of a project refers to: in each column of content hashes that the schema has, and in
    /// each list of files. The first are called `sha256`, the others `files`.
    ///
    /// # Errors
    /// If the database does not answer, or a hash cannot be read.
    pub async fn referenced_content(&self, project: &ProjectName) -> Result<HashSet<ContentHash>> {
        let mut found = HashSet::new();
        for (table, column) in self.content_columns().await? {
            let sql = format!("SELECT {column} FROM {table} WHERE project = $1");
            let texts: Vec<String> = on_db!(self, pool => {
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(project.as_str()).fetch_all(pool).await?
            });
            for text in texts {
                if column == HASH {
                    found.insert(parsed(&format!("a hash in {table}"), &text)?);
                } else {
                    let files: Vec<VersionFile> = from_json(&format!("a list of files in {table}"), &text)?;
                    found.extend(files.into_iter().map(|file| file.sha256));
                }
            }
        }
        Ok(found)
    }

    /// Tables, and what their columns of content hashes and of lists of files are called.
    async fn content_columns(&self) -> Result<Vec<(String, String)>> {
        let sql = match self {
            Self::Sqlite { .. } => {
                "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
                 WHERE tables.type = 'table' AND columns.name IN ($1, $2) ORDER BY 1, 2"
            }
            Self::Postgres(_) => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name IN ($1, $2) ORDER BY 1, 2"
            }
        };
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(HASH).bind(FILES).fetch_all(pool).await?))
    }

    /// Hashes of all stored versions of a project.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn versions(&self, project: &ProjectName) -> Result<HashSet<VersionHash>> {
        let found: Vec<String> = on_db!(self, pool => sqlx::query_scalar("SELECT hash FROM versions WHERE project = $1").bind(project.as_str()).fetch_all(pool).await?);
        found.iter().map(|hash| parsed("a version's hash", hash)).collect()
    }

    /// Log objects that something of a project refers to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn referenced_logs(&self, project: &ProjectName) -> Result<HashSet<String>> {
        let sql = "SELECT log_object FROM attempts WHERE project = $1 AND log_object IS NOT NULL";
        let found: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).fetch_all(pool).await?);
        Ok(found.into_iter().collect())
    }

    /// What stored runs use, as of now: one walk through all of them, beside whatever is written meanwhile.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn used_by_runs(&self, project: &ProjectName) -> Result<Used> {
        let last_event = self.last_event().await?;
        let sql = "SELECT DISTINCT version, environment FROM runs WHERE project = $1";
        let found: Vec<(String, Option<String>)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let mut used = Used { last_event, ..Used::default() };
        for (version, environment) in found {
            used.versions.insert(parsed("the version of a run", &version)?);
            if let Some(text) = environment {
                let environment: rigi_model::run::EnvironmentUse =
                    crate::db::from_json("a run's environment", &text)?;
                used.environments.insert(environment.id);
            }
        }
        Ok(used)
    }

    /// Versions of runs that came after an event, and the newest event of that moment.
    async fn versions_since(&self, project: &ProjectName, event: i64) -> Result<(HashSet<VersionHash>, i64)> {
        let newest = self.last_event().await?;
        let sql = "SELECT DISTINCT r.version FROM events e JOIN runs r ON r.id = e.subject_id WHERE e.id > $1 AND r.project = $2";
        let found: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).bind(event).bind(project.as_str()).fetch_all(pool).await?);
        let versions =
            found.iter().map(|hash| parsed("the version of a run", hash)).collect::<Result<_>>()?;
        Ok((versions, newest))
    }

    /// Of these runs, those that have ended, with the steps that go with them.
    async fn ended_of(&self, runs: &[RunId]) -> Result<(Vec<RunId>, u64)> {
        on_db!(self, pool => {
            let mut sql = QueryBuilder::new("SELECT id, (SELECT COUNT(*) FROM runs s WHERE s.parent = runs.id AND s.ended_at IS NOT NULL) \
                FROM runs WHERE ended_at IS NOT NULL AND id IN (");
            let mut list = sql.separated(", ");
            for id in runs {
                list.push_bind(id.as_str());
            }
            sql.push(")");
            let found: Vec<(String, i64)> = sql.build_query_as().fetch_all(pool).await?;
            let count = found.iter().map(|(_, steps)| 1 + unsigned(*steps)).sum();
            let ids = found.iter().map(|(id, _)| parsed("a run's id", id)).collect::<Result<_>>()?;
            Ok((ids, count))
        })
    }

    /// Flows that are steps of these, of those in turn, and so on: their steps go as well.
    async fn flows_within(&self, runs: &[RunId]) -> Result<Vec<RunId>> {
        let (mut all, mut outer) = (Vec::new(), runs.to_vec());
        while !outer.is_empty() {
            let found: Vec<String> = on_db!(self, pool => {
                let mut sql = QueryBuilder::new("SELECT id FROM runs WHERE target = ");
                sql.push_bind(Target::FLOW.as_str()).push(" AND parent IN (");
                let mut list = sql.separated(", ");
                for id in &outer {
                    list.push_bind(id.as_str());
                }
                sql.push(")");
                sql.build_query_scalar().fetch_all(pool).await?
            });
            outer = found.iter().map(|id| parsed("a run's id", id)).collect::<Result<_>>()?;
            all.extend(outer.iter().cloned());
        }
        Ok(all)
    }

    async fn versions_before(&self, project: &ProjectName, time: Timestamp) -> Result<Vec<VersionHash>> {
        let sql = "SELECT hash FROM versions WHERE project = $1 AND created_at < $2";
        let found: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).bind(time.0).fetch_all(pool).await?);
        found.iter().map(|hash| parsed("a version's hash", hash)).collect()
    }
}

/// Events of an ended run, and those of its steps.
static REMOVE_EVENTS: Statement = Statement::delete(
    "events",
    &[("run", Text)],
    "events.subject_id = v.run AND EXISTS (SELECT 1 FROM runs WHERE runs.id = v.run AND runs.ended_at IS NOT NULL)",
);
static REMOVE_EVENTS_OF_STEPS: Statement = Statement::delete(
    "events",
    &[("run", Text)],
    "events.subject_id IN (SELECT runs.id FROM runs WHERE runs.parent = v.run AND runs.ended_at IS NOT NULL)",
);
/// Steps go with their flow.
static REMOVE_STEPS: Statement =
    Statement::delete("runs", &[("run", Text)], "runs.parent = v.run AND runs.ended_at IS NOT NULL");
static REMOVE_RUN: Statement =
    Statement::delete("runs", &[("run", Text)], "runs.id = v.run AND runs.ended_at IS NOT NULL");
/// What was told of removals before: the newest says enough.
static FORGET_REMOVALS: Statement = Statement::delete(
    "events",
    &[("project", Text), ("kind", Text)],
    "events.subject_id = v.project AND events.kind = v.kind AND events.subject = 'project'",
);
static REMOVE_UPLOADS: Statement = Statement::delete(
    "uploads",
    &[("project", Text), ("before", Int)],
    "uploads.project = v.project AND uploads.created_at < v.before",
);
/// The newest event stays, whatever it is of: its id would be given again.
static REMOVE_EVENTS_OF_UPLOADS: Statement = Statement::delete(
    "events",
    &[("project", Text), ("before", Int)],
    "events.subject = 'upload' AND events.id < (SELECT MAX(e.id) FROM events e) AND events.subject_id IN \
     (SELECT uploads.id FROM uploads WHERE uploads.project = v.project AND uploads.created_at < v.before)",
);
static REMOVE_KEYS: Statement = Statement::delete(
    "idempotency",
    &[("project", Text), ("before", Int)],
    "idempotency.project = v.project AND idempotency.created_at < v.before",
);
/// Unless a run came that has it since, or it was captured again.
static REMOVE_VERSION: Statement = Statement::delete(
    "versions",
    &[("project", Text), ("hash", Text), ("since", Int), ("before", Int)],
    "versions.project = v.project AND versions.hash = v.hash AND versions.created_at < v.before AND versions.hash NOT IN \
     (SELECT r.version FROM events e JOIN runs r ON r.id = e.subject_id WHERE e.id > v.since)",
);
static REMOVE_EVENTS_OF_VERSION: Statement = Statement::delete(
    "events",
    &[("project", Text), ("hash", Text)],
    "events.subject_id = v.hash AND events.project = v.project AND events.subject = 'version' \
     AND events.id < (SELECT MAX(e.id) FROM events e)",
);

impl Store {
    /// Removes ended runs of a project with their attempts, events and artifact rows. Runs that have not ended are left alone,
    /// whoever names them.
    ///
    /// # Errors
    /// If the database cannot be written; what was removed before stays removed.
    pub async fn remove_runs(&self, project: &ProjectName, runs: &[RunId], now: Timestamp) -> Result<u64> {
        let mut removed = 0;
        for chunk in runs.chunks(RUNS_PER_STEP) {
            let (mut ended, mut count) = self.db().ended_of(chunk).await?;
            if ended.is_empty() {
                continue;
            }
            let within = self.db().flows_within(&ended).await?;
            for some in within.chunks(RUNS_PER_STEP) {
                // Each is counted as a step already.
                let (flows, steps) = self.db().ended_of(some).await?;
                count += steps - flows.len() as u64;
                ended.extend(flows);
            }
            let mut write = Write::removal();
            for statement in [&REMOVE_EVENTS, &REMOVE_EVENTS_OF_STEPS, &REMOVE_STEPS, &REMOVE_RUN] {
                ended.iter().for_each(|run| write.rows.add(statement, [run.to_string().into()]));
            }
            // The newest event may go with them. Its id is not given again: this one is newer.
            let (name, kind) = (project.as_str(), SubjectEvent::RUNS_REMOVED);
            write.rows.add(&FORGET_REMOVALS, [name.to_owned().into(), kind.into()]);
            write.tell(project, Subject::Project, name, kind, now);
            self.write(write).await?;
            removed += count;
        }
        Ok(removed)
    }

    /// Removes rows of a project that nothing refers to any more, and those that are old enough. `used` may be older than this: versions
    /// of runs that came since are kept.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn remove_unreferenced(
        &self,
        project: &ProjectName,
        used: &Used,
        before: &Before,
    ) -> Result<()> {
        let mut versions = self.db().versions_before(project, before.versions).await?;
        versions.retain(|hash| !used.versions.contains(hash));
        let mut since = used.last_event;
        for chunk in versions.chunks(RUNS_PER_STEP) {
            let (late, newest) = self.db().versions_since(project, since).await?;
            since = newest;
            let unused = chunk.iter().filter(|hash| !late.contains(hash));
            self.remove_versions(project, unused, since, before.versions).await?;
        }
        let mut write = Write::removal();
        for (statement, time) in [
            (&REMOVE_EVENTS_OF_UPLOADS, before.uploads),
            (&REMOVE_UPLOADS, before.uploads),
            (&REMOVE_KEYS, before.keys),
        ] {
            write.rows.add(statement, [project.as_str().to_owned().into(), time.0.into()]);
        }
        self.write(write).await
    }

    async fn remove_versions(
        &self,
        project: &ProjectName,
        hashes: impl Iterator<Item = &VersionHash>,
        since: i64,
        before: Timestamp,
    ) -> Result<()> {
        let mut write = Write::removal();
        for hash in hashes {
            let (name, hash) = (project.as_str().to_owned(), hash.to_string());
            write.rows.add(&REMOVE_EVENTS_OF_VERSION, [name.clone().into(), hash.clone().into()]);
            write.rows.add(&REMOVE_VERSION, [name.into(), hash.into(), since.into(), before.0.into()]);
        }
        self.write(write).await
    }
}
