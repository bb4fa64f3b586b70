//! What came to signed webhooks. A run of a delivery is accepted with a key of its own ([`delivery_key`]), so that there is one however often
//! it comes; the row follows, and takes the key with it.

use std::collections::BTreeMap;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::webhooks::DeliveryOutcome;
use rigi_model::{ProjectName, RunId, Timestamp, WebhookId};
use sqlx::FromRow;

use crate::db::{Db, from_json, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::idempotency;
use crate::write::Write;
use crate::{Error, Result, Store};

/// A delivery, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To which webhook.
    pub webhook: WebhookId,
    /// Names it among those of the webhook.
    pub event: String,
    /// In which project.
    pub project: ProjectName,
    /// When it came.
    pub at: Timestamp,
    /// What it tells of, as its sender calls that.
    pub kind: Option<String>,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why, for people.
    pub reason: Option<String>,
    /// The run that was made.
    pub run: Option<RunId>,
    /// What it came with, where its body is kept.
    pub headers: BTreeMap<String, String>,
    /// Its body; `None`: it is not kept.
    pub body: Option<String>,
    /// The delivery that this one repeats.
    pub again_of: Option<String>,
}

const ROW: &[(&str, crate::rows::BindKind)] = &[
    ("webhook", Text),
    ("event", Text),
    ("project", Text),
    ("at", Int),
    ("kind", Text),
    ("outcome", Text),
    ("reason", Text),
    ("run", Text),
    ("headers", Text),
    ("body", Text),
    ("again_of", Text),
];
static ADD: Statement = Statement::insert("deliveries", ROW, "ON CONFLICT (webhook, event) DO NOTHING");
/// What was refused before is tried again.
static AGAIN: Statement = Statement::insert(
    "deliveries",
    ROW,
    "ON CONFLICT (webhook, event) DO UPDATE SET at = excluded.at, outcome = excluded.outcome, reason = excluded.reason, \
     run = excluded.run, headers = excluded.headers, body = excluded.body WHERE deliveries.outcome = 'refused'",
);
static TOO_OLD: Statement = Statement::delete(
    "deliveries",
    &[("project", Text), ("at", Int)],
    "deliveries.project = v.project AND deliveries.at < v.at",
);

/// Under which key the run of a delivery is accepted. No request can have such a one: headers are ASCII.
#[must_use]
pub fn delivery_key(webhook: &WebhookId, event: &str) -> String {
    format!("⚓ {webhook} {event}")
}

#[derive(FromRow)]
struct Row {
    webhook: String,
    event: String,
    project: String,
    at: i64,
    kind: Option<String>,
    outcome: String,
    reason: Option<String>,
    run: Option<String>,
    headers: Option<String>,
    body: Option<String>,
    again_of: Option<String>,
}

impl Row {
    fn read(self) -> Result<Delivery> {
        let damaged = |why: String| Error::Damaged { what: format!("a delivery of {}", self.webhook), why };
        Ok(Delivery {
            webhook: self.webhook.parse().map_err(|error| damaged(format!("{error}")))?,
            outcome: DeliveryOutcome::parse(&self.outcome).ok_or_else(|| damaged(self.outcome.clone()))?,
            run: self.run.map(|run| run.parse()).transpose().map_err(|error| damaged(format!("{error}")))?,
            headers: match self.headers {
                Some(headers) => from_json("headers of a delivery", &headers)?,
                None => BTreeMap::new(),
            },
            event: self.event,
            project: ProjectName::unchecked(self.project),
            at: Timestamp(self.at),
            kind: self.kind,
            reason: self.reason,
            body: self.body,
            again_of: self.again_of,
        })
    }
}

impl Db {
    /// The deliveries of a webhook, the newest first, older than `before`, without their bodies.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn deliveries(
        &self,
        webhook: &WebhookId,
        before: Option<(Timestamp, String)>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let (at, event) = before.unwrap_or((Timestamp(i64::MAX), String::new()));
        let sql = "SELECT webhook, event, project, at, kind, outcome, reason, run, NULL AS headers, NULL AS body, again_of \
                   FROM deliveries WHERE webhook = $1 AND (at < $2 OR (at = $2 AND event < $3)) \
                   ORDER BY at DESC, event DESC LIMIT $4";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(webhook.as_str()).bind(at.0).bind(event).bind(i64::from(limit)).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// One delivery, with its body.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delivery(&self, webhook: &WebhookId, event: &str) -> Result<Option<Delivery>> {
        let sql = "SELECT webhook, event, project, at, kind, outcome, reason, run, headers, body, again_of \
                   FROM deliveries WHERE webhook = $1 AND event = $2";
        let row: Option<Row> = on_db!(self, pool => sqlx::query_as(sql)
            .bind(webhook.as_str()).bind(event).fetch_optional(pool).await?);
        row.map(Row::read).transpose()
    }
}

impl Store {
    /// Writes down what became of a delivery. `refused_before`: it came before, and was refused.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_delivery(&self, delivery: &Delivery, name: &str, before: Came) -> Result<()> {
        let (statement, mut write) = match before {
            Came::First => (&ADD, Write::default()),
            Came::Refused => (&AGAIN, Write::removal()),
        };
        write.tell(&delivery.project, Subject::Webhook, name, SubjectEvent::FIRED, delivery.at);
        let headers = serde_json::to_string(&delivery.headers).unwrap_or_default();
        write.rows.add(
            statement,
            [
                delivery.webhook.to_string().into(),
                delivery.event.clone().into(),
                delivery.project.to_string().into(),
                delivery.at.0.into(),
                delivery.kind.clone().into(),
                delivery.outcome.as_str().to_owned().into(),
                delivery.reason.clone().into(),
                delivery.run.as_ref().map(ToString::to_string).into(),
                delivery.body.as_ref().map(|_| headers).into(),
                delivery.body.clone().into(),
                delivery.again_of.clone().into(),
            ],
        );
        if delivery.run.is_some() {
            let key = delivery_key(&delivery.webhook, &delivery.event);
            idempotency::remove(&mut write.rows, &delivery.project, key);
        }
        self.write(write).await
    }

    /// Removes deliveries that came to a project before `before`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_deliveries(&self, project: &ProjectName, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&TOO_OLD, [project.to_string().into(), before.0.into()]);
        self.write(write).await
    }
}

/// Whether a delivery is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It is not.
    First,
    /// It came before, and was refused.
    Refused,
}
