//! Notices that wait to be told, and what became of those before: written in the commit in which what they tell was looked at. The same is
//! told once: by rule, channel and what it is of. Each try is claimed by a row that only one can write: of two servers, one tells.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Message, NoticeKind, NoticeState};
use rigi_model::{NoticeId, ProjectName, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, from_json, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Error, Result, Store};

/// A notice to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    /// In which project.
    pub project: ProjectName,
    /// By which rule; empty: by none.
    pub rule: String,
    /// To which channel.
    pub channel: String,
    /// What it is of: the same is told once.
    pub dedupe: String,
    /// What is said.
    pub message: Message,
    /// When.
    pub due: Timestamp,
}

/// A notice as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// In which project.
    pub project: ProjectName,
    /// By which rule.
    pub rule: String,
    /// To which channel.
    pub channel: String,
    /// What is said.
    pub message: Message,
    /// What became of it.
    pub state: NoticeState,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// Why the last try went wrong.
    pub error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was taken, or given up.
    pub ended_at: Option<Timestamp>,
}

/// Which notices are asked for.
#[derive(Debug, Clone, Default)]
pub struct NoticePage {
    /// In this state alone.
    pub state: Option<NoticeState>,
    /// To this channel alone.
    pub channel: Option<String>,
    /// Older than this one.
    pub before: Option<NoticeId>,
    /// At most so many.
    pub limit: u32,
}

static ADD: Statement = Statement::insert(
    "notices",
    &[
        ("id", Text),
        ("project", Text),
        ("rule", Text),
        ("channel", Text),
        ("dedupe", Text),
        ("kind", Text),
        ("pipeline", Text),
        ("run", Text),
        ("message", Text),
        ("state", Text),
        ("tries", Int),
        ("next_at", Int),
        ("created_at", Int),
    ],
    "ON CONFLICT (project, rule, channel, dedupe) DO NOTHING",
);
static CLAIM: Statement = Statement::insert("claims", &[("what", Text), ("at", Int)], "");
static TRY: Statement =
    Statement::update("notices", &[("id", Text), ("tries", Int), ("next_at", Int)], "state = 'waiting'");
static PUT_OFF: Statement =
    Statement::update("notices", &[("id", Text), ("next_at", Int), ("error", Text)], "state = 'waiting'");
static END: Statement = Statement::update(
    "notices",
    &[("id", Text), ("state", Text), ("next_at", Int), ("error", Text), ("ended_at", Int)],
    "state = 'waiting'",
);
/// Tries go on counting: each is claimed under a number of its own.
static AGAIN: Statement = Statement::update(
    "notices",
    &[("id", Text), ("state", Text), ("next_at", Int), ("ended_at", Int)],
    "state = 'dead'",
);
static FORGET: Statement = Statement::delete(
    "notices",
    &[("before", Int)],
    "notices.created_at < v.before AND notices.next_at IS NULL",
);
static FORGET_INCIDENTS: Statement = Statement::delete(
    "incidents",
    &[("before", Int)],
    "incidents.closed_at IS NOT NULL AND incidents.closed_at < v.before",
);
static FORGET_CLAIMS: Statement = Statement::delete(
    "claims",
    &[("before", Int)],
    "claims.what >= 'notice ' AND claims.what < 'notice!' AND claims.at < v.before",
);

pub(super) fn add(write: &mut Write, notice: &NewNotice, now: Timestamp) {
    let message = &notice.message;
    write.rows.add(
        &ADD,
        [
            NoticeId::generate().to_string().into(),
            notice.project.to_string().into(),
            notice.rule.clone().into(),
            notice.channel.clone().into(),
            notice.dedupe.clone().into(),
            message.kind.as_str().to_owned().into(),
            message.facts.pipeline.clone().into(),
            message.facts.run.clone().into(),
            serde_json::to_string(message).unwrap_or_default().into(),
            NoticeState::Waiting.as_str().to_owned().into(),
            0.into(),
            notice.due.0.into(),
            now.0.into(),
        ],
    );
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    rule: String,
    channel: String,
    kind: String,
    message: String,
    state: String,
    tries: i64,
    next_at: Option<i64>,
    error: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

const COLUMNS: &str =
    "id, project, rule, channel, kind, message, state, tries, next_at, error, created_at, ended_at";

impl Row {
    fn read(self) -> Result<Notice> {
        let damaged =
            |what: &str| Error::Damaged { what: format!("notice {}", self.id), why: what.to_owned() };
        NoticeKind::parse(&self.kind).ok_or_else(|| damaged("its kind is none"))?;
        Ok(Notice {
            state: NoticeState::parse(&self.state).ok_or_else(|| damaged("its state is none"))?,
            id: parsed("a notice's id", &self.id)?,
            project: ProjectName::unchecked(self.project),
            rule: self.rule,
            channel: self.channel,
            message: from_json("a notice's message", &self.message)?,
            tries: u32::try_from(self.tries).unwrap_or(0),
            next_at: self.next_at.map(Timestamp),
            error: self.error,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

impl Db {
    /// Notices of a project, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn notices(&self, project: &ProjectName, page: &NoticePage) -> Result<Vec<Notice>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notices WHERE project = $1 AND ($2 = '' OR id < $2) AND ($3 = '' OR state = $3) \
             AND ($4 = '' OR channel = $4) ORDER BY id DESC LIMIT $5"
        ));
        let before = page.before.as_ref().map_or("", NoticeId::as_str);
        let state = page.state.map_or("", NoticeState::as_str);
        let channel = page.channel.as_deref().unwrap_or_default();
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).bind(before)
            .bind(state).bind(channel).bind(i64::from(page.limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn notice(&self, id: &NoticeId) -> Result<Option<Notice>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM notices WHERE id = $1"));
        let row: Option<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(pool).await?);
        row.map(Row::read).transpose()
    }

    /// When the next notice is due, whichever.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next_notice_at(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT MIN(next_at) FROM notices WHERE next_at IS NOT NULL";
        let at: Option<i64> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await?);
        Ok(at.map(Timestamp))
    }

    /// Those that are due, the oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn due_notices(&self, now: Timestamp, limit: u32) -> Result<Vec<Notice>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notices WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY id LIMIT $2"
        ));
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(now.0).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }
}

impl Db {
    /// Those to a channel by a rule that were never tried, whenever they are due.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn gathered_notices(
        &self,
        project: &ProjectName,
        channel: &str,
        rule: &str,
    ) -> Result<Vec<Notice>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notices WHERE next_at IS NOT NULL AND tries = 0 AND project = $1 AND channel = $2 AND rule = $3 \
             ORDER BY id LIMIT 1000"
        ));
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(project.as_str()).bind(channel).bind(rule).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }
}

fn of_project(notices: &[Notice], kind: &'static str, now: Timestamp, write: &mut Write) {
    if let Some(notice) = notices.first() {
        write.tell(&notice.project, Subject::Notice, notice.id.as_str(), kind, now);
    }
}

impl Store {
    /// Claims the next try of these, which are told together. They are due again at `next_at`, should this server not say what became of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another server has claimed one of them.
    pub async fn claim_notices(&self, notices: &[Notice], next_at: Timestamp, now: Timestamp) -> Result<()> {
        let mut write = Write::default();
        for notice in notices {
            let number = i64::from(notice.tries) + 1;
            write.rows.add(&CLAIM, [format!("notice {} {number}", notice.id).into(), now.0.into()]);
            write.rows.add(&TRY, [notice.id.to_string().into(), number.into(), next_at.0.into()]);
        }
        self.write(write).await
    }

    /// A try went wrong; the next one is made at `next_at`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_off_notices(
        &self,
        notices: &[Notice],
        error: &str,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = Write::default();
        for notice in notices {
            write
                .rows
                .add(&PUT_OFF, [notice.id.to_string().into(), next_at.0.into(), error.to_owned().into()]);
        }
        of_project(notices, SubjectEvent::CHANGED, now, &mut write);
        self.write(write).await
    }

    /// These were taken, or are given up. `mails`: they are handed on as these, in the same commit.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn end_notices(
        &self,
        notices: &[Notice],
        outcome: std::result::Result<(), &str>,
        mails: &[NewMail],
        now: Timestamp,
    ) -> Result<()> {
        let state = if outcome.is_ok() { NoticeState::Sent } else { NoticeState::Dead };
        let mut write = Write::default();
        for notice in notices {
            // Of two who end the same, one does: what is handed on is handed on once.
            if !mails.is_empty() {
                write.rows.add(&CLAIM, [format!("notice {} mailed", notice.id).into(), now.0.into()]);
            }
            write.rows.add(
                &END,
                [
                    notice.id.to_string().into(),
                    state.as_str().to_owned().into(),
                    None::<i64>.into(),
                    outcome.err().map(str::to_owned).into(),
                    now.0.into(),
                ],
            );
        }
        for mail in mails {
            mails::add(&mut write, mail, now);
        }
        of_project(notices, SubjectEvent::ENDED, now, &mut write);
        self.write(write).await
    }

    /// Has a notice that was given up tried again.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn retry_notice(&self, notice: &Notice, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(
            &AGAIN,
            [
                notice.id.to_string().into(),
                NoticeState::Waiting.as_str().to_owned().into(),
                now.0.into(),
                None::<i64>.into(),
            ],
        );
        write.tell(&notice.project, Subject::Notice, notice.id.as_str(), SubjectEvent::CREATED, now);
        self.write(write).await
    }

    /// Removes what was told or given up before this time, and incidents that were over before it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_notices(&self, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        for statement in [&FORGET, &FORGET_INCIDENTS, &FORGET_CLAIMS] {
            write.rows.add(statement, [before.0.into()]);
        }
        self.write(write).await
    }
}
