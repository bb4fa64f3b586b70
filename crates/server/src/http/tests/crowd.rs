//! People of a server under test, and the keys that they carry.

use std::time::Duration;

use rigi_model::people::{GrantSource, KeyKind, PersonKind};
use rigi_model::rights::{Grant, Role};
use rigi_model::{ProjectName, Timestamp, TokenId};
use rigi_store::people::{Deed, NewPerson, Person, Token};

use super::TestServer;
use crate::auth::new_key;

/// A password that nobody guesses first.
pub const PASSWORD: &str = "seven quiet lanterns";

pub fn deed() -> Deed {
    Deed {
        actor: "test".into(),
        actor_id: None,
        via: "test".into(),
        address: None,
        request: None,
        at: Timestamp::now(),
    }
}

pub fn role(project: &str, role: Role) -> Grant {
    Grant::Role(ProjectName::unchecked(project.to_owned()), role)
}

/// How a token is.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub project: Option<&'static str>,
    pub most: Option<Role>,
    pub ended: bool,
}

impl TestServer {
    /// Somebody with an account, a password and these roles.
    pub async fn person(&self, name: &str, grants: Vec<Grant>) -> Person {
        let passwords = &self.state.auth.people.as_ref().unwrap().passwords;
        let new = NewPerson {
            kind: PersonKind::Person,
            name: name.to_owned(),
            mail: Some(format!("{}@example.org", name.to_lowercase().replace(' ', "."))),
            phc: passwords.make(PASSWORD.to_owned()).await.unwrap(),
            grants: grants.into_iter().map(|grant| (grant, GrantSource::Hand)).collect(),
            invited_by: None,
            claim: None,
            identity: None,
        };
        let id = self.state.store().add_person(new, &deed()).await.unwrap();
        self.state.store().db().person(&id).await.unwrap()
    }

    /// A token of theirs.
    pub async fn token(&self, person: &Person, kept: Kept) -> (String, Token) {
        let key = new_key(KeyKind::Person).unwrap();
        let now = Timestamp::now();
        let token = Token {
            id: TokenId::generate(),
            name: "test".into(),
            hint: key.hint(),
            project: kept.project.map(ProjectName::unchecked),
            role: kept.most,
            created_at: now,
            until: kept.ended.then(|| now.before(Duration::from_secs(1))),
            used_at: None,
        };
        self.state.store().add_token(&person.id, &key, &token, &deed()).await.unwrap();
        (key.expose().to_owned(), token)
    }
}
