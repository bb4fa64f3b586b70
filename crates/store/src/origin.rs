//! Which database belongs to which data folder. A folder that was in use and has lost its database or its key is not
//! opened as if it were new: what it holds would be taken for nobody's.

use std::fs;
use std::path::{Path, PathBuf};

use rigi_model::hash::hex;
use rigi_model::{ProjectName, Timestamp};

use crate::db::{Db, DbConfig, on_db, on_tx};
use crate::rows::BindKind::Text;
use crate::rows::Statement;
use crate::seal::{self, CHECK_FILE, KEY_FILE};
use crate::write::Write;
use crate::{Error, Result};

/// Names the database of a data folder, in the folder.
const FILE: &str = "database.id";

/// What is begun anew although the data folder was in use: only where somebody has said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renew {
    /// With the database that is there, or with a new one.
    pub database: bool,
    /// With a new key, if there is none.
    pub key: bool,
}

/// What a data folder says of its past.
#[derive(Debug)]
pub(crate) struct Past {
    place: PathBuf,
    /// Its database.
    id: Option<String>,
    in_use: bool,
}

impl Past {
    /// Reads it. `stored` is where the files of all projects lie, if that is a folder.
    pub(crate) fn read(data: &Path, stored: Option<&Path>) -> Result<Self> {
        let place = data.join(FILE);
        let id = match fs::read_to_string(&place) {
            Ok(text) => Some(text.trim().to_owned()).filter(|id| !id.is_empty()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(format!("read {}", place.display()))(error)),
        };
        let in_use = id.is_some() || stored.is_some_and(holds_files);
        Ok(Self { place, id, in_use })
    }

    /// Looks whether a SQLite file is there before it is made.
    pub(crate) fn expect_file(&self, config: &DbConfig, renew: Renew) -> Result<()> {
        let DbConfig::Sqlite(file) = config else { return Ok(()) };
        if fs::metadata(file).is_ok_and(|facts| facts.len() > 0) { Ok(()) } else { self.lost_database(renew) }
    }

    /// The database is a new one.
    pub(crate) fn lost_database(&self, renew: Renew) -> Result<()> {
        if !self.in_use || renew.database {
            return Ok(());
        }
        let folder = self.place.parent().unwrap_or(&self.place).display();
        Err(Error::Lost {
            part: "database",
            what: format!("{folder} was in use, and its database is gone or empty"),
        })
    }

    /// Looks whether the key is there before a new one is made.
    pub(crate) fn expect_key(&self, data: &Path, renew: Renew) -> Result<()> {
        // A restore brings no key where nothing is sealed.
        let had_one = self.id.is_some() || data.join(CHECK_FILE).exists();
        if !had_one || data.join(KEY_FILE).exists() {
            return Ok(());
        }
        if renew.key {
            return seal::forget(data);
        }
        let what = format!("{} was in use, and its key {KEY_FILE} is gone", data.display());
        Err(Error::Lost { part: "key", what })
    }

    /// The database is the one of this folder, or becomes it.
    pub(crate) fn settle(&self, origin: &Origin, renew: Renew) -> Result<()> {
        match &self.id {
            Some(id) if *id == origin.id => return Ok(()),
            Some(id) if !renew.database => {
                let folder = self.place.parent().unwrap_or(&self.place).display();
                let what = format!(
                    "{folder} belongs to the database {}, and this one is {}",
                    id.get(..8).unwrap_or(id),
                    origin.id.get(..8).unwrap_or(&origin.id)
                );
                return Err(Error::Lost { part: "database", what });
            }
            _ => {}
        }
        seal::write_new(&self.place, origin.id.as_bytes())
    }
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub id: String,
    pub created_at: Timestamp,
}

/// Whether a database was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It was empty.
    New,
    /// It may know of files as old as can be.
    Old,
}

impl Db {
    /// Since when this database remembers.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn created_at(&self) -> Result<Timestamp> {
        Ok(self.origin().await?.map_or(Timestamp::now(), |origin| origin.created_at))
    }

    async fn origin(&self) -> Result<Option<Origin>> {
        let sql = "SELECT id, created_at FROM origin";
        let row: Option<(String, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_optional(pool).await?);
        Ok(row.map(|(id, at)| Origin { id, created_at: Timestamp(at) }))
    }

    /// The same, and which key seals its values; `None`: it is none yet.
    pub(crate) async fn keyed_origin(&self, sealer: &seal::Sealer) -> Result<Option<(Origin, Keyed)>> {
        let sql = "SELECT id, created_at, key_name FROM origin";
        let row: Option<(String, i64, Option<String>)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_optional(pool).await?);
        Ok(row.map(|(id, at, name)| {
            let is_this = name.is_some_and(|name| name == sealer.key_name());
            let keyed = if is_this { Keyed::ByThis } else { Keyed::ByAnother };
            (Origin { id, created_at: Timestamp(at) }, keyed)
        }))
    }

    /// The same; made once, for a database that has just been made, or had it taken back with its schema.
    pub(crate) async fn settle_origin(&self, age: Age, past: &Past) -> Result<Origin> {
        if let Some(origin) = self.origin().await? {
            return Ok(origin);
        }
        let new = || Ok::<_, Error>(hex(&seal::random::<16>()?));
        let origin = match age {
            Age::New => Origin { id: new()?, created_at: Timestamp::now() },
            Age::Old => {
                let id = past.id.clone().map_or_else(new, Ok)?;
                Origin { id, created_at: Timestamp(0) }
            }
        };
        let mut tx = self.begin().await?;
        let sql = "INSERT INTO origin (id, created_at) VALUES ($1, $2)";
        on_tx!(&mut tx, c, D => {
            sqlx::query(sql).bind(&origin.id).bind(origin.created_at.0).execute(c).await?;
        });
        tx.commit().await?;
        Ok(origin)
    }
}

/// Which key the values of a database are sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyed {
    ByThis,
    /// Or by none that is known of.
    ByAnother,
}

static KEY_NAME: Statement =
    Statement::update("origin", &[("id", Text), ("key_name", Text)], "id IS NOT NULL");

/// What those that follow know this server's key by.
pub(crate) fn key_name(origin: &Origin, name: String) -> Write {
    let mut write = Write::default();
    write.rows.add(&KEY_NAME, [origin.id.clone().into(), name.into()]);
    write
}

/// Whether any project has a file there.
fn holds_files(root: &Path) -> bool {
    let inside = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_project = |entry: &fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|name| name.parse::<ProjectName>().is_ok())
    };
    let mut shards = inside(root).filter(is_project).flat_map(|area| inside(&area.path().join("blobs")));
    shards.any(|shard| inside(&shard.path()).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_in_use_when_any_project_has_a_file_there() {
        let root = tempfile::tempdir().unwrap();
        assert!(!holds_files(&root.path().join("gone")));
        for empty in ["default/blobs/ab", "lab/blobs", "lab/logs", ".tmp/blobs/ab", "Not a project/blobs/ab"]
        {
            fs::create_dir_all(root.path().join(empty)).unwrap();
        }
        for nobodys in [".tmp/blobs/ab/file", "Not a project/blobs/ab/file"] {
            fs::write(root.path().join(nobodys), "x").unwrap();
        }
        assert!(!holds_files(root.path()));
        fs::create_dir_all(root.path().join("lab/blobs/cd")).unwrap();
        fs::write(root.path().join("lab/blobs/cd/file"), "x").unwrap();
        assert!(holds_files(root.path()));
    }
}
