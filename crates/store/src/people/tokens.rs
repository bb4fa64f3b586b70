//! Tokens of people and of service accounts: stored as a hash, and never more than their owner is at the moment.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::people::Key;
use rigi_model::rights::Role;
use rigi_model::{PersonId, ProjectName, Timestamp, TokenId};
use serde_json::json;
use sqlx::FromRow;

use super::audit::{self, Deed, Entry};
use super::{hash_of, tell};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// A token, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, which opens nothing.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// In this project alone.
    pub project: Option<ProjectName>,
    /// At most this role.
    pub role: Option<Role>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// When it was used last, to some minutes.
    pub used_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    hint: String,
    project: Option<String>,
    role: Option<String>,
    created_at: i64,
    until: Option<i64>,
    used_at: Option<i64>,
}

impl TryFrom<Row> for Token {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: parsed("a token's id", &row.id)?,
            name: row.name,
            hint: row.hint,
            project: row.project.map(ProjectName::unchecked),
            role: row.role.as_deref().and_then(Role::parse),
            created_at: Timestamp(row.created_at),
            until: row.until.map(Timestamp),
            used_at: row.used_at.map(Timestamp),
        })
    }
}

static INSERT: Statement = Statement::insert(
    "tokens",
    &[
        ("hash", Text),
        ("id", Text),
        ("person", Text),
        ("name", Text),
        ("hint", Text),
        ("project", Text),
        ("role", Text),
        ("created_at", Int),
        ("until", Int),
    ],
    "",
);
static USED: Statement = Statement::update("tokens", &[("id", Text), ("used_at", Int)], "hash IS NOT NULL");
static REMOVE: Statement = Statement::delete("tokens", &[("id", Text)], "tokens.id = v.id");

/// Adds a token, with its line of the audit log.
pub(super) fn put(write: &mut Write, person: &PersonId, key: &Key, token: &Token, deed: &Deed) {
    let project = token.project.as_ref().map(|project| project.as_str().to_owned());
    write.rows.add(
        &INSERT,
        [
            hash_of(key.expose()).into(),
            token.id.to_string().into(),
            person.to_string().into(),
            token.name.clone().into(),
            token.hint.clone().into(),
            project.clone().into(),
            token.role.map(Role::as_str).into(),
            deed.at.0.into(),
            token.until.map(|until| until.0).into(),
        ],
    );
    let after = json!({"of": person, "name": token.name, "project": project, "role": token.role, "until": token.until});
    let entry = Entry {
        action: "tokens.add",
        project: token.project.as_ref(),
        subject: "token",
        id: token.id.as_str(),
        after: Some(after),
        ..Entry::default()
    };
    audit::add(write, deed, entry);
}

impl Db {
    /// Tokens of an account, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tokens_of(&self, person: &PersonId) -> Result<Vec<Token>> {
        let sql = "SELECT id, name, hint, project, role, created_at, until, used_at FROM tokens \
                   WHERE person = $1 ORDER BY created_at DESC, id DESC LIMIT 1000";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(person.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(Token::try_from).collect()
    }
}

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add_token(&self, person: &PersonId, key: &Key, token: &Token, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        put(&mut write, person, key, token, deed);
        self.write(write).await
    }

    /// Remembers that a token was used.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn saw_token(&self, id: &TokenId, now: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&USED, [id.to_string().into(), now.0.into()]);
        self.write(write).await
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_token(&self, token: &Token, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&REMOVE, [token.id.to_string().into()]);
        tell(&mut write, Subject::Token, token.id.as_str(), SubjectEvent::ENDED, deed.at);
        let entry = Entry {
            action: "tokens.remove",
            project: token.project.as_ref(),
            subject: "token",
            id: token.id.as_str(),
            before: Some(json!({"name": token.name})),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
