//! People: what they may, where it comes from, and that there is always somebody who may do everything.

use std::time::Duration;

use rigi_model::people::{GrantSource, Key, KeyKind, LinkKind, PersonKind, PersonState, SignInWay};
use rigi_model::rights::{Grant, Role, Standing};
use rigi_model::{LinkId, PersonId, Timestamp, TokenId};
use rigi_store::people::audit::AuditFilter;
use rigi_store::people::{Carrier, Deed, Link, NewPerson, NewSession, Person, Principal, Token, Tried};
use rigi_store::{Error, Store};

use crate::support::{T, lab, on_each, project};

const HOUR: Duration = Duration::from_secs(3600);

fn deed() -> Deed {
    Deed {
        actor: "Root".into(),
        actor_id: None,
        via: "server".into(),
        address: Some("192.0.2.7".into()),
        request: None,
        at: T,
    }
}

fn new_person(name: &str, grants: Vec<(Grant, GrantSource)>) -> NewPerson {
    NewPerson {
        kind: PersonKind::Person,
        name: name.into(),
        mail: Some(format!("{}@example.org", name.to_lowercase())),
        phc: None,
        grants,
        invited_by: None,
        claim: None,
        identity: None,
    }
}

async fn add(store: &Store, name: &str, grants: Vec<(Grant, GrantSource)>) -> Person {
    let id = store.add_person(new_person(name, grants), &deed()).await.unwrap();
    store.db().person(&id).await.unwrap()
}

fn of(person: &Person) -> Principal {
    Principal::Person(person.id.clone())
}

fn key(kind: KeyKind, n: u8) -> Key {
    Key::from_seed(kind, &[n; 64]).unwrap()
}

#[test]
fn roles_from_everywhere_add_up_and_each_source_takes_back_its_own() {
    on_each(|store| async move {
        let ada = add(&store, "Ada", vec![]).await;
        assert_eq!(store.db().standing_of(&ada.id).await.unwrap(), Standing::default());
        let role = |role| Grant::Role(lab(), role);
        store.grant(&of(&ada), &role(Role::Viewer), GrantSource::Hand, &deed()).await.unwrap();
        store.grant(&of(&ada), &role(Role::Editor), GrantSource::Rule, &deed()).await.unwrap();
        let crew = store.add_group("Crew", &deed()).await.unwrap();
        let crew = store.db().group(&crew).await.unwrap();
        let group = Principal::Group(crew.id.clone());
        store.grant(&group, &role(Role::Owner), GrantSource::Hand, &deed()).await.unwrap();
        store.join_group(&crew, &ada.id, GrantSource::Hand, &deed()).await.unwrap();
        let now = async || store.db().standing_of(&ada.id).await.unwrap().role_in(&lab());
        assert_eq!(now().await, Some(Role::Owner));
        assert_eq!(store.db().standing_of(&ada.id).await.unwrap().role_in(&project()), None);
        let why = store.db().granted_to(&ada.id).await.unwrap();
        assert_eq!(why.len(), 3, "{why:?}");
        // Left, and come back.
        store.leave_group(&crew, &ada.id, GrantSource::Hand, &deed()).await.unwrap();
        assert_eq!(now().await, Some(Role::Editor));
        store.join_group(&crew, &ada.id, GrantSource::Hand, &deed()).await.unwrap();
        assert_eq!(now().await, Some(Role::Owner));
        // A group of the same name as one that is gone has none of its rights.
        store.rename_group(&crew, "Staff", &deed()).await.unwrap();
        assert_eq!(now().await, Some(Role::Owner));
        store.delete_group(&crew, &deed()).await.unwrap();
        let again = store.add_group("Staff", &deed()).await.unwrap();
        store
            .join_group(&store.db().group(&again).await.unwrap(), &ada.id, GrantSource::Hand, &deed())
            .await
            .unwrap();
        assert_eq!(now().await, Some(Role::Editor));
        // A sync changes what is by rule, and nothing else.
        let synced = store.sync_rules(&ada.id, &[role(Role::Runner)], &deed()).await.unwrap();
        assert!(synced.changed && now().await == Some(Role::Runner));
        store.sync_rules(&ada.id, &[], &deed()).await.unwrap();
        assert_eq!(now().await, Some(Role::Viewer));
        store.take_back(&of(&ada), Some(&lab()), GrantSource::Hand, &deed()).await.unwrap();
        assert_eq!(now().await, None);
        let gone = store.take_back(&of(&ada), Some(&lab()), GrantSource::Hand, &deed()).await;
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        let audit = store.db().audit(&AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
        assert!(audit.iter().any(|line| line.action == "groups.delete" && line.actor == "Root"), "{audit:?}");
    });
}

#[test]
fn names_and_addresses_that_people_take_for_the_same_are_taken() {
    on_each(|store| async move {
        let zoe = add(&store, "Zoë", vec![]).await;
        for name in ["zoë", "Zoe\u{308}", "ZOË"] {
            let mut new = new_person(name, vec![]);
            new.mail = None;
            let refused = store.add_person(new, &deed()).await;
            assert!(matches!(refused, Err(Error::Conflict(_))), "{name}: {refused:?}");
        }
        let mut new = new_person("Other", vec![]);
        new.mail = Some("ZOË@EXAMPLE.org".into());
        assert!(matches!(store.add_person(new, &deed()).await, Err(Error::Conflict(_))));
        assert_eq!(store.db().person_by_mail("zoe\u{308}@example.org").await.unwrap(), Some(zoe.clone()));
        // Once she is gone, both are free; what she did keeps her name.
        store.delete_person(&zoe, &deed()).await.unwrap();
        let back = add(&store, "ZOË", vec![]).await;
        assert_ne!(back.id, zoe.id);
        assert_eq!(store.db().person(&zoe.id).await.unwrap().name, "Zoë");
    });
}

#[test]
fn the_first_administrator_is_one() {
    on_each(|store| async move {
        assert!(!store.db().has_administrator().await.unwrap());
        let claims = (0..50).map(|n| {
            let store = store.clone();
            let mut new = new_person(&format!("P{n}"), vec![(Grant::Administrator, GrantSource::First)]);
            new.claim = Some("first administrator".into());
            tokio::spawn(async move { store.add_person(new, &deed()).await })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Ok(_) => won += 1,
                Err(Error::Conflict(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
        assert!(store.db().has_administrator().await.unwrap());
    });
}

#[test]
fn the_last_administrator_stays_whatever_is_done() {
    on_each(|store| async move {
        let ada = add(&store, "Ada", vec![(Grant::Administrator, GrantSource::First)]).await;
        add(&store, "Bob", vec![(Grant::Role(lab(), Role::Owner), GrantSource::Hand)]).await;
        let last = |result: Result<(), Error>| {
            assert!(matches!(result, Err(Error::LastAdministrator)), "{result:?}")
        };
        last(store.delete_person(&ada, &deed()).await);
        for state in [PersonState::Blocked, PersonState::Deleted] {
            last(store.set_person_state(&ada, state, &deed()).await);
        }
        last(store.take_back(&of(&ada), None, GrantSource::First, &deed()).await);
        // By a group alone.
        let group = store.add_group("Admins", &deed()).await.unwrap();
        let group = store.db().group(&group).await.unwrap();
        let principal = Principal::Group(group.id.clone());
        store.grant(&principal, &Grant::Administrator, GrantSource::Hand, &deed()).await.unwrap();
        last(store.take_back(&of(&ada), None, GrantSource::First, &deed()).await);
        store.join_group(&group, &ada.id, GrantSource::Hand, &deed()).await.unwrap();
        store.take_back(&of(&ada), None, GrantSource::First, &deed()).await.unwrap();
        last(store.leave_group(&group, &ada.id, GrantSource::Hand, &deed()).await);
        last(store.delete_group(&group, &deed()).await);
        last(store.take_back(&principal, None, GrantSource::Hand, &deed()).await);
        last(store.delete_person(&ada, &deed()).await);
        // By rule: the sync goes on, and says so.
        store.sync_rules(&ada.id, &[Grant::Administrator], &deed()).await.unwrap();
        store.delete_group(&group, &deed()).await.unwrap();
        let synced = store.sync_rules(&ada.id, &[], &deed()).await.unwrap();
        assert!(synced.kept_last_administrator && store.db().has_administrator().await.unwrap());
        // A program and somebody who is blocked are no administrators.
        let service = NewPerson {
            kind: PersonKind::Service,
            ..new_person("Robot", vec![(Grant::Administrator, GrantSource::Hand)])
        };
        store.add_person(service, &deed()).await.unwrap();
        last(store.delete_person(&ada, &deed()).await);
        let eve = add(&store, "Eve", vec![(Grant::Administrator, GrantSource::Hand)]).await;
        store.set_person_state(&eve, PersonState::Blocked, &deed()).await.unwrap();
        last(store.delete_person(&ada, &deed()).await);
        store.set_person_state(&eve, PersonState::Active, &deed()).await.unwrap();
        store.delete_person(&ada, &deed()).await.unwrap();
    });
}

#[test]
fn administrators_who_remove_each_other_at_once_leave_one() {
    on_each(|store| async move {
        let mut all = Vec::new();
        for n in 0..8 {
            all.push(add(&store, &format!("A{n}"), vec![(Grant::Administrator, GrantSource::Hand)]).await);
        }
        let removals = all.iter().cloned().enumerate().map(|(n, person)| {
            let store = store.clone();
            tokio::spawn(async move {
                match n % 3 {
                    0 => store.delete_person(&person, &deed()).await,
                    1 => store.take_back(&of(&person), None, GrantSource::Hand, &deed()).await,
                    _ => store.set_person_state(&person, PersonState::Blocked, &deed()).await,
                }
            })
        });
        let mut refused = 0;
        for removal in removals.collect::<Vec<_>>() {
            match removal.await.unwrap() {
                Ok(()) => {}
                Err(Error::LastAdministrator | Error::Conflict(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused >= 1);
        assert!(store.db().has_administrator().await.unwrap());
    });
}

#[test]
fn sessions_and_tokens_count_until_they_end() {
    on_each(|store| async move {
        let ada = add(&store, "Ada", vec![(Grant::Administrator, GrantSource::First)]).await;
        let bob = add(&store, "Bob", vec![(Grant::Role(lab(), Role::Editor), GrantSource::Hand)]).await;
        let begin = async |secret: &str, person: &PersonId| {
            let new = NewSession {
                secret: secret.into(),
                person: person.clone(),
                way: SignInWay::Password,
                until: T.after(10 * HOUR),
                agent: None,
                provider_session: None,
                replaces: None,
                claim: None,
            };
            store.begin_session(new, &deed()).await.unwrap()
        };
        let (one, two) = (begin("one", &bob.id).await, begin("two", &bob.id).await);
        let idle = Timestamp(T.0 - 1);
        let held = async |secret: &str, now: Timestamp, idle| {
            store.db().held_session(secret, now, idle).await.unwrap()
        };
        let found = held("one", T, idle).await.unwrap();
        assert_eq!(found.carrier, Carrier::Session(one.clone()));
        assert_eq!(found.standing.role_in(&lab()), Some(Role::Editor));
        assert!(held("three", T, idle).await.is_none());
        assert!(held("one", T.after(10 * HOUR), idle).await.is_none(), "it has ended");
        assert!(held("one", T, T).await.is_none(), "it was idle");
        store.end_sessions(&[one], &deed()).await.unwrap();
        assert!(held("one", T, idle).await.is_none() && held("two", T, idle).await.is_some());
        assert_eq!(store.db().sessions_of(&bob.id, T, idle).await.unwrap()[0].id, two);

        let limited = Token {
            id: TokenId::generate(),
            name: "ci".into(),
            hint: String::new(),
            project: Some(lab()),
            role: Some(Role::Runner),
            created_at: T,
            until: Some(T.after(HOUR)),
            used_at: None,
        };
        let (of_bob, of_ada) = (key(KeyKind::Person, 1), key(KeyKind::Person, 2));
        store.add_token(&bob.id, &of_bob, &limited, &deed()).await.unwrap();
        let whole =
            Token { id: TokenId::generate(), project: None, role: None, until: None, ..limited.clone() };
        store.add_token(&ada.id, &of_ada, &whole, &deed()).await.unwrap();
        let token = async |key: &Key, now| store.db().held_token(key.expose(), now).await.unwrap();
        let found = token(&of_bob, T).await.unwrap().standing;
        assert_eq!((found.role_in(&lab()), found.role_in(&project())), (Some(Role::Runner), None));
        assert!(token(&of_bob, T.after(HOUR)).await.is_none(), "it has ended");
        assert!(token(&of_ada, T).await.unwrap().standing.administrator);
        // Its owner's present role, and not the one of then.
        store.grant(&of(&bob), &Grant::Role(lab(), Role::Viewer), GrantSource::Hand, &deed()).await.unwrap();
        assert_eq!(token(&of_bob, T).await.unwrap().standing.role_in(&lab()), Some(Role::Viewer));
        store.set_person_state(&bob, PersonState::Blocked, &deed()).await.unwrap();
        assert!(token(&of_bob, T).await.is_none() && held("two", T, idle).await.is_none());
        store.set_person_state(&bob, PersonState::Active, &deed()).await.unwrap();
        assert!(token(&of_bob, T).await.is_some() && held("two", T, idle).await.is_none());
        store.remove_token(&limited, &deed()).await.unwrap();
        assert!(token(&of_bob, T).await.is_none());
    });
}

#[test]
fn a_link_is_taken_as_often_as_it_may_be() {
    on_each(|store| async move {
        let link = Link {
            id: LinkId::generate(),
            kind: LinkKind::Invitation,
            person: None,
            mail: None,
            grant: Some(Grant::Role(lab(), Role::Runner)),
            uses: 3,
            used: 0,
            made_by: String::new(),
            made_at: T,
            until: T.after(HOUR),
        };
        let key = key(KeyKind::Invitation, 3);
        store.add_link(&key, &link, None, &deed()).await.unwrap();
        assert!(store.db().link(&key, T.after(HOUR)).await.unwrap().is_none(), "it has ended");
        let mut people = Vec::new();
        for n in 0..8 {
            people.push(add(&store, &format!("P{n}"), vec![]).await);
        }
        let takes = people.iter().cloned().map(|person| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                loop {
                    let Some(link) = store.db().link(&key, T).await.unwrap() else { return false };
                    match store.take_link(&person.id, &link, &deed()).await {
                        Ok(()) => return true,
                        Err(Error::Conflict(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        });
        let mut taken = 0;
        for take in takes.collect::<Vec<_>>() {
            taken += usize::from(take.await.unwrap());
        }
        assert_eq!(taken, 3);
        let members = store.db().granted_in(Some(&lab())).await.unwrap();
        assert_eq!(members.len(), 3);
        assert!(members.iter().all(|member| member.source == GrantSource::Invitation));
        assert!(store.db().invitations(Some(&lab()), T).await.unwrap().is_empty());
    });
}

#[test]
fn what_failed_is_counted_by_account_and_network() {
    on_each(|store| async move {
        for (mail, network) in
            [("ada@x.org", "a"), ("ADA@x.org", "a"), ("ada@x.org", "b"), ("bob@x.org", "a")]
        {
            store.sign_in_failed(mail, network, None, &deed()).await.unwrap();
        }
        let failed = store.db().failed_sign_ins(Tried::SignIn, "ada@x.org", "a", Timestamp(0)).await.unwrap();
        assert_eq!((failed.here, failed.network, failed.account, failed.known), (2, 3, 3, false));
        assert_eq!(store.db().failed_sign_ins(Tried::SignIn, "ada@x.org", "a", T).await.unwrap().here, 0);
        store.sign_in_succeeded("ada@x.org", "a", T).await.unwrap();
        let failed = store.db().failed_sign_ins(Tried::SignIn, "ada@x.org", "a", Timestamp(0)).await.unwrap();
        assert_eq!((failed.here, failed.network, failed.account, failed.known), (0, 1, 1, true));
    });
}
