//! Accounts.

use rigi_model::event::Subject;
use rigi_model::people::{GrantSource, PersonKind, PersonState, folded};
use rigi_model::rights::Grant;
use rigi_model::{PersonId, Timestamp};
use serde_json::json;
use sqlx::{FromRow, QueryBuilder};

use super::administrators::Removal;
use super::audit::{self, Deed, Entry};
use super::{change_of, claim, grants, hash_of, passwords};
use crate::db::{Db, on_db, parsed};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Error, Result, Store};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id.
    pub id: PersonId,
    /// Of what.
    pub kind: PersonKind,
    /// As others see it: no other account has one that people take for the same.
    pub name: String,
    /// Where mail goes, and what one signs in with.
    pub mail: Option<String>,
    /// Mail to it is known to reach the account.
    pub mail_verified: bool,
    /// Whether it may be used.
    pub state: PersonState,
    /// Since when.
    pub created_at: Timestamp,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was used last, to some minutes.
    pub seen_at: Option<Timestamp>,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Of what.
    pub kind: PersonKind,
    /// A name that [`rigi_model::people::person_name`] let pass.
    pub name: String,
    /// An address that [`rigi_model::people::mail_address`] let pass.
    pub mail: Option<String>,
    /// What a password was made into; `None`: it signs in otherwise.
    pub phc: Option<String>,
    /// What it is from the beginning, and why.
    pub grants: Vec<(Grant, GrantSource)>,
    /// Who gave what it has by an invitation.
    pub invited_by: Option<String>,
    /// What makes this happen once: of two that claim the same, one is refused.
    pub claim: Option<String>,
    /// Who it is at a provider.
    pub identity: Option<super::Identity>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    name: String,
    mail: Option<String>,
    mail_key: Option<String>,
    mail_proven: Option<String>,
    state: String,
    created_at: i64,
    created_by: String,
    seen_at: Option<i64>,
}

impl TryFrom<Row> for Person {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let damaged =
            |what: &str| Error::Damaged { what: format!("account {}", row.id), why: what.to_owned() };
        Ok(Self {
            kind: PersonKind::parse(&row.kind).ok_or_else(|| damaged("its kind is none"))?,
            state: PersonState::parse(&row.state).ok_or_else(|| damaged("its state is none"))?,
            id: parsed("an account's id", &row.id)?,
            name: row.name,
            mail: row.mail,
            mail_verified: row.mail_key.is_some() && row.mail_key == row.mail_proven,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            seen_at: row.seen_at.map(Timestamp),
        })
    }
}

const COLUMNS: &str =
    "SELECT id, kind, name, mail, mail_key, mail_proven, state, created_at, created_by, seen_at FROM people";

/// A page of accounts, by name.
#[derive(Debug, Clone, Default)]
pub struct PeoplePage {
    /// Those whose name or address holds this.
    pub text: Option<String>,
    /// Behind this name key and id.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: u32,
}

static INSERT: Statement = Statement::insert(
    "people",
    &[
        ("id", Text),
        ("kind", Text),
        ("name", Text),
        ("name_key", Text),
        ("mail", Text),
        ("mail_key", Text),
        ("mail_proven", Text),
        ("state", Text),
        ("created_at", Int),
        ("created_by", Text),
    ],
    "",
);
static RENAME: Statement =
    Statement::update("people", &[("id", Text), ("name", Text), ("name_key", Text)], "state <> 'deleted'");
static SET_MAIL: Statement =
    Statement::update("people", &[("id", Text), ("mail", Text), ("mail_key", Text)], "state <> 'deleted'");
static PROVE_MAIL: Statement =
    Statement::update("people", &[("id", Text), ("mail_proven", Text)], "state <> 'deleted'");
static SET_STATE: Statement =
    Statement::update("people", &[("id", Text), ("state", Text)], "state <> 'deleted'");
static SEEN: Statement = Statement::update("people", &[("id", Text), ("seen_at", Int)], "state = 'active'");
/// A name and an address that nobody has any more are free again.
static FREE: Statement = Statement::update(
    "people",
    &[("id", Text), ("state", Text), ("name_key", Text), ("mail", Text), ("mail_key", Text)],
    "state <> 'deleted'",
);
const OF_PERSON: [(&str, crate::rows::BindKind); 1] = [("person", Text)];
static NO_GRANTS: Statement = Statement::delete("grants", &OF_PERSON, "grants.principal = v.person");
static NO_GROUPS: Statement =
    Statement::delete("group_members", &OF_PERSON, "group_members.person = v.person");
static NO_SESSIONS: Statement = Statement::delete("sessions", &OF_PERSON, "sessions.person = v.person");
static NO_TOKENS: Statement = Statement::delete("tokens", &OF_PERSON, "tokens.person = v.person");
static NO_PASSWORD: Statement = Statement::delete("passwords", &OF_PERSON, "passwords.person = v.person");
static NO_FACTOR: Statement = Statement::delete("factors", &OF_PERSON, "factors.person = v.person");
static NO_CODES: Statement =
    Statement::delete("recovery_codes", &OF_PERSON, "recovery_codes.person = v.person");
static NO_IDENTITIES: Statement = Statement::delete("identities", &OF_PERSON, "identities.person = v.person");
static NO_REQUESTS: Statement =
    Statement::delete("join_requests", &OF_PERSON, "join_requests.person = v.person");
static NO_LINKS: Statement = Statement::delete("links", &OF_PERSON, "links.person = v.person");
/// What went to the address that it had.
static NO_MAILED_LINKS: Statement =
    Statement::delete("links", &OF_PERSON, "links.person = v.person AND links.mail IS NOT NULL");

/// Mail to this address is known to reach the account.
pub(super) fn prove_mail(write: &mut Write, person: &PersonId, mail: &str) {
    write.rows.add(&PROVE_MAIL, [person.to_string().into(), folded(mail).into()]);
}

impl Db {
    /// One account.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this id.
    pub async fn person(&self, id: &PersonId) -> Result<Person> {
        let found = self.one_person("id", id.as_str()).await?;
        found.ok_or_else(|| Error::NotFound { what: "person", id: id.to_string() })
    }

    /// The account of a mail address, as people write it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn person_by_mail(&self, mail: &str) -> Result<Option<Person>> {
        self.one_person("mail_key", &folded(mail)).await
    }

    /// The account of a name, as people write it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn person_by_name(&self, name: &str) -> Result<Option<Person>> {
        self.one_person("name_key", &folded(name)).await
    }

    async fn one_person(&self, column: &'static str, value: &str) -> Result<Option<Person>> {
        let sql = format!("{COLUMNS} WHERE {column} = $1");
        let row: Option<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(value).fetch_optional(pool).await?
        });
        row.map(Person::try_from).transpose()
    }

    /// Accounts that are not deleted, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn people(&self, page: &PeoplePage) -> Result<Vec<Person>> {
        let rows: Vec<Row> = on_db!(self, pool => {
            let mut sql = QueryBuilder::new(COLUMNS);
            sql.push(" WHERE state <> 'deleted'");
            if let Some(text) = &page.text {
                let pattern = format!("%{}%", folded(text).replace(['%', '_', '\\'], "_"));
                sql.push(" AND (name_key LIKE ").push_bind(pattern.clone());
                sql.push(" OR mail_key LIKE ").push_bind(pattern).push(")");
            }
            if let Some((name, id)) = &page.after {
                sql.push(" AND (name_key > ").push_bind(name.as_str());
                sql.push(" OR (name_key = ").push_bind(name.as_str()).push(" AND id > ");
                sql.push_bind(id.as_str()).push("))");
            }
            sql.push(" ORDER BY name_key, id LIMIT ").push_bind(i64::from(page.limit));
            sql.build_query_as().fetch_all(pool).await?
        });
        rows.into_iter().map(Person::try_from).collect()
    }
}

impl Store {
    /// Makes an account, with everything that it has from the beginning.
    ///
    /// # Errors
    /// [`Error::Conflict`] if its name, address, identity or claim is taken.
    pub async fn add_person(&self, new: NewPerson, deed: &Deed) -> Result<PersonId> {
        let id = PersonId::generate();
        let mut write = change_of(Subject::Person, id.as_str(), deed.at);
        let key = new.mail.as_deref().map(folded);
        write.rows.add(
            &INSERT,
            [
                id.to_string().into(),
                new.kind.as_str().into(),
                new.name.clone().into(),
                folded(&new.name).into(),
                new.mail.clone().into(),
                key.clone().into(),
                // A provider's account has an address only if the provider has verified it.
                key.filter(|_| new.identity.is_some()).into(),
                PersonState::Active.as_str().into(),
                deed.at.0.into(),
                deed.actor.clone().into(),
            ],
        );
        let after = json!({"name": new.name, "kind": new.kind, "mail": new.mail});
        let entry = Entry {
            action: "people.add",
            subject: "person",
            id: id.as_str(),
            after: Some(after),
            ..Entry::default()
        };
        audit::add(&mut write, deed, entry);
        if let Some(phc) = new.phc {
            passwords::put(&mut write, &id, phc, deed.at);
        }
        for (grant, source) in &new.grants {
            let by = new.invited_by.as_deref().filter(|_| *source == GrantSource::Invitation);
            grants::given(&mut write, &id, grant, *source, by.unwrap_or(&deed.actor), deed);
        }
        if let Some(identity) = &new.identity {
            super::identities::put(&mut write, &id, identity, deed.at);
        }
        if let Some(what) = new.claim {
            claim(&mut write, what, deed.at);
        }
        self.write(write).await?;
        Ok(id)
    }

    /// Gives an account another name.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another has one that people take for the same.
    pub async fn rename_person(&self, person: &Person, name: &str, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Person, person.id.as_str(), deed.at);
        write.rows.add(&RENAME, [person.id.to_string().into(), name.to_owned().into(), folded(name).into()]);
        self.change_person(
            write,
            person,
            "people.rename",
            json!({"name": person.name}),
            json!({"name": name}),
            deed,
        )
        .await
    }

    /// Gives an account another mail address; links that went to the former one hold no more. `note` tells of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another has it.
    pub async fn set_mail(
        &self,
        person: &Person,
        mail: Option<&str>,
        note: Option<&NewMail>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = change_of(Subject::Person, person.id.as_str(), deed.at);
        let row = [person.id.to_string().into(), mail.map(str::to_owned).into(), mail.map(folded).into()];
        write.rows.add(&SET_MAIL, row);
        write.rows.add(&NO_MAILED_LINKS, [person.id.to_string().into()]);
        mails::add_some(&mut write, note, deed.at);
        self.change_person(
            write,
            person,
            "people.mail",
            json!({"mail": person.mail}),
            json!({"mail": mail}),
            deed,
        )
        .await
    }

    /// Lets an account be used, or not. Who is blocked is signed out everywhere; tokens work again once they are not.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`] if nobody else is one.
    pub async fn set_person_state(&self, person: &Person, state: PersonState, deed: &Deed) -> Result<()> {
        let removal = (state != PersonState::Active).then(|| Removal::Person(person.id.clone()));
        self.keeping_an_administrator(removal, deed.at, || {
            let mut write = change_of(Subject::Person, person.id.as_str(), deed.at);
            write.rows.add(&SET_STATE, [person.id.to_string().into(), state.as_str().into()]);
            if state != PersonState::Active {
                write.rows.add(&NO_SESSIONS, [person.id.to_string().into()]);
            }
            let action = if state == PersonState::Active { "people.unblock" } else { "people.block" };
            let (before, after) = (json!({"state": person.state}), json!({"state": state}));
            note(&mut write, person, action, before, after, deed);
            write
        })
        .await
    }

    /// Removes an account with everything that it signs in with. What it did keeps its name.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`] if nobody else is one.
    pub async fn delete_person(&self, person: &Person, deed: &Deed) -> Result<()> {
        self.keeping_an_administrator(Some(Removal::Person(person.id.clone())), deed.at, || {
            let mut write = change_of(Subject::Person, person.id.as_str(), deed.at);
            let all = [
                &NO_GRANTS,
                &NO_GROUPS,
                &NO_SESSIONS,
                &NO_TOKENS,
                &NO_PASSWORD,
                &NO_FACTOR,
                &NO_CODES,
                &NO_IDENTITIES,
                &NO_LINKS,
                &NO_REQUESTS,
            ];
            for statement in all {
                write.rows.add(statement, [person.id.to_string().into()]);
            }
            let nothing = || None::<String>.into();
            let state = PersonState::Deleted.as_str().into();
            write.rows.add(&FREE, [person.id.to_string().into(), state, nothing(), nothing(), nothing()]);
            let (before, after) =
                (json!({"name": person.name, "mail": person.mail}), json!({"state": "deleted"}));
            note(&mut write, person, "people.delete", before, after, deed);
            write
        })
        .await
    }

    /// Remembers that an account was used.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn saw_person(&self, id: &PersonId, now: Timestamp) -> Result<()> {
        let mut write = Write::default();
        write.rows.add(&SEEN, [id.to_string().into(), now.0.into()]);
        self.write(write).await
    }

    async fn change_person(
        &self,
        mut write: Write,
        person: &Person,
        action: &'static str,
        before: serde_json::Value,
        after: serde_json::Value,
        deed: &Deed,
    ) -> Result<()> {
        note(&mut write, person, action, before, after, deed);
        self.write(write).await
    }
}

fn note(
    write: &mut Write,
    person: &Person,
    action: &'static str,
    before: serde_json::Value,
    after: serde_json::Value,
    deed: &Deed,
) {
    let (before, after) = (Some(before), Some(after));
    let id = person.id.as_str();
    audit::add(write, deed, Entry { action, subject: "person", id, before, after, project: None });
}

/// Whose password is asked for where there is no such account.
#[must_use]
pub(crate) fn account_key(mail: &str) -> String {
    hash_of(&folded(mail))
}
