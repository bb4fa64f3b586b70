//! The audit log: who did what, from where, and what it was before and after. A line is written in the transaction of what it is about.

use rigi_model::{AuditId, PersonId, ProjectName, Timestamp};
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder};

use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Result, Store};

/// Somebody does something: who, by what, from where.
#[derive(Debug, Clone)]
pub struct Deed {
    /// By this name.
    pub actor: String,
    /// Their account, where it has one.
    pub actor_id: Option<PersonId>,
    /// By what: `session ses_…`, `token tok_…`, `link`, `server`, `terminal`.
    pub via: String,
    /// From which address.
    pub address: Option<String>,
    /// In which request.
    pub request: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Deed {
    /// Of somebody without an account, such as the one who has the server for themselves.
    #[must_use]
    pub fn of_server(actor: &str, at: Timestamp) -> Self {
        Self {
            actor: actor.to_owned(),
            actor_id: None,
            via: "server".to_owned(),
            address: None,
            request: None,
            at,
        }
    }
}

/// What is done.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// Such as `members.set`.
    pub action: &'static str,
    /// In which project, where it is in one.
    pub project: Option<&'a ProjectName>,
    /// To what: `person`, `member`, `token`.
    pub subject: &'static str,
    /// Which of them.
    pub id: &'a str,
    /// How it was.
    pub before: Option<Value>,
    /// How it is.
    pub after: Option<Value>,
}

/// A line as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Audited {
    /// Sorts by time.
    pub id: String,
    /// Microseconds since 1970.
    pub at: i64,
    /// Who, by name.
    pub actor: String,
    /// Their account.
    pub actor_id: Option<String>,
    /// By what.
    pub via: String,
    /// What was done.
    pub action: String,
    /// In which project.
    pub project: Option<String>,
    /// To what.
    pub subject: String,
    /// Which of them.
    pub subject_id: String,
    /// JSON of how it was.
    pub before: Option<String>,
    /// JSON of how it became.
    pub after: Option<String>,
    /// From which address.
    pub address: Option<String>,
    /// In which request.
    pub request: Option<String>,
    /// `done` or `refused`.
    pub result: String,
}

static INSERT: Statement = Statement::insert(
    "audit",
    &[
        ("id", Text),
        ("at", Int),
        ("actor", Text),
        ("actor_id", Text),
        ("via", Text),
        ("action", Text),
        ("project", Text),
        ("subject", Text),
        ("subject_id", Text),
        ("before", Text),
        ("after", Text),
        ("address", Text),
        ("request", Text),
        ("result", Text),
    ],
    "",
);

/// Adds the line of something that is done in this write.
pub(crate) fn add(write: &mut Write, deed: &Deed, entry: Entry<'_>) {
    line(write, deed, entry, "done");
}

/// Adds the line of something that was asked for and not done.
pub(crate) fn refuse(write: &mut Write, deed: &Deed, entry: Entry<'_>) {
    line(write, deed, entry, "refused");
}

fn line(write: &mut Write, deed: &Deed, entry: Entry<'_>, result: &'static str) {
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    write.audited = true;
    write.rows.add(
        &INSERT,
        [
            AuditId::generate().to_string().into(),
            deed.at.0.into(),
            deed.actor.clone().into(),
            deed.actor_id.as_ref().map(ToString::to_string).into(),
            deed.via.clone().into(),
            entry.action.into(),
            entry.project.map(|project| project.as_str().to_owned()).into(),
            entry.subject.into(),
            entry.id.to_owned().into(),
            text(entry.before).into(),
            text(entry.after).into(),
            deed.address.clone().into(),
            deed.request.clone().into(),
            result.into(),
        ],
    );
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this project alone.
    pub project: Option<ProjectName>,
    /// Of this account alone.
    pub actor: Option<PersonId>,
    /// Of this action alone.
    pub action: Option<String>,
    /// Older than this line.
    pub before: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Up to this time.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

impl Db {
    /// Lines, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>> {
        Ok(on_db!(self, pool => {
            let mut sql = QueryBuilder::new(
                "SELECT id, at, actor, actor_id, via, action, project, subject, subject_id, before, after, address, request, result \
                 FROM audit WHERE 1 = 1",
            );
            if let Some(project) = &filter.project {
                sql.push(" AND project = ").push_bind(project.as_str());
            }
            if let Some(actor) = &filter.actor {
                sql.push(" AND actor_id = ").push_bind(actor.as_str());
            }
            if let Some(action) = &filter.action {
                sql.push(" AND action = ").push_bind(action.as_str());
            }
            if let Some(before) = &filter.before {
                sql.push(" AND id < ").push_bind(before.as_str());
            }
            if let Some(since) = filter.since {
                sql.push(" AND at >= ").push_bind(since.0);
            }
            if let Some(until) = filter.until {
                sql.push(" AND at <= ").push_bind(until.0);
            }
            sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
            sql.build_query_as().fetch_all(pool).await?
        }))
    }
}

impl Store {
    /// Writes down that something was asked for and not done.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn audit_refused(&self, deed: &Deed, entry: Entry<'_>) -> Result<()> {
        let mut write = Write::default();
        refuse(&mut write, deed, entry);
        self.write(write).await
    }

    /// Writes down what is done outside the database.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn audit_done(&self, deed: &Deed, entry: Entry<'_>) -> Result<()> {
        let mut write = Write::default();
        add(&mut write, deed, entry);
        self.write(write).await
    }
}
