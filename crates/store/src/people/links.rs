//! Links that do something once, and invitations: for the first administrator, to sign in, to set a password, to join.

use rigi_model::people::{Key, LinkKind};
use rigi_model::rights::{Grant, Role};
use rigi_model::{LinkId, PersonId, ProjectName, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use super::audit::{self, Deed, Entry};
use super::{SERVER, hash_of};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Error, Result, Store};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id, which opens nothing.
    pub id: LinkId,
    /// What it lets one do.
    pub kind: LinkKind,
    /// As whom, where it is for an account that is there.
    pub person: Option<PersonId>,
    /// For whoever has this address alone.
    pub mail: Option<String>,
    /// What it makes of whoever takes it.
    pub grant: Option<Grant>,
    /// How many may take it.
    pub uses: i64,
    /// How many have.
    pub used: i64,
    /// Who made it, by name.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    person: Option<String>,
    mail: Option<String>,
    project: Option<String>,
    role: Option<String>,
    uses: i64,
    made_by: String,
    made_at: i64,
    until: i64,
    used: i64,
}

impl TryFrom<Row> for Link {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let damaged = || Error::Damaged { what: format!("link {}", row.id), why: "its kind is none".into() };
        let grant = row.project.as_deref().zip(row.role.as_deref());
        Ok(Self {
            kind: LinkKind::parse(&row.kind).ok_or_else(damaged)?,
            id: parsed("a link's id", &row.id)?,
            person: row.person.as_deref().map(|id| parsed("an account's id", id)).transpose()?,
            mail: row.mail,
            grant: grant.and_then(|(project, role)| super::grants::read(project, role)),
            uses: row.uses,
            used: row.used,
            made_by: row.made_by,
            made_at: Timestamp(row.made_at),
            until: Timestamp(row.until),
        })
    }
}

const SELECT: &str = "SELECT id, kind, person, mail, project, role, uses, made_by, made_at, until, \
     (SELECT COUNT(*) FROM claims WHERE claims.what >= 'link ' || links.id || ' ' AND claims.what < 'link ' || links.id || '!') AS used \
     FROM links";

static INSERT: Statement = Statement::insert(
    "links",
    &[
        ("hash", Text),
        ("id", Text),
        ("kind", Text),
        ("person", Text),
        ("mail", Text),
        ("project", Text),
        ("role", Text),
        ("uses", Int),
        ("made_by", Text),
        ("made_at", Int),
        ("until", Int),
    ],
    "",
);
static REMOVE: Statement = Statement::delete("links", &[("id", Text)], "links.id = v.id");
static REMOVE_KIND: Statement = Statement::delete("links", &[("kind", Text)], "links.kind = v.kind");
static FORGET: Statement = Statement::delete("links", &[("now", Int)], "links.until < v.now");

impl Link {
    /// What the next one who takes it claims; `None`: it is used up.
    #[must_use]
    pub fn next_claim(&self) -> Option<String> {
        (self.used < self.uses).then(|| format!("link {} {}", self.id, self.used + 1))
    }
}

impl Db {
    /// A link that has not ended and is not used up.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn link(&self, key: &Key, now: Timestamp) -> Result<Option<Link>> {
        let sql = format!("{SELECT} WHERE hash = $1 AND until > $2");
        let row: Option<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(hash_of(key.expose())).bind(now.0).fetch_optional(pool).await?
        });
        Ok(row.map(Link::try_from).transpose()?.filter(|link| link.used < link.uses))
    }

    /// Invitations to a project that can still be taken (`None`: those to the server), the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn invitations(&self, project: Option<&ProjectName>, now: Timestamp) -> Result<Vec<Link>> {
        let sql = format!(
            "{SELECT} WHERE kind = 'invitation' AND COALESCE(project, '*') = $1 AND until > $2 ORDER BY made_at DESC LIMIT 1000"
        );
        let project = project.map_or(SERVER, ProjectName::as_str);
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project).bind(now.0).fetch_all(pool).await?
        });
        let links = rows.into_iter().map(Link::try_from).collect::<Result<Vec<_>>>()?;
        Ok(links.into_iter().filter(|link| link.used < link.uses).collect())
    }
}

/// The rows of a new link, with its line of the audit log and its mail.
pub(super) fn added(write: &mut Write, key: &Key, link: &Link, mail: Option<&NewMail>, deed: &Deed) {
    let (project, role) = match &link.grant {
        Some(Grant::Administrator) => (Some(SERVER.to_owned()), Some("administrator")),
        Some(Grant::Role(project, role)) => (Some(project.as_str().to_owned()), Some(Role::as_str(*role))),
        None => (None, None),
    };
    write.rows.add(
        &INSERT,
        [
            hash_of(key.expose()).into(),
            link.id.to_string().into(),
            link.kind.as_str().into(),
            link.person.as_ref().map(ToString::to_string).into(),
            link.mail.clone().into(),
            project.into(),
            role.into(),
            link.uses.into(),
            deed.actor.clone().into(),
            deed.at.0.into(),
            link.until.0.into(),
        ],
    );
    let after = json!({"kind": link.kind, "person": link.person, "mail": link.mail, "role": role, "uses": link.uses, "mailed": mail.is_some()});
    let of_project = link.grant.as_ref().and_then(Grant::project);
    let entry = Entry {
        action: "links.add",
        project: of_project,
        subject: "link",
        id: link.id.as_str(),
        after: Some(after),
        before: None,
    };
    audit::add(write, deed, entry);
    mails::add_some(write, mail, deed.at);
}

impl Store {
    /// Makes a link; one for the first administrator takes the place of those before. `mail` brings it to whom it is for.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add_link(&self, key: &Key, link: &Link, mail: Option<&NewMail>, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        if link.kind == LinkKind::FirstAdministrator {
            write.alone = true;
            write.rows.add(&REMOVE_KIND, [link.kind.as_str().into()]);
        }
        added(&mut write, key, link, mail, deed);
        self.write(write).await
    }

    /// Shows that mail to the address of a link reaches the account.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the link was taken.
    pub async fn confirm_mail(&self, person: &PersonId, mail: &str, link: &Link, deed: &Deed) -> Result<()> {
        let claim = link.next_claim().ok_or_else(|| Error::Conflict("the link is used up".to_owned()))?;
        let mut write = super::change_of(rigi_model::event::Subject::Person, person.as_str(), deed.at);
        super::claim(&mut write, claim, deed.at);
        super::persons::prove_mail(&mut write, person, mail);
        let entry = Entry {
            action: "account.mail-confirmed",
            subject: "person",
            id: person.as_str(),
            after: Some(json!({"mail": mail})),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Takes a link back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_link(&self, link: &Link, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&REMOVE, [link.id.to_string().into()]);
        let of_project = link.grant.as_ref().and_then(Grant::project);
        let entry = Entry {
            action: "links.remove",
            project: of_project,
            subject: "link",
            id: link.id.as_str(),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// An account that is there takes a link: it gets what the link gives.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else took it.
    pub async fn take_link(&self, person: &PersonId, link: &Link, deed: &Deed) -> Result<()> {
        let claim = link.next_claim().ok_or_else(|| Error::Conflict("the link is used up".to_owned()))?;
        let mut write = super::change_of(rigi_model::event::Subject::Person, person.as_str(), deed.at);
        super::claim(&mut write, claim, deed.at);
        if let Some(grant) = &link.grant {
            let source = rigi_model::people::GrantSource::Invitation;
            super::grants::given(&mut write, person, grant, source, &link.made_by, deed);
        }
        let of_project = link.grant.as_ref().and_then(Grant::project);
        let entry = Entry {
            action: "links.take",
            project: of_project,
            subject: "link",
            id: link.id.as_str(),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Removes links that have ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_links(&self, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&FORGET, [now.0.into()]);
        self.write(write).await
    }
}
