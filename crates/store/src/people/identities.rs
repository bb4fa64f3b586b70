//! Who somebody is at a provider: issuer and subject, and never a mail address.

use rigi_model::event::Subject;
use rigi_model::{PersonId, Timestamp};
use serde_json::json;

use super::audit::{self, Deed, Entry};
use super::change_of;
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Result, Store};

/// An identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches for it.
    pub issuer: String,
    /// What the issuer calls the person, for ever.
    pub subject: String,
    /// The mail address that it said when the identity came; it decides nothing.
    pub mail_seen: Option<String>,
}

static INSERT: Statement = Statement::insert(
    "identities",
    &[("issuer", Text), ("subject", Text), ("person", Text), ("mail_seen", Text), ("created_at", Int)],
    "",
);
static REMOVE: Statement = Statement::delete(
    "identities",
    &[("person", Text), ("issuer", Text)],
    "identities.person = v.person AND identities.issuer = v.issuer",
);

pub(super) fn put(write: &mut Write, person: &PersonId, identity: &Identity, now: Timestamp) {
    let Identity { issuer, subject, mail_seen } = identity.clone();
    let row = [issuer.into(), subject.into(), person.to_string().into(), mail_seen.into(), now.0.into()];
    write.rows.add(&INSERT, row);
}

impl Db {
    /// Whose identity this is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn person_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<PersonId>> {
        let sql = "SELECT person FROM identities WHERE issuer = $1 AND subject = $2";
        let found: Option<String> = on_db!(self, pool => sqlx::query_scalar(sql)
            .bind(issuer).bind(subject).fetch_optional(pool).await?);
        found.map(|id| parsed("an account's id", &id)).transpose()
    }

    /// Identities of somebody.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn identities_of(&self, person: &PersonId) -> Result<Vec<Identity>> {
        let sql = "SELECT issuer, subject, mail_seen FROM identities WHERE person = $1 ORDER BY created_at";
        let rows: Vec<(String, String, Option<String>)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(person.as_str()).fetch_all(pool).await?);
        Ok(rows
            .into_iter()
            .map(|(issuer, subject, mail_seen)| Identity { issuer, subject, mail_seen })
            .collect())
    }
}

impl Store {
    /// Gives somebody who is signed in an identity more.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if it is another's.
    pub async fn add_identity(&self, person: &PersonId, identity: &Identity, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        put(&mut write, person, identity, deed.at);
        let after = Some(json!({"issuer": identity.issuer}));
        audit::add(
            &mut write,
            deed,
            Entry {
                action: "account.link",
                subject: "person",
                id: person.as_str(),
                after,
                ..Entry::default()
            },
        );
        self.write(write).await
    }

    /// Takes the identity at an issuer away.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_identity(&self, person: &PersonId, issuer: &str, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        write.rows.add(&REMOVE, [person.to_string().into(), issuer.to_owned().into()]);
        let before = Some(json!({"issuer": issuer}));
        audit::add(
            &mut write,
            deed,
            Entry {
                action: "account.unlink",
                subject: "person",
                id: person.as_str(),
                before,
                ..Entry::default()
            },
        );
        self.write(write).await
    }
}
