//! Keys to the files of a project, for people and their tools, and the secrets of these and of runs' credentials.
//!
//! No secret is stored: it is made from the access key and the project's own key, which is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rigi_model::area::{AccessKey, KeyRights};
use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{PersonId, ProjectName, StorageKeyId, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use crate::db::{Db, on_db, parsed};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Hidden, Result, Store};

/// What secrets are made for, and nothing else.
const PURPOSE: &str = "rigi storage key 1\n";

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageKey {
    /// What it is called by programs.
    pub id: StorageKeyId,
    /// The project whose files it opens.
    pub project: ProjectName,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub rights: KeyRights,
    /// Who made it, where people have accounts: it is never more than they are.
    pub person: Option<PersonId>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// When it was used last, to some minutes.
    pub used_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    name: String,
    rights: String,
    person: Option<String>,
    made_at: i64,
    made_by: String,
    until: Option<i64>,
    used_at: Option<i64>,
}

impl TryFrom<Row> for StorageKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let what = "a storage key";
        let unknown = || Error::Damaged { what: what.into(), why: format!("`{}` is no right", row.rights) };
        Ok(Self {
            id: parsed("a storage key's id", &row.id)?,
            project: ProjectName::unchecked(row.project),
            rights: KeyRights::parse(&row.rights).ok_or_else(unknown)?,
            name: row.name,
            person: row.person.map(|person| parsed(what, &person)).transpose()?,
            made_at: Timestamp(row.made_at),
            made_by: row.made_by,
            until: row.until.map(Timestamp),
            used_at: row.used_at.map(Timestamp),
        })
    }
}

static INSERT: Statement = Statement::insert(
    "storage_keys",
    &[
        ("id", Text),
        ("project", Text),
        ("name", Text),
        ("rights", Text),
        ("person", Text),
        ("made_at", Int),
        ("made_by", Text),
        ("until", Int),
    ],
    "",
);
static USED: Statement =
    Statement::update("storage_keys", &[("id", Text), ("used_at", Int)], "name IS NOT NULL");
static REMOVE: Statement = Statement::delete("storage_keys", &[("id", Text)], "storage_keys.id = v.id");

const COLUMNS: &str =
    "SELECT id, project, name, rights, person, made_at, made_by, until, used_at FROM storage_keys";

impl Db {
    /// The keys of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn storage_keys(&self, project: &ProjectName) -> Result<Vec<StorageKey>> {
        let sql = format!("{COLUMNS} WHERE project = $1 ORDER BY name");
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// A key; `None`: there is none of this id, or it was taken back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn storage_key(&self, id: &StorageKeyId) -> Result<Option<StorageKey>> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(pool).await?);
        row.map(TryInto::try_into).transpose()
    }
}

fn change(key: &StorageKey, action: &'static str, deed: &Deed) -> Write {
    let kind = if action == "storage-keys.make" { SubjectEvent::SET } else { SubjectEvent::REMOVED };
    let mut write = Write::removal();
    write.tell(&key.project, Subject::Project, key.project.as_str(), kind, deed.at);
    let after = (kind == SubjectEvent::SET)
        .then(|| json!({"id": key.id, "rights": key.rights.as_str(), "until": key.until}));
    let entry = Entry {
        action,
        project: Some(&key.project),
        subject: "storage-key",
        id: &key.name,
        after,
        ..Entry::default()
    };
    audit::add(&mut write, deed, entry);
    write
}

impl Store {
    /// Makes a key. Its secret is that of its id ([`Self::storage_secret`]).
    ///
    /// # Errors
    /// If there is one of this name, or it cannot be written.
    pub async fn make_storage_key(&self, key: &StorageKey, deed: &Deed) -> Result<()> {
        if self.db().storage_keys(&key.project).await?.iter().any(|there| there.name == key.name) {
            return Err(Error::Conflict(format!("there is a storage key `{}`", key.name)));
        }
        self.make_project_sealer(&key.project, deed.at).await?;
        let mut write = change(key, "storage-keys.make", deed);
        write.rows.add(
            &INSERT,
            [
                key.id.to_string().into(),
                key.project.to_string().into(),
                key.name.clone().into(),
                key.rights.as_str().into(),
                key.person.as_ref().map(ToString::to_string).into(),
                key.made_at.0.into(),
                key.made_by.clone().into(),
                key.until.map(|until| until.0).into(),
            ],
        );
        self.write(write).await
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_storage_key(&self, key: &StorageKey, deed: &Deed) -> Result<()> {
        let mut write = change(key, "storage-keys.remove", deed);
        write.rows.add(&REMOVE, [key.id.to_string().into()]);
        self.write(write).await
    }

    /// Notes that a key was used.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn saw_storage_key(&self, id: &StorageKeyId, now: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&USED, [id.to_string().into(), now.0.into()]);
        self.write(write).await
    }

    /// The secret of an access key in a project; `None`: the project has given none so far.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn storage_secret(&self, project: &ProjectName, key: &AccessKey) -> Result<Option<Hidden>> {
        let Some(sealer) = self.project_sealer(project).await? else { return Ok(None) };
        Ok(Some(secret_of(&sealer.key(), key)))
    }

    /// The same where it is to be given away: the project's key is made if need be.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn give_storage_secret(
        &self,
        project: &ProjectName,
        key: &AccessKey,
        now: Timestamp,
    ) -> Result<Hidden> {
        let sealer = self.make_project_sealer(project, now).await?;
        Ok(secret_of(&sealer.key(), key))
    }
}

fn secret_of(project_key: &[u8], key: &AccessKey) -> Hidden {
    let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, project_key);
    let tag = ring::hmac::sign(&hmac, format!("{PURPOSE}{key}").as_bytes());
    Hidden(STANDARD_NO_PAD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_one_access_key_and_one_project() {
        let keys = [1, 2].map(|bits| AccessKey::Named(StorageKeyId::from_bits(bits)));
        let secrets =
            [secret_of(&[1; 32], &keys[0]), secret_of(&[1; 32], &keys[1]), secret_of(&[2; 32], &keys[0])];
        assert_eq!(secrets[0].0.len(), 43);
        assert_eq!(secrets[0], secret_of(&[1; 32], &keys[0]));
        assert!(secrets[0] != secrets[1] && secrets[0] != secrets[2] && secrets[1] != secrets[2]);
    }
}
