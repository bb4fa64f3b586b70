//! What Fast-Flow remembers and Rigi has no place for: its audit log, counters and daily figures, when people came and were seen, settings of
//! its page. It is kept as one file in the data folder, a JSON object a line, for whoever has to look something up.

use std::fs;
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use futures_util::StreamExt as _;
use rigi_model::ErrorCode;
use rigi_store::ForeignRow;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::settings::FOLDER;
use super::{Moving, Run, not_opened};
use crate::trouble::Trouble;

const SUBJECT: &str = "history";
const FILE: &str = "fast-flow.jsonl";
/// Tables that are kept whole, but for columns that sign in or open something.
const TABLES: [&str; 10] = [
    "pipelines",
    "pipeline_daily_stats",
    "users",
    "invitations",
    "scheduled_jobs",
    "downstream_triggers",
    "notification_api_keys",
    "system_settings",
    "orchestrator_settings",
    "audit_log",
];
const LEFT_OUT: [&str; 3] = ["token", "key_hash", "teams_webhook_url"];

fn is_kept(column: &str) -> bool {
    !LEFT_OUT.contains(&column) && !column.ends_with("_encrypted")
}

/// A line of the file.
fn line(table: &str, row: &ForeignRow) -> String {
    let mut members = Map::new();
    members.insert("table".to_owned(), table.into());
    let kept = row.values().filter(|(column, _)| is_kept(column));
    members.extend(kept.map(|(column, value)| (column.to_owned(), value.into())));
    Value::Object(members).to_string()
}

fn cannot(path: &Path, error: &std::io::Error) -> Trouble {
    let what = format!("{} cannot be written: {error}", path.display());
    Trouble::new(ErrorCode::StorageUnavailable, what, "check the rights and the disk of the data folder")
}

impl Moving<'_> {
    pub(super) async fn bring_history(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let folder = self.loaded.data_folder().join(FOLDER);
        let path = folder.join(FILE);
        let draft = folder.join(format!("{FILE}.new"));
        let mut out = match self.options.run {
            Run::Dry => None,
            Run::Real => {
                fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
                let mut options = fs::File::options();
                let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft);
                Some(BufWriter::new(file.map_err(|error| cannot(&draft, &error))?))
            }
        };
        let (mut count, mut hash) = (0, Sha256::new());
        for table in TABLES {
            let columns = self.foreign.columns(table).await.map_err(|error| not_opened(&error))?;
            if columns.is_empty() {
                continue;
            }
            let mut rows = self.foreign.rows(table, &columns);
            while let Some(row) = rows.next().await {
                let row = row.map_err(|error| not_opened(&error))?;
                count += 1;
                let line = line(table, &row) + "\n";
                hash.update(line.as_bytes());
                if let Some(out) = &mut out {
                    out.write_all(line.as_bytes()).map_err(|error| cannot(&draft, &error))?;
                }
            }
        }
        if let Some(out) = out {
            let flushed = out.into_inner().map_err(std::io::IntoInnerError::into_error);
            flushed.map_err(|error| cannot(&draft, &error))?;
        }
        let same = hash_of(&path).is_some_and(|there| there == hash.finalize()[..]);
        if same {
            self.report.here(SUBJECT, count);
        } else {
            self.report.came(SUBJECT, count);
            let why = format!(
                "counters, daily figures, the audit log and what else has no place here are in {}, a JSON object a line",
                path.display()
            );
            self.report.differs(SUBJECT, "all", why);
        }
        match self.options.run {
            Run::Dry => Ok(()),
            Run::Real if same => fs::remove_file(&draft).map_err(|error| cannot(&draft, &error)),
            Run::Real => fs::rename(&draft, &path).map_err(|error| cannot(&path, &error)),
        }
    }
}

/// The hash of a file, if there is one.
fn hash_of(path: &Path) -> Option<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut file = fs::File::open(path).ok()?;
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hash.finalize().to_vec()),
            read => hash.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_opens_or_signs_in_is_kept() {
        let row = ForeignRow::from([
            ("id", "1"),
            ("token", "t"),
            ("smtp_password_encrypted", "gAAA"),
            ("label", "CI \"x\""),
        ]);
        assert_eq!(line("a", &row), r#"{"table":"a","id":"1","label":"CI \"x\""}"#);
    }
}
