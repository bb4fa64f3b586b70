//! The database: its own check of itself, every row of every table, and what the rows say of each other and of files.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use rigi_model::{AttemptState, ContentHash, ProjectName, RunState};

use super::logs::{Depth, check_stored};
use super::{Inspected, RESTORE};
use crate::backup::rows::{Cell, parse};
use crate::backup::schema::{Table, tables_of};
use crate::backup::snapshot::Snapshot;
use crate::backup::{Progress, Watch};
use crate::bucket::Bucket;
use crate::tables::attempts::StoredLog;
use crate::tables::versions::VersionFile;
use crate::{Blobs, DbConfig, Error, Result};

/// Rows that contradict each other: in which schemas this can be asked, what is wrong, and how it is found. Each gives
/// ids.
const CONTRADICTIONS: &[(RangeInclusive<i64>, &str, &str)] = &[
    (
        1..=i64::MAX,
        "its code is not stored",
        "SELECT r.id FROM runs r LEFT JOIN versions v ON v.project = r.project AND v.hash = r.version \
         WHERE v.hash IS NULL ORDER BY r.id LIMIT 100",
    ),
    (
        4..=i64::MAX,
        "no event says how it ended",
        "SELECT r.id FROM runs r WHERE r.ended_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM events e WHERE e.subject_id = r.id AND e.kind = r.state) ORDER BY r.id LIMIT 100",
    ),
    (
        1..=3,
        "no event says how it ended",
        "SELECT r.id FROM runs r WHERE r.ended_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM events e WHERE e.run = r.id AND e.kind = r.state) ORDER BY r.id LIMIT 100",
    ),
    (
        1..=i64::MAX,
        "its last attempt is not stored",
        "SELECT r.id FROM runs r WHERE r.ended_at IS NOT NULL AND r.started_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM attempts a WHERE a.run = r.id AND a.number = r.attempt) ORDER BY r.id LIMIT 100",
    ),
    (
        3..=i64::MAX,
        "something of it counts as another project's",
        "SELECT id FROM (SELECT r.id FROM runs r JOIN artifacts x ON x.run = r.id AND x.project <> r.project \
         UNION SELECT r.id FROM runs r JOIN run_inputs x ON x.run = r.id AND x.project <> r.project \
         UNION SELECT r.id FROM runs r JOIN attempts x ON x.run = r.id AND x.project <> r.project \
         UNION SELECT r.id FROM runs r JOIN labels x ON x.run = r.id AND x.project <> r.project) wrong \
         ORDER BY id LIMIT 100",
    ),
];

/// Tables with lists of files.
const LISTS: [&str; 2] = ["versions", "repository_trees"];
/// Columns that hold JSON, when they hold anything.
const JSON: [&str; 11] = [
    "parameters",
    "inputs",
    "env",
    "labels",
    "environment",
    "spec",
    "files",
    "samples",
    "answer",
    "plan",
    "told",
];

/// What was read, and the projects that there are, if that could be read.
pub(super) async fn inspect(
    config: &DbConfig,
    first: &Blobs,
    watch: Watch<'_>,
) -> Result<(Vec<Inspected>, Option<Vec<ProjectName>>)> {
    let (rows, logs) = (Inspected::new("database"), Inspected::new("logs"));
    let mut reader = Reader { first: first.clone(), projects: None, areas: HashMap::new(), rows, logs };
    let name = match config {
        DbConfig::Sqlite(file) => file.display().to_string(),
        DbConfig::Postgres(_) => "the PostgreSQL database".to_owned(),
    };
    if let Err(error) = reader.read(config, &name, watch).await {
        let problem = match error {
            Error::Damaged { why, .. } => why,
            // The database is not what does not answer.
            error @ Error::Storage { .. } => return Err(error),
            other => other.to_string(),
        };
        reader.rows.found(name, problem, "restore a backup");
    }
    Ok((vec![reader.rows, reader.logs], reader.projects))
}

/// What a bucket holds, by content: one list is less than a question for each row.
fn sizes(bucket: &Bucket) -> Result<HashMap<ContentHash, u64>> {
    let mut sizes = HashMap::new();
    bucket.list("blobs", |key, facts| {
        if let Ok(hash) = key.rsplit('/').next().unwrap_or(key).parse() {
            sizes.insert(hash, facts.size);
        }
        Ok(())
    })?;
    Ok(sizes)
}

struct Reader {
    first: Blobs,
    projects: Option<Vec<ProjectName>>,
    /// By project: content is looked for where its row's project has it, and nowhere else.
    areas: HashMap<String, Area>,
    rows: Inspected,
    logs: Inspected,
}

/// The stored files of a project.
struct Area {
    blobs: Blobs,
    /// Of a bucket.
    sizes: Option<HashMap<ContentHash, u64>>,
}

impl Area {
    fn open(blobs: Blobs) -> Result<Self> {
        let sizes = blobs.bucket().map(sizes).transpose()?;
        Ok(Self { blobs, sizes })
    }

    /// A file that a row refers to: what is wrong with it, as far as its size says. Its content is read with all the others.
    fn problem(&self, sha256: &ContentHash, size: Option<i64>) -> Option<String> {
        let name = self.blobs.name(sha256);
        let found = match &self.sizes {
            Some(sizes) => sizes.get(sha256).copied(),
            None => std::fs::metadata(&name).ok().map(|facts| facts.len()),
        };
        let expected = size.and_then(|size| u64::try_from(size).ok());
        match found {
            None => Some(format!("the stored file {name} is missing")),
            Some(found) if expected.is_some_and(|size| size != found) => {
                Some(format!("the stored file {name} has {found} bytes"))
            }
            Some(_) => None,
        }
    }
}

/// A row of a table.
struct Row<'a> {
    table: &'a Table,
    cells: &'a [Cell<'a>],
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&Cell<'_>> {
        self.table.columns.iter().position(|known| known.name == column).map(|at| &self.cells[at])
    }

    fn text(&self, column: &str) -> Option<&str> {
        match self.cell(column) {
            Some(Cell::Text(text)) => Some(text.as_ref()),
            _ => None,
        }
    }

    fn integer(&self, column: &str) -> i64 {
        match self.cell(column) {
            Some(Cell::Integer(number)) => *number,
            _ => 0,
        }
    }

    /// What it is called: its table and its key.
    fn name(&self) -> String {
        let part = |column: &String| match self.cell(column) {
            Some(Cell::Text(text)) => text.to_string(),
            Some(Cell::Integer(number)) => number.to_string(),
            _ => String::new(),
        };
        let key: Vec<String> = self.table.key.iter().map(part).collect();
        format!("{} {}", self.table.name, key.join(" "))
    }

    /// The files that it refers to, with their sizes where they are known; or what is wrong.
    fn files(&self) -> Result<Vec<(ContentHash, Option<i64>)>, &'static str> {
        let mut found = Vec::new();
        if let Some(sha256) = self.text("sha256") {
            let size = self.cell("size").map(|_| self.integer("size"));
            found.push((sha256.parse().map_err(|_| "`sha256` is no hash")?, size));
        }
        if let Some(files) = self.text("files").filter(|_| LISTS.contains(&&*self.table.name)) {
            let files: Vec<VersionFile> =
                serde_json::from_str(files).map_err(|_| "`files` is no list of files")?;
            found.extend(files.into_iter().map(|file| (file.sha256, i64::try_from(file.size).ok())));
        }
        Ok(found)
    }

    /// The log of an attempt, if it has one.
    fn log(&self) -> Option<StoredLog> {
        if self.table.name != "attempts" {
            return None;
        }
        let inline = match self.cell("log") {
            Some(Cell::Blob(bytes)) => Some(bytes.to_vec()),
            _ => None,
        };
        let lines = u64::try_from(self.integer("log_lines")).unwrap_or(0);
        let object = self.text("log_object").map(str::to_owned);
        let some = inline.is_some() || object.is_some() || lines > 0;
        some.then_some(StoredLog { lines, cut_bytes: 0, inline, object })
    }
}

impl Reader {
    async fn read(&mut self, config: &DbConfig, name: &str, watch: Watch<'_>) -> Result<()> {
        let mut snapshot = Snapshot::begin(config).await?;
        let schema = snapshot.schema().await?;
        for problem in snapshot.own_check().await? {
            self.rows.found(name, problem, "restore a backup");
        }
        self.open_areas(&snapshot.texts("SELECT id FROM projects").await?)?;
        for table in tables_of(schema).await? {
            let kinds = table.kinds();
            let step = format!("table {}", table.name);
            let mut done = 0;
            let mut each = |line: &[u8]| {
                done += 1;
                if done % 1024 == 0 {
                    watch(Progress { step: &step, done, total: None });
                }
                self.rows.read += 1;
                match std::str::from_utf8(line).map(|text| parse(text.trim_end_matches('\n'), &kinds)) {
                    Ok(Ok(cells)) => self.row(&Row { table: &table, cells: &cells }),
                    Ok(Err(error)) => self.rows.error(error, RESTORE),
                    Err(error) => self.rows.found(&step, error.to_string(), RESTORE),
                }
                Ok(())
            };
            snapshot.rows(&table, &mut each).await?;
        }
        for (_, problem, sql) in CONTRADICTIONS.iter().filter(|(schemas, ..)| schemas.contains(&schema)) {
            for id in snapshot.texts(sql).await? {
                self.rows.found(format!("run {id}"), *problem, RESTORE);
            }
        }
        snapshot.end().await;
        Ok(())
    }

    /// After the snapshot has begun, so that what its rows refer to is in the lists.
    fn open_areas(&mut self, names: &[String]) -> Result<()> {
        let mut projects = Vec::new();
        for name in names {
            match name.parse::<ProjectName>() {
                Ok(project) => {
                    self.areas.insert(name.clone(), Area::open(self.first.of(&project))?);
                    projects.push(project);
                }
                Err(error) => self.rows.found(format!("projects {name}"), error.to_string(), RESTORE),
            }
        }
        projects.sort();
        self.projects = Some(projects);
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) {
        let name = row.name();
        for column in JSON {
            if let Some(value) = row.text(column)
                && serde_json::from_str::<serde::de::IgnoredAny>(value).is_err()
            {
                self.rows.found(&name, format!("`{column}` is no JSON"), RESTORE);
            }
        }
        let known = match (row.table.name.as_str(), row.text("state")) {
            ("runs", Some(state)) => RunState::parse(state).is_some(),
            ("attempts", Some(state)) => AttemptState::parse(state).is_some(),
            _ => true,
        };
        if !known {
            self.rows.found(&name, "there is no such state", RESTORE);
        }
        self.content(row, &name);
    }

    /// What a row refers to, in the area of its project.
    fn content(&mut self, row: &Row<'_>, name: &str) {
        let files = row.files().unwrap_or_else(|problem| {
            self.rows.found(name, problem, RESTORE);
            Vec::new()
        });
        let log = row.log();
        if files.is_empty() && log.is_none() {
            return;
        }
        // Before schema 3, what belongs to a run had no column for it, and there was one project.
        let project = row.text("project").unwrap_or(ProjectName::default().as_str()).to_owned();
        let Some(area) = self.areas.get(&project) else {
            self.rows.found(name, format!("there is no project `{project}`"), RESTORE);
            return;
        };
        for (sha256, size) in files {
            if let Some(problem) = area.problem(&sha256, size) {
                self.rows.found(name, problem, RESTORE);
            }
        }
        let Some(log) = log else { return };
        self.logs.read += 1;
        match check_stored(&log, &area.blobs, Depth::Lines) {
            Ok(()) => {}
            Err(Error::Damaged { why, .. }) => {
                let object = log.object.as_ref().map(|object| area.blobs.log_name(object));
                self.logs.found(object.unwrap_or_else(|| name.to_owned()), why, RESTORE);
            }
            Err(error) => self.logs.error(error, RESTORE),
        }
    }
}
