//! Groups of people: what a group is in a project, everybody in it is.

use rigi_model::event::Subject;
use rigi_model::people::{GrantSource, folded};
use rigi_model::{GroupId, PersonId, Timestamp};
use serde_json::json;

use super::administrators::Removal;
use super::audit::{self, Deed, Entry};
use super::change_of;
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::{Error, Result, Store};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id: a group keeps its rights when it is renamed, and one of the same name has none of them.
    pub id: GroupId,
    /// As people see it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// How many are in it.
    pub people: i64,
}

static INSERT: Statement = Statement::insert(
    "people_groups",
    &[("id", Text), ("name", Text), ("name_key", Text), ("created_at", Int)],
    "",
);
static RENAME: Statement = Statement::update(
    "people_groups",
    &[("id", Text), ("name", Text), ("name_key", Text)],
    "created_at IS NOT NULL",
);
static REMOVE: Statement = Statement::delete("people_groups", &[("id", Text)], "people_groups.id = v.id");
static NO_MEMBERS: Statement =
    Statement::delete("group_members", &[("id", Text)], "group_members.people_group = v.id");
static NO_GRANTS: Statement = Statement::delete("grants", &[("id", Text)], "grants.principal = v.id");
static JOIN: Statement = Statement::insert(
    "group_members",
    &[("person", Text), ("people_group", Text), ("source", Text), ("added_at", Int)],
    "ON CONFLICT DO NOTHING",
);
static LEAVE: Statement = Statement::delete(
    "group_members",
    &[("person", Text), ("people_group", Text), ("source", Text)],
    "group_members.person = v.person AND group_members.people_group = v.people_group AND group_members.source = v.source",
);

impl Db {
    /// All groups, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        let sql = "SELECT g.id, g.name, g.created_at, (SELECT COUNT(DISTINCT m.person) FROM group_members m WHERE m.people_group = g.id) \
                   FROM people_groups g ORDER BY g.name_key";
        let rows: Vec<(String, String, i64, i64)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let group = |(id, name, at, people): (String, String, i64, i64)| {
            Ok(Group { id: parsed("a group's id", &id)?, name, created_at: Timestamp(at), people })
        };
        rows.into_iter().map(group).collect()
    }

    /// One group.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn group(&self, id: &GroupId) -> Result<Group> {
        let found = self.groups().await?.into_iter().find(|group| group.id == *id);
        found.ok_or_else(|| Error::NotFound { what: "group", id: id.to_string() })
    }

    /// Who is in a group, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn people_in(&self, group: &GroupId) -> Result<Vec<(PersonId, String, GrantSource)>> {
        let sql = "SELECT p.id, p.name, m.source FROM group_members m JOIN people p ON p.id = m.person \
                   WHERE m.people_group = $1 ORDER BY p.name_key LIMIT 10000";
        let rows: Vec<(String, String, String)> =
            on_db!(self, pool => sqlx::query_as(sql).bind(group.as_str()).fetch_all(pool).await?);
        let person = |(id, name, source): (String, String, String)| {
            Ok((
                parsed("an account's id", &id)?,
                name,
                GrantSource::parse(&source).unwrap_or(GrantSource::Hand),
            ))
        };
        rows.into_iter().map(person).collect()
    }
}

impl Store {
    /// Makes a group.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another has a name that people take for the same.
    pub async fn add_group(&self, name: &str, deed: &Deed) -> Result<GroupId> {
        let id = GroupId::generate();
        let mut write = change_of(Subject::Group, id.as_str(), deed.at);
        write.rows.add(
            &INSERT,
            [id.to_string().into(), name.to_owned().into(), folded(name).into(), deed.at.0.into()],
        );
        let after = Some(json!({"name": name}));
        audit::add(
            &mut write,
            deed,
            Entry { action: "groups.add", subject: "group", id: id.as_str(), after, ..Entry::default() },
        );
        self.write(write).await?;
        Ok(id)
    }

    /// Gives a group another name. Its rights stay: they are its id's.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another has a name that people take for the same.
    pub async fn rename_group(&self, group: &Group, name: &str, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Group, group.id.as_str(), deed.at);
        write.rows.add(&RENAME, [group.id.to_string().into(), name.to_owned().into(), folded(name).into()]);
        let (before, after) = (Some(json!({"name": group.name})), Some(json!({"name": name})));
        let id = group.id.as_str();
        audit::add(
            &mut write,
            deed,
            Entry { action: "groups.rename", subject: "group", id, before, after, project: None },
        );
        self.write(write).await
    }

    /// Removes a group, with everything that it gave.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`] if nobody is one but by it.
    pub async fn delete_group(&self, group: &Group, deed: &Deed) -> Result<()> {
        self.keeping_an_administrator(Some(Removal::Group(group.id.clone())), deed.at, || {
            let mut write = change_of(Subject::Group, group.id.as_str(), deed.at);
            for statement in [&NO_GRANTS, &NO_MEMBERS, &REMOVE] {
                write.rows.add(statement, [group.id.to_string().into()]);
            }
            let before = Some(json!({"name": group.name}));
            let id = group.id.as_str();
            audit::add(
                &mut write,
                deed,
                Entry { action: "groups.delete", subject: "group", id, before, ..Entry::default() },
            );
            write
        })
        .await
    }

    /// Puts somebody into a group.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn join_group(
        &self,
        group: &Group,
        person: &PersonId,
        source: GrantSource,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        let row = [
            person.to_string().into(),
            group.id.to_string().into(),
            source.as_str().into(),
            deed.at.0.into(),
        ];
        write.rows.add(&JOIN, row);
        let after = Some(json!({"group": group.name, "person": person, "source": source}));
        let id = group.id.as_str();
        audit::add(
            &mut write,
            deed,
            Entry { action: "groups.join", subject: "group", id, after, ..Entry::default() },
        );
        self.write(write).await
    }

    /// Takes somebody out of a group who came into it from this source.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`] if nobody else is one.
    pub async fn leave_group(
        &self,
        group: &Group,
        person: &PersonId,
        source: GrantSource,
        deed: &Deed,
    ) -> Result<()> {
        let removal = Removal::Member(group.id.clone(), person.clone(), source);
        self.keeping_an_administrator(Some(removal), deed.at, || {
            let mut write = change_of(Subject::Person, person.as_str(), deed.at);
            let row = [person.to_string().into(), group.id.to_string().into(), source.as_str().into()];
            write.rows.add(&LEAVE, row);
            let before = Some(json!({"group": group.name, "person": person, "source": source}));
            let id = group.id.as_str();
            audit::add(
                &mut write,
                deed,
                Entry { action: "groups.leave", subject: "group", id, before, ..Entry::default() },
            );
            write
        })
        .await
    }
}
