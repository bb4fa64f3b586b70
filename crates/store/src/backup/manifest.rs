//! What a snapshot consists of: one line of JSON, and its SHA-256 on a second line.

use rigi_model::Timestamp;
use rigi_model::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chunks::Chunk;
use crate::{Error, Result};

/// The format that is written, and the newest that is read.
pub(super) const FORMAT: u32 = 1;

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file and of what it lists.
    pub format: u32,
    /// Its name: when it was taken.
    pub id: String,
    /// When it was taken.
    pub created_at: Timestamp,
    /// The version of Rigi that took it.
    pub rigi: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Schema of its tables.
    pub schema: i64,
    /// Runs in it.
    pub runs: u64,
    /// Those that had not ended.
    pub open_runs: u64,
    /// Rows that hold sealed values.
    pub sealed: u64,
    /// A text sealed with the key of the data folder: only that key opens it.
    pub key_check: Option<String>,
    /// The key itself, hex, if it was asked for.
    pub key: Option<String>,
    /// Every table.
    pub(super) tables: Vec<TableRows>,
    /// Every stored file: path, size, SHA-256 and time of its last change.
    pub(super) files: Listed,
    /// Bytes of the stored files.
    pub file_bytes: u64,
    /// Stored files that were damaged when it was taken, and so are not in it.
    pub damaged: Vec<String>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableRows {
    pub name: String,
    pub columns: Vec<String>,
    #[serde(flatten)]
    pub rows: Listed,
}

/// Lines in chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub lines: u64,
    pub chunks: Vec<Chunk>,
}

impl Manifest {
    /// Stored files in it.
    #[must_use]
    pub const fn file_count(&self) -> u64 {
        self.files.lines
    }

    /// Every list of lines.
    pub(super) fn lists(&self) -> impl Iterator<Item = &Listed> {
        self.tables.iter().map(|table| &table.rows).chain([&self.files])
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Plain structures with string keys: this cannot fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        let sum = hex(&Sha256::digest(&bytes));
        bytes.push(b'\n');
        bytes.extend_from_slice(sum.as_bytes());
        bytes.push(b'\n');
        bytes
    }

    pub(super) fn read(bytes: &[u8], name: &str) -> Result<Self> {
        let damaged = |why: &str| Error::Damaged { what: name.to_owned(), why: why.to_owned() };
        // The JSON, a newline, 64 digits, a newline.
        let split = bytes.len().checked_sub(66).ok_or_else(|| damaged("it is cut off"))?;
        let (json, sum) = bytes.split_at(split);
        let expected = format!("\n{}\n", hex(&Sha256::digest(json)));
        if sum != expected.as_bytes() {
            return Err(damaged("it does not match its checksum"));
        }
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let unread = |e: serde_json::Error| damaged(&e.to_string());
        let Format { format } = serde_json::from_slice(json).map_err(unread)?;
        if format > FORMAT {
            return Err(Error::Newer { found: i64::from(format), known: i64::from(FORMAT) });
        }
        serde_json::from_slice(json).map_err(unread)
    }
}
