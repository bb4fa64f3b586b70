//! Who carries a session or a token, and what they are now. Read once, and remembered until something about it changes.

use std::collections::BTreeMap;

use rigi_model::people::PersonState;
use rigi_model::rights::{Grant, Reach, Role, Standing};
use rigi_model::{PersonId, ProjectName, SessionId, Timestamp, TokenId};
use sqlx::FromRow;

use super::{Person, grants, hash_of};
use crate::Result;
use crate::db::{Db, on_db, parsed};

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// A session of a browser.
    Session(SessionId),
    /// A token.
    Token(TokenId),
}

/// Somebody who carries a session or a token that counts.
#[derive(Debug, Clone)]
pub struct Held {
    /// Who.
    pub person: Person,
    /// By what.
    pub carrier: Carrier,
    /// What they are, as far as what they carry goes.
    pub standing: Standing,
    /// It was made for less than the account may.
    pub narrowed: bool,
    /// It ends by itself then.
    pub until: Option<Timestamp>,
    /// When it was used last, as far as that is stored.
    pub seen_at: Timestamp,
}

#[derive(FromRow)]
struct SessionRow {
    id: String,
    person: String,
    seen_at: i64,
    until: i64,
}

#[derive(FromRow)]
struct TokenRow {
    id: String,
    person: String,
    project: Option<String>,
    role: Option<String>,
    created_at: i64,
    used_at: Option<i64>,
    until: Option<i64>,
}

impl Db {
    /// What somebody is now: nothing, unless their account may be used.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn standing_of(&self, person: &PersonId) -> Result<Standing> {
        let sql = "SELECT project, role FROM grants WHERE principal = $1 UNION ALL SELECT g.project, g.role FROM group_members m \
                   JOIN grants g ON g.principal = m.people_group WHERE m.person = $1";
        let rows: Vec<(String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(person.as_str()).fetch_all(pool).await?);
        let mut roles = BTreeMap::<ProjectName, Role>::new();
        let mut administrator = false;
        for (project, role) in rows {
            match grants::read(&project, &role) {
                Some(Grant::Administrator) => administrator = true,
                Some(Grant::Role(project, role)) => {
                    let strongest = roles.entry(project).or_insert(role);
                    *strongest = role.max(*strongest);
                }
                None => {}
            }
        }
        Ok(Standing { administrator, everywhere: administrator.then_some(Role::Owner), roles })
    }

    /// Who carries a session that has neither ended nor been idle since `idle`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn held_session(&self, secret: &str, now: Timestamp, idle: Timestamp) -> Result<Option<Held>> {
        let sql =
            "SELECT id, person, seen_at, until FROM sessions WHERE hash = $1 AND until > $2 AND seen_at > $3";
        let row: Option<SessionRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(hash_of(secret)).bind(now.0).bind(idle.0).fetch_optional(pool).await?);
        let Some(row) = row else { return Ok(None) };
        let Some((person, standing)) = self.active(&row.person).await? else { return Ok(None) };
        let carrier = Carrier::Session(parsed("a session's id", &row.id)?);
        let (until, seen_at) = (Some(Timestamp(row.until)), Timestamp(row.seen_at));
        Ok(Some(Held { person, carrier, standing, narrowed: false, until, seen_at }))
    }

    /// Who carries a token that has not ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn held_token(&self, key: &str, now: Timestamp) -> Result<Option<Held>> {
        let sql = "SELECT id, person, project, role, created_at, used_at, until FROM tokens \
                   WHERE hash = $1 AND (until IS NULL OR until > $2)";
        let row: Option<TokenRow> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(hash_of(key)).bind(now.0).fetch_optional(pool).await?);
        let Some(row) = row else { return Ok(None) };
        let Some((person, standing)) = self.active(&row.person).await? else { return Ok(None) };
        // A role that this version does not know is none at all.
        let most = match row.role.as_deref().map(Role::parse) {
            Some(None) => return Ok(None),
            Some(role) => role,
            None => None,
        };
        let narrowed = row.project.is_some() || most.is_some();
        let standing = standing.within(&Reach { project: row.project.map(ProjectName::unchecked), most });
        let carrier = Carrier::Token(parsed("a token's id", &row.id)?);
        let seen_at = Timestamp(row.used_at.unwrap_or(row.created_at));
        Ok(Some(Held { person, carrier, standing, narrowed, until: row.until.map(Timestamp), seen_at }))
    }

    async fn active(&self, person: &str) -> Result<Option<(Person, Standing)>> {
        let id: PersonId = parsed("an account's id", person)?;
        let person = match self.person(&id).await {
            Ok(person) if person.state == PersonState::Active => person,
            Ok(_) | Err(crate::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let standing = self.standing_of(&id).await?;
        Ok(Some((person, standing)))
    }
}
