//! Signed webhooks. Their secrets are sealed; one that was replaced counts for a while.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::webhooks::WebhookSpec;
use rigi_model::{ProjectName, Timestamp, WebhookId};
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::db::{Db, on_db};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Hidden, Result, Store};

/// A webhook as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Its address ends with it.
    pub id: WebhookId,
    /// In which project.
    pub project: ProjectName,
    /// What people call it, within the project.
    pub name: String,
    /// What it does.
    pub spec: WebhookSpec,
    /// Since when it takes nothing.
    pub paused_at: Option<Timestamp>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// Until when a replaced secret counts as well.
    pub former_until: Option<Timestamp>,
    secret: String,
    former_secret: Option<String>,
}

static MAKE: Statement = Statement::insert(
    "webhooks",
    &[
        ("id", Text),
        ("project", Text),
        ("name", Text),
        ("spec", Text),
        ("secret", Text),
        ("made_at", Int),
        ("made_by", Text),
    ],
    "",
);
static CHANGE: Statement = Statement::update(
    "webhooks",
    &[("id", Text), ("name", Text), ("spec", Text), ("paused_at", Int)],
    "made_at > 0",
);
static SECRET: Statement = Statement::update(
    "webhooks",
    &[("id", Text), ("secret", Text), ("former_secret", Text), ("former_until", Int)],
    "made_at > 0",
);
static REMOVE: Statement = Statement::delete("webhooks", &[("id", Text)], "webhooks.id = v.id");

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    name: String,
    spec: String,
    secret: String,
    former_secret: Option<String>,
    former_until: Option<i64>,
    paused_at: Option<i64>,
    made_at: i64,
    made_by: String,
}

const COLUMNS: &str =
    "id, project, name, spec, secret, former_secret, former_until, paused_at, made_at, made_by";

impl Row {
    fn read(self) -> Result<Webhook> {
        let damaged = |why: String| Error::Damaged { what: format!("webhook {}", self.id), why };
        Ok(Webhook {
            id: self.id.parse().map_err(|error| damaged(format!("{error}")))?,
            spec: serde_json::from_str(&self.spec).map_err(|error| damaged(error.to_string()))?,
            project: ProjectName::unchecked(self.project),
            name: self.name,
            paused_at: self.paused_at.map(Timestamp),
            made_at: Timestamp(self.made_at),
            made_by: self.made_by,
            former_until: self.former_until.map(Timestamp),
            secret: self.secret,
            former_secret: self.former_secret,
        })
    }
}

impl Db {
    /// The webhooks of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn webhooks(&self, project: &ProjectName) -> Result<Vec<Webhook>> {
        let sql =
            sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM webhooks WHERE project = $1 ORDER BY name"));
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// The webhook of an address.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1"));
        let row: Option<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(pool).await?);
        row.map(Row::read).transpose()
    }
}

fn changing(hook: &Webhook, kind: &'static str, at: Timestamp) -> Write {
    let mut write = Write::removal();
    write.tell(&hook.project, Subject::Webhook, &hook.name, kind, at);
    write
}

fn audited(write: &mut Write, deed: &Deed, action: &'static str, hook: &Webhook, after: Option<Value>) {
    let (project, id) = (Some(&hook.project), hook.name.as_str());
    audit::add(write, deed, Entry { action, project, subject: "webhook", id, after, before: None });
}

impl Webhook {
    /// One that is not stored yet.
    #[must_use]
    pub fn new(project: ProjectName, name: String, spec: WebhookSpec, deed: &Deed) -> Self {
        Self {
            id: WebhookId::generate(),
            project,
            name,
            spec,
            paused_at: None,
            made_at: deed.at,
            made_by: deed.actor.clone(),
            former_until: None,
            secret: String::new(),
            former_secret: None,
        }
    }
}

impl Store {
    /// The secrets that count now, the newest first.
    ///
    /// # Errors
    /// If they cannot be opened.
    pub fn webhook_secrets(&self, hook: &Webhook, now: Timestamp) -> Result<Vec<Hidden>> {
        let former =
            hook.former_secret.as_ref().filter(|_| hook.former_until.is_some_and(|until| now < until));
        let sealed = std::iter::once(&hook.secret).chain(former);
        let open = |sealed: &String| {
            let opened = self.sealer().unseal(sealed)?;
            opened.map(Hidden).ok_or_else(|| Error::Damaged {
                what: format!("the secret of the webhook `{}`", hook.name),
                why: "it is not sealed".to_owned(),
            })
        };
        sealed.map(open).collect()
    }

    /// Makes a webhook.
    ///
    /// # Errors
    /// If it cannot be written: of two with one name the second is refused.
    pub async fn make_webhook(&self, hook: &Webhook, secret: &str, deed: &Deed) -> Result<()> {
        let mut write = changing(hook, SubjectEvent::CREATED, deed.at);
        write.rows.add(
            &MAKE,
            [
                hook.id.to_string().into(),
                hook.project.to_string().into(),
                hook.name.clone().into(),
                serde_json::to_string(&hook.spec).unwrap_or_default().into(),
                self.sealer().seal(secret)?.into(),
                hook.made_at.0.into(),
                hook.made_by.clone().into(),
            ],
        );
        audited(&mut write, deed, "webhooks.make", hook, Some(json!({"webhook": hook.spec})));
        self.write(write).await
    }

    /// Writes what a webhook is called and does, and whether it takes anything.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn change_webhook(&self, hook: &Webhook, deed: &Deed) -> Result<()> {
        let mut write = changing(hook, SubjectEvent::CHANGED, deed.at);
        write.rows.add(
            &CHANGE,
            [
                hook.id.to_string().into(),
                hook.name.clone().into(),
                serde_json::to_string(&hook.spec).unwrap_or_default().into(),
                hook.paused_at.map(|at| at.0).into(),
            ],
        );
        let after = json!({"webhook": hook.spec, "paused": hook.paused_at.is_some()});
        audited(&mut write, deed, "webhooks.set", hook, Some(after));
        self.write(write).await
    }

    /// Gives a webhook another secret; the former counts until then.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn set_webhook_secret(
        &self,
        hook: &Webhook,
        secret: &str,
        former_until: Timestamp,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = changing(hook, SubjectEvent::CHANGED, deed.at);
        write.rows.add(
            &SECRET,
            [
                hook.id.to_string().into(),
                self.sealer().seal(secret)?.into(),
                hook.secret.clone().into(),
                former_until.0.into(),
            ],
        );
        audited(&mut write, deed, "webhooks.secret", hook, None);
        self.write(write).await
    }

    /// Removes a webhook, and what is known of its deliveries.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_webhook(&self, hook: &Webhook, deed: &Deed) -> Result<()> {
        let mut write = changing(hook, SubjectEvent::REMOVED, deed.at);
        write.rows.add(&REMOVE, [hook.id.to_string().into()]);
        audited(&mut write, deed, "webhooks.remove", hook, None);
        self.write(write).await
    }
}
