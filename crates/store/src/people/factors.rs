//! The second factor: a secret that one's telephone holds as well, and codes for when it is lost.

use rigi_model::event::Subject;
use rigi_model::{PersonId, Timestamp};

use super::audit::{self, Deed, Entry};
use super::{change_of, hash_of};
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Result, Store};

/// A second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its secret, sealed.
    pub sealed: String,
    /// In use since then; `None`: its first code has not come yet.
    pub confirmed_at: Option<Timestamp>,
}

static PUT: Statement = Statement::insert(
    "factors",
    &[("person", Text), ("sealed", Text)],
    "ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed, confirmed_at = NULL",
);
static CONFIRM: Statement =
    Statement::update("factors", &[("person", Text), ("confirmed_at", Int)], "confirmed_at IS NULL");
static REMOVE: Statement = Statement::delete("factors", &[("person", Text)], "factors.person = v.person");
static ADD_CODE: Statement =
    Statement::insert("recovery_codes", &[("person", Text), ("hash", Text)], "ON CONFLICT DO NOTHING");
static NO_CODES: Statement =
    Statement::delete("recovery_codes", &[("person", Text)], "recovery_codes.person = v.person");

fn codes(write: &mut Write, person: &PersonId, codes: &[String]) {
    write.rows.add(&NO_CODES, [person.to_string().into()]);
    for code in codes {
        write.rows.add(&ADD_CODE, [person.to_string().into(), hash_of(code).into()]);
    }
}

impl Db {
    /// Somebody's second factor.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn factor_of(&self, person: &PersonId) -> Result<Option<Factor>> {
        let sql = "SELECT sealed, confirmed_at FROM factors WHERE person = $1";
        let row: Option<(String, Option<i64>)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(person.as_str()).fetch_optional(pool).await?);
        Ok(row.map(|(sealed, confirmed)| Factor { sealed, confirmed_at: confirmed.map(Timestamp) }))
    }

    /// What makes a recovery code serve once; `None`: it is none of this person's.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn recovery_claim(&self, person: &PersonId, code: &str) -> Result<Option<String>> {
        let sql = "SELECT hash FROM recovery_codes WHERE person = $1 AND hash = $2";
        let found: Option<String> = on_db!(self, pool => sqlx::query_scalar(sql)
            .bind(person.as_str()).bind(hash_of(code)).fetch_optional(pool).await?);
        Ok(found.map(|hash| format!("recovery {person} {hash}")))
    }

    /// Recovery codes that somebody has left.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn recovery_codes_left(&self, person: &PersonId) -> Result<i64> {
        let sql = "SELECT COUNT(*) FROM recovery_codes r WHERE r.person = $1 AND NOT EXISTS \
                   (SELECT 1 FROM claims c WHERE c.what = 'recovery ' || r.person || ' ' || r.hash)";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).bind(person.as_str()).fetch_one(pool).await?))
    }
}

impl Store {
    /// Begins a second factor; it counts when its first code has come.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn begin_factor(&self, person: &PersonId, sealed: String) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&PUT, [person.to_string().into(), sealed.into()]);
        self.write(write).await
    }

    /// Takes it into use, with codes for when it is lost. `note` tells of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn confirm_factor(
        &self,
        person: &PersonId,
        recovery: &[String],
        once: String,
        note: Option<&NewMail>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        write.rows.add(&CONFIRM, [person.to_string().into(), deed.at.0.into()]);
        codes(&mut write, person, recovery);
        super::claim(&mut write, once, deed.at);
        mails::add_some(&mut write, note, deed.at);
        let entry =
            Entry { action: "account.factor-on", subject: "person", id: person.as_str(), ..Entry::default() };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Gives it up. `note` tells of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_factor(&self, person: &PersonId, note: Option<&NewMail>, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        write.rows.add(&REMOVE, [person.to_string().into()]);
        codes(&mut write, person, &[]);
        mails::add_some(&mut write, note, deed.at);
        let entry = Entry {
            action: "account.factor-off",
            subject: "person",
            id: person.as_str(),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
