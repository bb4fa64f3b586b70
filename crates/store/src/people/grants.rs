//! Roles: who has which in which project, and where it comes from. Each source changes its own alone; the strongest counts.

use rigi_model::event::Subject;
use rigi_model::people::GrantSource;
use rigi_model::rights::{Grant, Role};
use rigi_model::{GroupId, PersonId, ProjectName, Timestamp};
use serde_json::json;

use super::administrators::Removal;
use super::audit::{self, Deed, Entry};
use super::{SERVER, change_of};
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store};

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person, or a service account.
    Person(PersonId),
    /// Everybody in a group.
    Group(GroupId),
}

impl Principal {
    /// Its id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Person(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
        }
    }

    /// The principal of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Person).ok().or_else(|| text.parse().map(Self::Group).ok())
    }

    const fn subject(&self) -> Subject {
        match self {
            Self::Person(_) => Subject::Person,
            Self::Group(_) => Subject::Group,
        }
    }
}

/// A role that somebody has, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who.
    pub principal: Principal,
    /// Their name.
    pub name: String,
    /// What.
    pub grant: Grant,
    /// Where it comes from.
    pub source: GrantSource,
    /// Who gave it, by name.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

static PUT: Statement = Statement::insert(
    "grants",
    &[
        ("principal", Text),
        ("project", Text),
        ("source", Text),
        ("role", Text),
        ("granted_by", Text),
        ("granted_at", Int),
    ],
    "ON CONFLICT (principal, project, source) DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, \
     granted_at = excluded.granted_at",
);
static REMOVE: Statement = Statement::delete(
    "grants",
    &[("principal", Text), ("project", Text), ("source", Text)],
    "grants.principal = v.principal AND grants.project = v.project AND grants.source = v.source",
);

/// Where a grant stands, and as what.
fn stored(grant: &Grant) -> (&str, &'static str) {
    match grant {
        Grant::Administrator => (SERVER, "administrator"),
        Grant::Role(project, role) => (project.as_str(), role.as_str()),
    }
}

/// The grant of a row; `None`: one of a newer version.
pub(super) fn read(project: &str, role: &str) -> Option<Grant> {
    if project == SERVER {
        return (role == "administrator").then_some(Grant::Administrator);
    }
    Role::parse(role).map(|role| Grant::Role(ProjectName::unchecked(project.to_owned()), role))
}

/// Gives a person a role that they did not have, with its line of the audit log.
pub(super) fn given(
    write: &mut Write,
    person: &PersonId,
    grant: &Grant,
    source: GrantSource,
    by: &str,
    deed: &Deed,
) {
    put(write, person.as_str(), grant, source, by, deed.at);
    note(write, deed, &Principal::Person(person.clone()), (None, Some(grant)), source);
}

fn put(write: &mut Write, principal: &str, grant: &Grant, source: GrantSource, by: &str, at: Timestamp) {
    let (project, role) = stored(grant);
    write.rows.add(
        &PUT,
        [
            principal.to_owned().into(),
            project.to_owned().into(),
            source.as_str().into(),
            role.into(),
            by.to_owned().into(),
            at.0.into(),
        ],
    );
}

fn remove(write: &mut Write, principal: &str, project: &str, source: GrantSource) {
    let row = [principal.to_owned().into(), project.to_owned().into(), source.as_str().into()];
    write.rows.add(&REMOVE, row);
}

fn note(
    write: &mut Write,
    deed: &Deed,
    principal: &Principal,
    of: (Option<&Grant>, Option<&Grant>),
    source: GrantSource,
) {
    let (before, after) = of;
    let project = before.or(after).and_then(Grant::project);
    let shown = |grant: Option<&Grant>| grant.map(|grant| json!({"role": stored(grant).1, "source": source}));
    let action = if after.is_some() { "members.set" } else { "members.remove" };
    let (before, after) = (shown(before), shown(after));
    audit::add(
        write,
        deed,
        Entry { action, project, subject: "member", id: principal.as_str(), before, after },
    );
}

type Row = (String, Option<String>, String, String, String, String, i64);

const SELECT: &str = "SELECT g.principal, COALESCE(p.name, q.name), g.project, g.role, g.source, g.granted_by, g.granted_at \
     FROM grants g LEFT JOIN people p ON p.id = g.principal LEFT JOIN people_groups q ON q.id = g.principal";

fn granted((principal, name, project, role, source, by, at): Row) -> Option<Granted> {
    Some(Granted {
        principal: Principal::parse(&principal)?,
        name: name.unwrap_or_default(),
        grant: read(&project, &role)?,
        source: GrantSource::parse(&source)?,
        by,
        at: Timestamp(at),
    })
}

impl Db {
    /// Everybody who has a role in a project, and why; `None`: administrators. Those of one name are together.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn granted_in(&self, project: Option<&ProjectName>) -> Result<Vec<Granted>> {
        let sql = format!("{SELECT} WHERE g.project = $1 ORDER BY 2, 1, 5");
        let project = project.map_or(SERVER, ProjectName::as_str);
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project).fetch_all(pool).await?
        });
        Ok(rows.into_iter().filter_map(granted).collect())
    }

    /// What somebody has, and what the groups have that they are in.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn granted_to(&self, person: &PersonId) -> Result<Vec<Granted>> {
        let sql = format!(
            "{SELECT} WHERE g.principal = $1 OR g.principal IN (SELECT people_group FROM group_members WHERE person = $1) \
             ORDER BY g.project, 2, 5"
        );
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(person.as_str()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().filter_map(granted).collect())
    }

    async fn grant_of(
        &self,
        principal: &Principal,
        project: &str,
        source: GrantSource,
    ) -> Result<Option<Grant>> {
        let sql = "SELECT role FROM grants WHERE principal = $1 AND project = $2 AND source = $3";
        let role: Option<String> = on_db!(self, pool => sqlx::query_scalar(sql)
            .bind(principal.as_str()).bind(project).bind(source.as_str()).fetch_optional(pool).await?);
        Ok(role.and_then(|role| read(project, &role)))
    }
}

impl Store {
    /// Gives somebody a role, in place of the one from the same source.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn grant(
        &self,
        principal: &Principal,
        grant: &Grant,
        source: GrantSource,
        deed: &Deed,
    ) -> Result<()> {
        let before = self.db().grant_of(principal, stored(grant).0, source).await?;
        if before.as_ref() == Some(grant) {
            return Ok(());
        }
        let mut write = change_of(principal.subject(), principal.as_str(), deed.at);
        put(&mut write, principal.as_str(), grant, source, &deed.actor, deed.at);
        note(&mut write, deed, principal, (before.as_ref(), Some(grant)), source);
        self.write(write).await
    }

    /// Takes a role back that came from this source; `project` is `None` for administrators.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, [`Error::LastAdministrator`] if nobody else is one.
    pub async fn take_back(
        &self,
        principal: &Principal,
        project: Option<&ProjectName>,
        source: GrantSource,
        deed: &Deed,
    ) -> Result<()> {
        let place = project.map_or(SERVER, ProjectName::as_str);
        let before = self.db().grant_of(principal, place, source).await?;
        let missing =
            || Error::NotFound { what: "role", id: format!("{} from {source}", principal.as_str()) };
        let before = before.ok_or_else(missing)?;
        let removal = project.is_none().then(|| Removal::Grant(principal.clone(), source));
        self.keeping_an_administrator(removal, deed.at, || {
            let mut write = change_of(principal.subject(), principal.as_str(), deed.at);
            remove(&mut write, principal.as_str(), place, source);
            note(&mut write, deed, principal, (Some(&before), None), source);
            write
        })
        .await
    }

    /// What a provider's groups make of somebody at their sign-in: roles by rule become these, those from elsewhere stay. The last
    /// administrator stays one, and the answer says so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn sync_rules(&self, person: &PersonId, grants: &[Grant], deed: &Deed) -> Result<Synced> {
        let rules = |granted: &Granted| {
            granted.source == GrantSource::Rule && granted.principal == Principal::Person(person.clone())
        };
        let before: Vec<Granted> = self.db().granted_to(person).await?.into_iter().filter(rules).collect();
        let principal = Principal::Person(person.clone());
        let mut synced = Synced::default();
        for grant in grants.iter().filter(|grant| !before.iter().any(|b| b.grant == **grant)) {
            self.grant(&principal, grant, GrantSource::Rule, deed).await?;
            synced.changed = true;
        }
        let place = |grant: &Grant| stored(grant).0.to_owned();
        let gone = before.iter().filter(|b| !grants.iter().any(|grant| place(grant) == place(&b.grant)));
        for granted in gone {
            match self.take_back(&principal, granted.grant.project(), GrantSource::Rule, deed).await {
                Err(Error::LastAdministrator) => synced.kept_last_administrator = true,
                Err(Error::NotFound { .. }) => {}
                other => {
                    other?;
                    synced.changed = true;
                }
            }
        }
        Ok(synced)
    }
}

/// What came of a sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Synced {
    /// Somebody has another role than before.
    pub changed: bool,
    /// They would be no administrator any more, and are the last one.
    pub kept_last_administrator: bool,
}
