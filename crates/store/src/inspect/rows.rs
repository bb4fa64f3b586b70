//! The database: its own check of itself, every row of every table, and what the rows say of each other and of files.

use std::collections::HashMap;

use rigi_model::{AttemptState, ContentHash, RunState};

use super::logs::{Depth, check_stored};
use super::{Part, RESTORE};
use crate::backup::rows::{Cell, parse};
use crate::backup::schema::{Table, tables_of};
use crate::backup::snapshot::Snapshot;
use crate::backup::{Progress, Watch};
use crate::bucket::Bucket;
use crate::tables::attempts::StoredLog;
use crate::tables::versions::VersionFile;
use crate::{Blobs, DbConfig, Error, Result};

/// Rows that contradict each other: what is wrong, and how it is found. Each gives ids.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "its code is not stored",
        "SELECT r.id FROM runs r LEFT JOIN versions v ON v.project = r.project AND v.hash = r.version \
         WHERE v.hash IS NULL ORDER BY r.id LIMIT 100",
    ),
    (
        "no event says how it ended",
        "SELECT r.id FROM runs r WHERE r.ended_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM events e WHERE e.run = r.id AND e.kind = r.state) ORDER BY r.id LIMIT 100",
    ),
    (
        "its last attempt is not stored",
        "SELECT r.id FROM runs r WHERE r.ended_at IS NOT NULL AND r.started_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM attempts a WHERE a.run = r.id AND a.number = r.attempt) ORDER BY r.id LIMIT 100",
    ),
];

/// Columns that hold JSON, when they hold anything.
const JSON: [&str; 9] =
    ["parameters", "inputs", "env", "labels", "environment", "spec", "files", "samples", "answer"];

pub(super) async fn inspect(config: &DbConfig, blobs: &Blobs, watch: Watch<'_>) -> Result<Vec<Part>> {
    let sizes = blobs.bucket().map(sizes).transpose()?;
    let (rows, logs) = (Part::new("database"), Part::new("logs"));
    let mut reader = Reader { blobs: blobs.clone(), sizes, rows, logs };
    let name = match config {
        DbConfig::Sqlite(file) => file.display().to_string(),
        DbConfig::Postgres(_) => "the PostgreSQL database".to_owned(),
    };
    if let Err(error) = reader.read(config, &name, watch).await {
        let problem = match error {
            Error::Damaged { why, .. } => why,
            other => other.to_string(),
        };
        reader.rows.found(name, problem, "restore a backup");
    }
    Ok(vec![reader.rows, reader.logs])
}

/// What a bucket holds, by content: one list is less than a question for each row.
fn sizes(bucket: &Bucket) -> Result<HashMap<String, u64>> {
    let mut sizes = HashMap::new();
    bucket.list("blobs", |key, facts| {
        sizes.insert(key.rsplit('/').next().unwrap_or(key).to_owned(), facts.size);
        Ok(())
    })?;
    Ok(sizes)
}

struct Reader {
    blobs: Blobs,
    /// Of a bucket.
    sizes: Option<HashMap<String, u64>>,
    rows: Part,
    logs: Part,
}

impl Reader {
    async fn read(&mut self, config: &DbConfig, name: &str, watch: Watch<'_>) -> Result<()> {
        let mut snapshot = Snapshot::begin(config).await?;
        let schema = snapshot.schema().await?;
        for problem in snapshot.own_check().await? {
            self.rows.found(name, problem, "restore a backup");
        }
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
                    Ok(Ok(cells)) => self.row(&table, &cells),
                    Ok(Err(error)) => self.rows.error(error, RESTORE),
                    Err(error) => self.rows.found(&step, error.to_string(), RESTORE),
                }
                Ok(())
            };
            snapshot.rows(&table, &mut each).await?;
        }
        for (problem, sql) in CONTRADICTIONS {
            for id in snapshot.texts(sql).await? {
                self.rows.found(format!("run {id}"), *problem, RESTORE);
            }
        }
        snapshot.end().await;
        Ok(())
    }

    fn row(&mut self, table: &Table, cells: &[Cell<'_>]) {
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let text = |name: &str| match place(name).map(|at| &cells[at]) {
            Some(Cell::Text(text)) => Some(text.as_ref()),
            _ => None,
        };
        let integer = |name: &str| match place(name).map(|at| &cells[at]) {
            Some(Cell::Integer(number)) => *number,
            _ => 0,
        };
        let key: Vec<String> = table
            .key
            .iter()
            .map(|name| match place(name).map(|at| &cells[at]) {
                Some(Cell::Text(text)) => text.to_string(),
                Some(Cell::Integer(number)) => number.to_string(),
                _ => String::new(),
            })
            .collect();
        let row = format!("{} {}", table.name, key.join(" "));
        for name in JSON {
            if let Some(value) = text(name)
                && serde_json::from_str::<serde::de::IgnoredAny>(value).is_err()
            {
                self.rows.found(&row, format!("`{name}` is no JSON"), RESTORE);
            }
        }
        let known = match (table.name.as_str(), text("state")) {
            ("runs", Some(state)) => RunState::parse(state).is_some(),
            ("attempts", Some(state)) => AttemptState::parse(state).is_some(),
            _ => true,
        };
        if !known {
            self.rows.found(&row, "there is no such state", RESTORE);
        }
        if let Some(sha256) = text("sha256") {
            let size = place("size").map(|_| integer("size"));
            match sha256.parse() {
                Ok(hash) => self.file(&row, &hash, size),
                Err(_) => self.rows.found(&row, "`sha256` is no hash", RESTORE),
            }
        }
        if let Some(files) = text("files").filter(|_| table.name == "versions") {
            match serde_json::from_str::<Vec<VersionFile>>(files) {
                Ok(files) => {
                    files
                        .iter()
                        .for_each(|file| self.file(&row, &file.sha256, i64::try_from(file.size).ok()));
                }
                Err(_) => self.rows.found(&row, "`files` is no list of files", RESTORE),
            }
        }
        if table.name == "attempts" {
            let inline = match place("log").map(|at| &cells[at]) {
                Some(Cell::Blob(bytes)) => Some(bytes.to_vec()),
                _ => None,
            };
            let lines = u64::try_from(integer("log_lines")).unwrap_or(0);
            let log =
                StoredLog { lines, cut_bytes: 0, inline, object: text("log_object").map(str::to_owned) };
            self.log(&row, &log);
        }
    }

    /// A file that a row refers to: whether it is there. Its content is read with all the others.
    fn file(&mut self, row: &str, sha256: &ContentHash, size: Option<i64>) {
        let name = self.blobs.name(sha256);
        let found = match &self.sizes {
            Some(sizes) => sizes.get(&sha256.to_string()).copied(),
            None => std::fs::metadata(&name).ok().map(|facts| facts.len()),
        };
        let expected = size.and_then(|size| u64::try_from(size).ok());
        match found {
            None => self.rows.found(row, format!("the stored file {name} is missing"), RESTORE),
            Some(found) if expected.is_some_and(|size| size != found) => {
                let problem = format!("the stored file {name} has {found} bytes");
                self.rows.found(row, problem, RESTORE);
            }
            Some(_) => {}
        }
    }

    fn log(&mut self, row: &str, log: &StoredLog) {
        if log.inline.is_none() && log.object.is_none() && log.lines == 0 {
            return;
        }
        self.logs.read += 1;
        match check_stored(log, &self.blobs, Depth::Lines) {
            Ok(()) => {}
            Err(Error::Damaged { why, .. }) => {
                let object = log.object.as_ref().map(|o| self.blobs.log_name(o));
                self.logs.found(object.unwrap_or_else(|| row.to_owned()), why, RESTORE);
            }
            Err(error) => self.logs.error(error, RESTORE),
        }
    }
}
