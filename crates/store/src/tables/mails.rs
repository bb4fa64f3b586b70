//! Mails that wait to be sent, and what became of those before: written in the commit of what they tell, so that neither is without
//! the other.
//!
//! Each try is claimed before it is made, by a row that only one can write: of two servers, one sends. A server that ends in between
//! leaves a mail that may have been taken; it is tried again when the next try is due, and carries the same id.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::mail::{MailKind, MailState};
use rigi_model::{MailId, ProjectName, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// What the whole server is called where a project stands.
const SERVER: &str = "*";

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its id, which is in its `Message-ID`.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// To which address.
    pub to: String,
    /// Its text, sealed: links are secrets.
    pub sealed: String,
    /// What it brings counts no longer after this time, and it is not sent any more.
    pub until: Option<Timestamp>,
}

/// What is known of a mail; its text is shown to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// To which address.
    pub to: String,
    /// What became of it.
    pub state: MailState,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// Why the last try went wrong.
    pub error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// See [`NewMail::until`].
    pub until: Option<Timestamp>,
    /// When it was sent, or given up.
    pub ended_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    recipient: String,
    state: String,
    tries: i64,
    next_at: Option<i64>,
    error: Option<String>,
    created_at: i64,
    until: Option<i64>,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for Mail {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let damaged = |what: &str| Error::Damaged { what: format!("mail {}", row.id), why: what.to_owned() };
        Ok(Self {
            kind: MailKind::parse(&row.kind).ok_or_else(|| damaged("its kind is none"))?,
            state: MailState::parse(&row.state).ok_or_else(|| damaged("its state is none"))?,
            id: parsed("a mail's id", &row.id)?,
            to: row.recipient,
            tries: u32::try_from(row.tries).unwrap_or(0),
            next_at: row.next_at.map(Timestamp),
            error: row.error,
            created_at: Timestamp(row.created_at),
            until: row.until.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
        })
    }
}

const SELECT: &str =
    "SELECT id, kind, recipient, state, tries, next_at, error, created_at, until, ended_at FROM mails";

static INSERT: Statement = Statement::insert(
    "mails",
    &[
        ("id", Text),
        ("kind", Text),
        ("recipient", Text),
        ("sealed", Text),
        ("state", Text),
        ("tries", Int),
        ("next_at", Int),
        ("error", Text),
        ("created_at", Int),
        ("until", Int),
        ("ended_at", Int),
    ],
    "",
);
static CLAIM: Statement = Statement::insert("claims", &[("what", Text), ("at", Int)], "");
static TRY: Statement =
    Statement::update("mails", &[("id", Text), ("tries", Int), ("next_at", Int)], "state = 'waiting'");
static PUT_OFF: Statement =
    Statement::update("mails", &[("id", Text), ("next_at", Int), ("error", Text)], "state = 'waiting'");
static WAKE: Statement = Statement::update("mails", &[("id", Text), ("next_at", Int)], "state = 'waiting'");
static END: Statement = Statement::update(
    "mails",
    &[("id", Text), ("state", Text), ("sealed", Text), ("next_at", Int), ("error", Text), ("ended_at", Int)],
    "state = 'waiting'",
);
/// The newest event stays, whatever it is of: its id would be given again.
static FORGET_EVENTS: Statement = Statement::delete(
    "events",
    &[("before", Int)],
    "events.subject = 'mail' AND events.id < (SELECT MAX(e.id) FROM events e) AND events.subject_id IN \
     (SELECT mails.id FROM mails WHERE mails.created_at < v.before)",
);
static FORGET: Statement = Statement::delete("mails", &[("before", Int)], "mails.created_at < v.before");
static FORGET_CLAIMS: Statement = Statement::delete(
    "claims",
    &[("before", Int)],
    "claims.what >= 'mail ' AND claims.what < 'mail!' AND claims.at < v.before",
);

/// Adds a mail to what is written; the server that leads is woken by it.
pub(crate) fn add(write: &mut Write, mail: &NewMail, now: Timestamp) {
    insert(write, mail, MailState::Waiting, None, now);
    write.tell(&ProjectName::unchecked(SERVER), Subject::Mail, mail.id.as_str(), SubjectEvent::CREATED, now);
}

/// The same, where there is one.
pub(crate) fn add_some(write: &mut Write, mail: Option<&NewMail>, now: Timestamp) {
    if let Some(mail) = mail {
        add(write, mail, now);
    }
}

fn insert(write: &mut Write, mail: &NewMail, state: MailState, error: Option<&str>, now: Timestamp) {
    let waits = state == MailState::Waiting;
    write.rows.add(
        &INSERT,
        [
            mail.id.to_string().into(),
            mail.kind.as_str().into(),
            mail.to.clone().into(),
            waits.then(|| mail.sealed.clone()).into(),
            state.as_str().into(),
            i64::from(!waits).into(),
            waits.then_some(now.0).into(),
            error.map(str::to_owned).into(),
            now.0.into(),
            mail.until.map(|until| until.0).into(),
            (!waits).then_some(now.0).into(),
        ],
    );
}

/// Adds the line of a mail that was tried once, outside the queue.
pub(crate) fn tried(write: &mut Write, mail: &NewMail, outcome: Result<(), &str>, now: Timestamp) {
    let state = if outcome.is_ok() { MailState::Sent } else { MailState::Failed };
    insert(write, mail, state, outcome.err(), now);
}

/// Has a mail that waits tried now.
pub(crate) fn wake(write: &mut Write, id: &MailId, now: Timestamp) {
    write.rows.add(&WAKE, [id.to_string().into(), now.0.into()]);
    write.tell(&ProjectName::unchecked(SERVER), Subject::Mail, id.as_str(), SubjectEvent::CHANGED, now);
}

impl Db {
    /// Mails, the newest first, older than `before`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn mails(&self, before: Option<&MailId>, limit: u32) -> Result<Vec<Mail>> {
        let sql = format!("{SELECT} WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2");
        let before = before.map_or("", MailId::as_str);
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(before).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(Mail::try_from).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn mail(&self, id: &MailId) -> Result<Mail> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id.as_str()).fetch_optional(pool).await?);
        row.map(Mail::try_from)
            .transpose()?
            .ok_or_else(|| Error::NotFound { what: "mail", id: id.to_string() })
    }

    /// How many wait.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn waiting_mails(&self) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM mails WHERE next_at IS NOT NULL";
        let count: i64 = on_db!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await?);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The mail that is due first, or will be.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next_mail(&self) -> Result<Option<Mail>> {
        let sql = format!("{SELECT} WHERE next_at IS NOT NULL ORDER BY next_at, id LIMIT 1");
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_optional(pool).await?);
        row.map(Mail::try_from).transpose()
    }

    /// The text of a mail, sealed; `None`: it is erased.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn text_of_mail(&self, id: &MailId) -> Result<Option<String>> {
        let sql = "SELECT sealed FROM mails WHERE id = $1";
        let found: Option<Option<String>> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(pool).await?);
        Ok(found.flatten())
    }
}

impl Store {
    /// Claims the next try of a mail. It is due again at `next_at`, should this server not say what became of the try.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another server has claimed it.
    pub async fn claim_mail(&self, mail: &Mail, next_at: Timestamp, now: Timestamp) -> Result<()> {
        let number = i64::from(mail.tries) + 1;
        let mut write = Write::default();
        write.rows.add(&CLAIM, [format!("mail {} {number}", mail.id).into(), now.0.into()]);
        write.rows.add(&TRY, [mail.id.to_string().into(), number.into(), next_at.0.into()]);
        self.write(write).await
    }

    /// A try went wrong; the next one is made at `next_at`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_off_mail(&self, id: &MailId, error: &str, next_at: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&PUT_OFF, [id.to_string().into(), next_at.0.into(), error.to_owned().into()]);
        self.write(write).await
    }

    /// A mail was sent, or is given up; its text is erased.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn end_mail(&self, id: &MailId, outcome: Result<(), &str>, now: Timestamp) -> Result<()> {
        let state = if outcome.is_ok() { MailState::Sent } else { MailState::Failed };
        let mut write = Write::default();
        write.rows.add(
            &END,
            [
                id.to_string().into(),
                state.as_str().into(),
                None::<String>.into(),
                None::<i64>.into(),
                outcome.err().map(str::to_owned).into(),
                now.0.into(),
            ],
        );
        self.write(write).await
    }

    /// Removes mails that were written before this time, whatever became of them.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_mails(&self, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        for statement in [&FORGET_EVENTS, &FORGET, &FORGET_CLAIMS] {
            write.rows.add(statement, [before.0.into()]);
        }
        self.write(write).await
    }
}
