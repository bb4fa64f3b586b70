//! Reading datasets.

use rigi_model::data::{MadeFrom, Totals, Which};
use rigi_model::{ProjectName, RunId, Timestamp};
use sqlx::{AssertSqlSafe, FromRow};

use super::{Dataset, DatasetPage, DatasetVersion, RunGiven};
use crate::db::{Db, from_json, on_db, parsed};
use crate::{Error, Result};

#[derive(FromRow)]
struct Row {
    name: String,
    description: Option<String>,
    labels: String,
    protected: i64,
    newest: i64,
    made_at: i64,
    made_by: String,
    changed_at: i64,
}

impl Row {
    fn read(self) -> Result<Dataset> {
        Ok(Dataset {
            labels: from_json("labels of a dataset", &self.labels)?,
            name: self.name,
            description: self.description,
            protected: self.protected != 0,
            newest: number(self.newest),
            made_at: Timestamp(self.made_at),
            made_by: self.made_by,
            changed_at: Timestamp(self.changed_at),
        })
    }
}

#[derive(FromRow)]
struct VersionRow {
    name: String,
    version: i64,
    sha256: String,
    file_count: i64,
    bytes: i64,
    own_bytes: i64,
    made_from: String,
    made_at: i64,
    made_by: String,
    note: Option<String>,
    from_run: Option<String>,
    from_output: Option<String>,
}

const VERSION: &str = "name, version, sha256, file_count, bytes, own_bytes, made_from, made_at, made_by, note, \
                       from_run, from_output";

impl VersionRow {
    fn read(self) -> Result<DatasetVersion> {
        let damaged = |why: String| Error::Damaged { what: format!("the dataset {}", self.name), why };
        let made_from = MadeFrom::parse(&self.made_from).ok_or_else(|| damaged(self.made_from.clone()))?;
        let run = match self.from_run {
            Some(run) => Some((parsed("a run's id", &run)?, self.from_output.unwrap_or_default())),
            None => None,
        };
        Ok(DatasetVersion {
            version: number(self.version),
            root: parsed("a dataset's hash", &self.sha256)?,
            totals: Totals { files: unsigned(self.file_count), bytes: unsigned(self.bytes) },
            own_bytes: unsigned(self.own_bytes),
            made_from,
            made_at: Timestamp(self.made_at),
            made_by: self.made_by,
            note: self.note,
            run,
            name: self.name,
        })
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn number(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

impl Db {
    /// The datasets of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn datasets(&self, project: &ProjectName, page: &DatasetPage) -> Result<Vec<Dataset>> {
        let prefix = page.prefix.clone().unwrap_or_default();
        // The largest character is greater than whatever follows the prefix.
        let end = format!("{prefix}\u{10ffff}");
        let sql = "SELECT name, description, labels, protected, newest, made_at, made_by, changed_at FROM datasets \
                   WHERE project = $1 AND name >= $2 AND name < $3 AND name > $4 ORDER BY name LIMIT $5";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(prefix).bind(end).bind(page.after.clone().unwrap_or_default())
            .bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// One dataset.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn dataset(&self, project: &ProjectName, name: &str) -> Result<Dataset> {
        let sql = "SELECT name, description, labels, protected, newest, made_at, made_by, changed_at FROM datasets \
                   WHERE project = $1 AND name = $2";
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(name).fetch_optional(pool).await?);
        row.ok_or_else(|| Error::NotFound { what: "dataset", id: name.to_owned() })?.read()
    }

    /// The versions of a dataset, the newest first, below `before`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dataset_versions(
        &self,
        project: &ProjectName,
        name: &str,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<DatasetVersion>> {
        let sql = AssertSqlSafe(format!(
            "SELECT {VERSION} FROM dataset_versions WHERE project = $1 AND name = $2 AND version < $3 \
             ORDER BY version DESC LIMIT $4"
        ));
        let before = before.map_or(i64::MAX, i64::from);
        let rows: Vec<VersionRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(name).bind(before).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(VersionRow::read).collect()
    }

    /// One version of a dataset.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn dataset_version(
        &self,
        project: &ProjectName,
        name: &str,
        which: &Which,
    ) -> Result<DatasetVersion> {
        let (what, id) = match which {
            Which::Newest => ("version of the dataset", name.to_owned()),
            Which::Number(number) => ("version of a dataset", format!("{name}@{number}")),
            Which::Tag(tag) => ("tag of a dataset", format!("{name}@{tag}")),
        };
        let of = match which {
            Which::Newest => {
                "(SELECT MAX(version) FROM dataset_versions WHERE project = $1 AND name = $2 AND $3 = $3)"
            }
            Which::Number(_) => "CAST($3 AS BIGINT)",
            Which::Tag(_) => {
                "(SELECT version FROM dataset_tags WHERE project = $1 AND name = $2 AND tag = $3)"
            }
        };
        let sql = AssertSqlSafe(format!(
            "SELECT {VERSION} FROM dataset_versions WHERE project = $1 AND name = $2 AND version = {of}"
        ));
        let given = match which {
            Which::Newest => String::new(),
            Which::Number(number) => number.to_string(),
            Which::Tag(tag) => tag.clone(),
        };
        let row: Option<VersionRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(name).bind(given).fetch_optional(pool).await?);
        row.ok_or(Error::NotFound { what, id })?.read()
    }

    /// The tags of a dataset, by name, with their versions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dataset_tags(&self, project: &ProjectName, name: &str) -> Result<Vec<(String, u32)>> {
        let sql = "SELECT tag, version FROM dataset_tags WHERE project = $1 AND name = $2 ORDER BY tag";
        let rows: Vec<(String, i64)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(name).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(tag, version)| (tag, number(version))).collect())
    }

    /// The runs that were given files of a version, the newest first, with their pipelines and the inputs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs_given(
        &self,
        project: &ProjectName,
        name: &str,
        version: u32,
        limit: u32,
    ) -> Result<Vec<RunGiven>> {
        let sql = "SELECT DISTINCT i.run, i.input, r.pipeline FROM run_inputs i JOIN runs r ON r.id = i.run \
                   WHERE i.project = $1 AND i.dataset = $2 ORDER BY i.run DESC, i.input LIMIT $3";
        let rows: Vec<(String, String, String)> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(format!("{name}@{version}")).bind(i64::from(limit))
            .fetch_all(pool).await?);
        let read = |(run, input, pipeline): (String, String, String)| {
            Ok(RunGiven { run: parsed("a run's id", &run)?, input, pipeline })
        };
        rows.into_iter().map(read).collect()
    }

    /// The versions that a run left.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn datasets_from_run(&self, run: &RunId) -> Result<Vec<DatasetVersion>> {
        let sql = AssertSqlSafe(format!(
            "SELECT {VERSION} FROM dataset_versions WHERE from_run = $1 ORDER BY name, version LIMIT 1000"
        ));
        let rows: Vec<VersionRow> =
            on_db!(self, pool => sqlx::query_as(sql).bind(run.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(VersionRow::read).collect()
    }

    /// The roots of all versions of a project.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dataset_roots(&self, project: &ProjectName) -> Result<Vec<rigi_model::ContentHash>> {
        let sql = "SELECT DISTINCT sha256 FROM dataset_versions WHERE project = $1";
        let rows: Vec<String> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.iter().map(|hash| parsed("a dataset's hash", hash)).collect()
    }
}
