//! Channels: where somebody is told. What leads there is sealed, and shown to nobody.

use rigi_model::notices::ChannelKind;
use rigi_model::{ProjectName, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use crate::db::{Db, on_db};
use crate::people::Deed;
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::{Error, Hidden, Result, Store};

/// A channel as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// In which project.
    pub project: ProjectName,
    /// What people call it.
    pub name: String,
    /// How it is told.
    pub kind: ChannelKind,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    target: String,
}

static PUT: Statement = Statement::insert(
    "channels",
    &[
        ("project", Text),
        ("name", Text),
        ("kind", Text),
        ("target", Text),
        ("made_at", Int),
        ("made_by", Text),
    ],
    "ON CONFLICT (project, name) DO UPDATE SET kind = excluded.kind, target = excluded.target",
);
static REMOVE: Statement = Statement::delete(
    "channels",
    &[("project", Text), ("name", Text)],
    "channels.project = v.project AND channels.name = v.name",
);

#[derive(FromRow)]
struct Row {
    name: String,
    kind: String,
    target: String,
    made_at: i64,
    made_by: String,
}

impl Db {
    /// The channels of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn channels(&self, project: &ProjectName) -> Result<Vec<Channel>> {
        let sql =
            "SELECT name, kind, target, made_at, made_by FROM channels WHERE project = $1 ORDER BY name";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        let read = |row: Row| {
            let damaged = || Error::Damaged {
                what: format!("the channel `{}`", row.name),
                why: "its kind is none".to_owned(),
            };
            Ok(Channel {
                project: project.clone(),
                kind: ChannelKind::parse(&row.kind).ok_or_else(damaged)?,
                name: row.name,
                target: row.target,
                made_at: Timestamp(row.made_at),
                made_by: row.made_by,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// What leads to a channel: an address, or several of mail with commas between them; and behind a line break, a secret.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn channel_target(&self, channel: &Channel) -> Result<Hidden> {
        let opened = self.sealer().unseal(&channel.target)?;
        opened.map(Hidden).ok_or_else(|| Error::Damaged {
            what: format!("the address of the channel `{}`", channel.name),
            why: "it is not sealed".to_owned(),
        })
    }

    /// Makes a channel, or changes one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_channel(
        &self,
        project: &ProjectName,
        name: &str,
        kind: ChannelKind,
        target: &str,
        deed: &Deed,
    ) -> Result<()> {
        let after = Some(json!({"kind": kind}));
        let mut write = super::change(project, "channel", "channels.set", name, after, deed);
        write.rows.add(
            &PUT,
            [
                project.to_string().into(),
                name.to_owned().into(),
                kind.as_str().to_owned().into(),
                self.sealer().seal(target)?.into(),
                deed.at.0.into(),
                deed.actor.clone().into(),
            ],
        );
        self.write(write).await
    }

    /// Removes a channel.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_channel(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        let mut write = super::change(project, "channel", "channels.remove", name, None, deed);
        write.rows.add(&REMOVE, [project.to_string().into(), name.to_owned().into()]);
        self.write(write).await
    }
}
