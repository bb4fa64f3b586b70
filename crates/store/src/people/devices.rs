//! Terminals that want to be let in (RFC 8628): they show a short code, and somebody who has signed in says yes or no.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::people::Key;
use rigi_model::{PersonId, Timestamp};
use sqlx::FromRow;

use super::audit::{self, Deed, Entry};
use super::tokens::{self, Token};
use super::{claim, hash_of, tell};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Result, Store};

/// A terminal that wants to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it shows.
    pub user_code: String,
    /// What it calls itself.
    pub name: String,
    /// Where it asks from.
    pub address: Option<String>,
    /// When it asked.
    pub created_at: Timestamp,
    /// When its code ends.
    pub until: Timestamp,
    /// Who let it in; `None`: nobody has answered.
    pub allowed_by: Option<PersonId>,
    /// Somebody said no.
    pub denied: bool,
}

#[derive(FromRow)]
struct Row {
    user_code: String,
    name: String,
    address: Option<String>,
    created_at: i64,
    until: i64,
    person: Option<String>,
    answer: Option<String>,
}

static INSERT: Statement = Statement::insert(
    "device_codes",
    &[
        ("hash", Text),
        ("user_code", Text),
        ("name", Text),
        ("address", Text),
        ("created_at", Int),
        ("until", Int),
    ],
    "",
);
static ANSWER: Statement = Statement::update(
    "device_codes",
    &[("user_code", Text), ("person", Text), ("answer", Text)],
    "answer IS NULL",
);
static REMOVE: Statement = Statement::delete("device_codes", &[("hash", Text)], "device_codes.hash = v.hash");
static FORGET: Statement = Statement::delete("device_codes", &[("now", Int)], "device_codes.until < v.now");

const COLUMNS: &str = "SELECT user_code, name, address, created_at, until, person, answer FROM device_codes";

fn device(row: Row) -> Result<Device> {
    let allowed = row.answer.as_deref() == Some("allow");
    Ok(Device {
        user_code: row.user_code,
        name: row.name,
        address: row.address,
        created_at: Timestamp(row.created_at),
        until: Timestamp(row.until),
        allowed_by: row.person.filter(|_| allowed).map(|id| parsed("an account's id", &id)).transpose()?,
        denied: row.answer.is_some() && !allowed,
    })
}

impl Db {
    /// The terminal that shows this code.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn device_by_user_code(&self, code: &str, now: Timestamp) -> Result<Option<Device>> {
        self.one_device("user_code", code, now).await
    }

    /// The terminal that has this secret.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn device_by_secret(&self, secret: &str, now: Timestamp) -> Result<Option<Device>> {
        self.one_device("hash", &hash_of(secret), now).await
    }

    async fn one_device(&self, column: &'static str, value: &str, now: Timestamp) -> Result<Option<Device>> {
        let sql = format!("{COLUMNS} WHERE {column} = $1 AND until > $2");
        let row: Option<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(value).bind(now.0).fetch_optional(pool).await?
        });
        row.map(device).transpose()
    }

    /// Terminals that wait for an answer: those that ask from an address, and all of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn waiting_devices(&self, address: Option<&str>, now: Timestamp) -> Result<(i64, i64)> {
        let sql = "SELECT COALESCE(SUM(CASE WHEN COALESCE(address, '') = $1 THEN 1 ELSE 0 END), 0), COUNT(*) \
                   FROM device_codes WHERE until > $2";
        Ok(on_db!(self, pool => sqlx::query_as(sql)
            .bind(address.unwrap_or_default()).bind(now.0).fetch_one(pool).await?))
    }
}

impl Store {
    /// A terminal asks to be let in.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if another shows the same code.
    pub async fn add_device(&self, secret: &str, device: &Device) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(
            &INSERT,
            [
                hash_of(secret).into(),
                device.user_code.clone().into(),
                device.name.clone().into(),
                device.address.clone().into(),
                device.created_at.0.into(),
                device.until.0.into(),
            ],
        );
        self.write(write).await
    }

    /// Somebody lets a terminal in as themselves, or does not. The first answer counts.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if it was answered before.
    pub async fn answer_device(
        &self,
        device: &Device,
        by: &PersonId,
        allow: bool,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::default();
        let answer = if allow { "allow" } else { "deny" };
        claim(&mut write, format!("device {}", device.user_code), deed.at);
        write.rows.add(&ANSWER, [device.user_code.clone().into(), by.to_string().into(), answer.into()]);
        // Whoever waits for the answer hears of it.
        tell(&mut write, Subject::Token, &device.user_code, SubjectEvent::CHANGED, deed.at);
        let after = Some(serde_json::json!({"terminal": device.name, "answer": answer}));
        let entry =
            Entry { action: "device.answer", subject: "person", id: by.as_str(), after, ..Entry::default() };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// The terminal takes its token: once.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if it has taken it before.
    pub async fn let_in(
        &self,
        secret: &str,
        person: &PersonId,
        key: &Key,
        token: &Token,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::default();
        claim(&mut write, format!("device token {}", hash_of(secret)), deed.at);
        write.rows.add(&REMOVE, [hash_of(secret).into()]);
        tokens::put(&mut write, person, key, token, deed);
        self.write(write).await
    }

    /// Removes codes that have ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_devices(&self, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&FORGET, [now.0.into()]);
        self.write(write).await
    }
}
