//! Sessions of browsers, and of terminals that somebody has let in. Only a hash is stored of what a browser shows.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::people::SignInWay;
use rigi_model::{PersonId, SessionId, Timestamp};
use sqlx::FromRow;

use super::audit::{self, Deed, Entry};
use super::{hash_of, tell};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which opens nothing.
    pub id: SessionId,
    /// How it began.
    pub way: SignInWay,
    /// When.
    pub created_at: Timestamp,
    /// When it was used last, to some minutes.
    pub seen_at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// From which address it began.
    pub address: Option<String>,
    /// What the browser says that it is.
    pub agent: Option<String>,
}

/// A session to be begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// What the browser will show; its hash is stored.
    pub secret: String,
    /// Whose.
    pub person: PersonId,
    /// How it begins.
    pub way: SignInWay,
    /// When it ends by itself.
    pub until: Timestamp,
    /// What the browser says that it is.
    pub agent: Option<String>,
    /// What the provider calls its session, so that it can end it.
    pub provider_session: Option<String>,
    /// The session whose place it takes: at each rise of rights there is a new one.
    pub replaces: Option<SessionId>,
    /// What makes it happen once, such as a code of a second factor.
    pub claim: Option<String>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    way: String,
    created_at: i64,
    seen_at: i64,
    until: i64,
    address: Option<String>,
    agent: Option<String>,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: parsed("a session's id", &row.id)?,
            way: SignInWay::parse(&row.way).unwrap_or(SignInWay::Link),
            created_at: Timestamp(row.created_at),
            seen_at: Timestamp(row.seen_at),
            until: Timestamp(row.until),
            address: row.address,
            agent: row.agent,
        })
    }
}

static INSERT: Statement = Statement::insert(
    "sessions",
    &[
        ("hash", Text),
        ("id", Text),
        ("person", Text),
        ("way", Text),
        ("created_at", Int),
        ("seen_at", Int),
        ("until", Int),
        ("address", Text),
        ("agent", Text),
        ("provider_session", Text),
    ],
    "",
);
static SEEN: Statement =
    Statement::update("sessions", &[("id", Text), ("seen_at", Int)], "until IS NOT NULL");
static END: Statement = Statement::delete("sessions", &[("id", Text)], "sessions.id = v.id");
static END_OLD: Statement = Statement::delete(
    "sessions",
    &[("now", Int), ("idle", Int)],
    "sessions.until < v.now OR sessions.seen_at < v.idle",
);

impl Db {
    /// Sessions of somebody, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sessions_of(
        &self,
        person: &PersonId,
        now: Timestamp,
        idle: Timestamp,
    ) -> Result<Vec<Session>> {
        let sql = "SELECT id, way, created_at, seen_at, until, address, agent FROM sessions \
                   WHERE person = $1 AND until > $2 AND seen_at > $3 ORDER BY created_at DESC LIMIT 1000";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(person.as_str()).bind(now.0).bind(idle.0).fetch_all(pool).await?);
        rows.into_iter().map(Session::try_from).collect()
    }

    /// What the provider calls its session that this one began with.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn provider_session(&self, id: &SessionId) -> Result<Option<String>> {
        let sql = "SELECT provider_session FROM sessions WHERE id = $1";
        let found: Option<Option<String>> =
            on_db!(self, pool => sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(pool).await?);
        Ok(found.flatten())
    }

    /// Sessions that a provider knows by this name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sessions_of_provider(&self, provider_session: &str) -> Result<Vec<(SessionId, PersonId)>> {
        let sql = "SELECT id, person FROM sessions WHERE provider_session = $1";
        let rows: Vec<(String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(provider_session).fetch_all(pool).await?);
        rows.iter()
            .map(|(id, person)| Ok((parsed("a session's id", id)?, parsed("an account's id", person)?)))
            .collect()
    }
}

impl Store {
    /// Begins a session.
    ///
    /// # Errors
    /// [`Error::Conflict`] if its claim was made before.
    pub async fn begin_session(&self, new: NewSession, deed: &Deed) -> Result<SessionId> {
        let id = SessionId::generate();
        let mut write = Write::default();
        write.rows.add(
            &INSERT,
            [
                hash_of(&new.secret).into(),
                id.to_string().into(),
                new.person.to_string().into(),
                new.way.as_str().into(),
                deed.at.0.into(),
                deed.at.0.into(),
                new.until.0.into(),
                deed.address.clone().into(),
                new.agent.into(),
                new.provider_session.into(),
            ],
        );
        if let Some(what) = new.claim {
            super::claim(&mut write, what, deed.at);
        }
        if let Some(old) = new.replaces {
            write.rows.add(&END, [old.to_string().into()]);
            tell(&mut write, Subject::Session, old.as_str(), SubjectEvent::ENDED, deed.at);
        }
        let after = Some(serde_json::json!({"way": new.way}));
        audit::add(
            &mut write,
            deed,
            Entry { action: "session.begin", subject: "session", id: id.as_str(), after, ..Entry::default() },
        );
        self.write(write).await?;
        Ok(id)
    }

    /// Remembers that a session was used.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn saw_session(&self, id: &SessionId, now: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&SEEN, [id.to_string().into(), now.0.into()]);
        self.write(write).await
    }

    /// Ends sessions; when this answers, no server takes them any more than the time that word takes to it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn end_sessions(&self, sessions: &[SessionId], deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        for id in sessions {
            write.rows.add(&END, [id.to_string().into()]);
            tell(&mut write, Subject::Session, id.as_str(), SubjectEvent::ENDED, deed.at);
            let entry =
                Entry { action: "session.end", subject: "session", id: id.as_str(), ..Entry::default() };
            audit::add(&mut write, deed, entry);
        }
        self.write(write).await
    }

    /// Removes sessions that have ended by themselves.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_sessions(&self, now: Timestamp, idle: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&END_OLD, [now.0.into(), idle.0.into()]);
        self.write(write).await
    }
}
