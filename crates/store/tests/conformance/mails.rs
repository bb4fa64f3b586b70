//! Mails: written with what they tell, tried by one server at a time, and known for a while.

use std::time::Duration;

use rigi_model::mail::{MailKind, MailState};
use rigi_model::people::{Key, KeyKind, LinkKind, PersonKind};
use rigi_model::{LinkId, MailId, Timestamp};
use rigi_store::people::{Asked, Deed, Link, NewPassword, NewPerson, Person, Tried};
use rigi_store::tables::mails::NewMail;
use rigi_store::{Error, Store};

use crate::support::{T, on_each};

const MINUTE: Duration = Duration::from_secs(60);

fn deed() -> Deed {
    Deed::of_server("Root", T)
}

fn mail(to: &str) -> NewMail {
    let until = Some(T.after(MINUTE * 60));
    NewMail {
        id: MailId::generate(),
        kind: MailKind::Reset,
        to: to.into(),
        sealed: "sealed1:00".into(),
        until,
    }
}

fn link(person: Option<&Person>, kind: LinkKind, mail: Option<&str>) -> Link {
    Link {
        id: LinkId::generate(),
        kind,
        person: person.map(|person| person.id.clone()),
        mail: mail.map(str::to_owned),
        grant: None,
        uses: 1,
        used: 0,
        made_by: String::new(),
        made_at: T,
        until: T.after(MINUTE * 60),
    }
}

fn key(n: u8) -> Key {
    Key::from_seed(KeyKind::Link, &[n; 64]).unwrap()
}

async fn ada(store: &Store) -> Person {
    let new = NewPerson {
        kind: PersonKind::Person,
        name: "Ada".into(),
        mail: Some("Ada@example.org".into()),
        phc: Some("old".into()),
        grants: Vec::new(),
        invited_by: None,
        claim: None,
        identity: None,
    };
    let id = store.add_person(new, &deed()).await.unwrap();
    store.db().person(&id).await.unwrap()
}

#[test]
fn a_mail_is_written_with_what_it_tells_or_not_at_all() {
    on_each(|store| async move {
        let ada = ada(&store).await;
        let first = mail("ada@example.org");
        let reset = link(Some(&ada), LinkKind::Reset, None);
        store.add_link(&key(1), &reset, Some(&first), &deed()).await.unwrap();
        let queued = store.db().mail(&first.id).await.unwrap();
        assert_eq!((queued.state, queued.tries, queued.next_at), (MailState::Waiting, 0, Some(T)));
        assert_eq!(store.db().text_of_mail(&first.id).await.unwrap().as_deref(), Some("sealed1:00"));
        // The password is set once: of what is refused, no mail is written.
        let new = |note: &NewMail| NewPassword {
            phc: "new".into(),
            once: reset.next_claim(),
            note: Some(note.clone()),
            ..NewPassword::default()
        };
        let (told, untold) = (mail("ada@example.org"), mail("ada@example.org"));
        store.set_password(&ada.id, new(&told), &deed()).await.unwrap();
        assert!(matches!(store.set_password(&ada.id, new(&untold), &deed()).await, Err(Error::Conflict(_))));
        assert!(store.db().mail(&told.id).await.is_ok());
        assert!(matches!(store.db().mail(&untold.id).await, Err(Error::NotFound { .. })));
        assert!(store.db().link(&key(1), T).await.unwrap().is_none(), "links that set a password are gone");
        assert_eq!(store.db().waiting_mails().await.unwrap(), 2);
    });
}

#[test]
fn each_try_is_made_by_one_server() {
    on_each(|store| async move {
        let one = mail("ada@example.org");
        store.add_link(&key(2), &link(None, LinkKind::Invitation, None), Some(&one), &deed()).await.unwrap();
        let queued = store.db().next_mail().await.unwrap().unwrap();
        assert_eq!(queued.id, one.id);
        let claims = (0..8).map(|_| {
            let (store, queued) = (store.clone(), queued.clone());
            tokio::spawn(async move { store.claim_mail(&queued, T.after(MINUTE), T).await.is_ok() })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            won += usize::from(claim.await.unwrap());
        }
        assert_eq!(won, 1);
        // Whoever claimed it may have ended: it is due again later.
        let queued = store.db().next_mail().await.unwrap().unwrap();
        assert_eq!((queued.tries, queued.next_at), (1, Some(T.after(MINUTE))));
        store.put_off_mail(&one.id, "not now", T.after(MINUTE * 5)).await.unwrap();
        let queued = store.db().mail(&one.id).await.unwrap();
        assert_eq!((queued.error.as_deref(), queued.next_at), (Some("not now"), Some(T.after(MINUTE * 5))));
        store.retry_mail(&one.id, &deed()).await.unwrap();
        assert_eq!(store.db().mail(&one.id).await.unwrap().next_at, Some(T));
        store.claim_mail(&store.db().mail(&one.id).await.unwrap(), T, T).await.unwrap();
        store.end_mail(&one.id, Ok(()), T.after(MINUTE)).await.unwrap();
        // What has ended stays so, and its text is gone.
        store.end_mail(&one.id, Err("late"), T).await.unwrap();
        store.put_off_mail(&one.id, "late", T).await.unwrap();
        let sent = store.db().mail(&one.id).await.unwrap();
        assert_eq!((sent.state, sent.tries, sent.error, sent.next_at), (MailState::Sent, 2, None, None));
        assert_eq!(store.db().text_of_mail(&one.id).await.unwrap(), None);
        assert!(store.db().next_mail().await.unwrap().is_none());
    });
}

#[test]
fn mails_are_known_for_a_while_and_listed_newest_first() {
    on_each(|store| async move {
        let mut ids = Vec::new();
        for n in 0..5 {
            let one = mail(&format!("p{n}@example.org"));
            store.tested_mail(&one, Err("no"), T.after(MINUTE * n), &deed()).await.unwrap();
            ids.push(one.id);
        }
        ids.reverse();
        let page = store.db().mails(None, 3).await.unwrap();
        assert_eq!(page.iter().map(|mail| mail.id.clone()).collect::<Vec<_>>(), ids[..3]);
        assert_eq!(page[0].state, MailState::Failed);
        assert_eq!(page[0].error.as_deref(), Some("no"));
        let rest = store.db().mails(Some(&ids[2]), 10).await.unwrap();
        assert_eq!(rest.len(), 2);
        store.forget_mails(T.after(MINUTE * 3)).await.unwrap();
        assert_eq!(store.db().mails(None, 10).await.unwrap().len(), 2);
    });
}

#[test]
fn asking_for_a_link_is_counted_apart_from_signing_in() {
    on_each(|store| async move {
        let ada = ada(&store).await;
        let ask = async |made| {
            let subject = Some(&ada.id);
            let asked =
                Asked { action: "account.reset-asked", mail: "ADA@example.org", network: "a", subject, made };
            store.asked_by_mail(asked, &deed()).await.unwrap();
        };
        ask(None).await;
        let (key, one) = (key(3), mail("ada@example.org"));
        let reset = link(Some(&ada), LinkKind::Reset, Some("ada@example.org"));
        ask(Some((&key, &reset, &one))).await;
        let count = async |tried| {
            let failed =
                store.db().failed_sign_ins(tried, "ada@example.org", "a", Timestamp(0)).await.unwrap();
            (failed.here, failed.network, failed.account)
        };
        assert_eq!(count(Tried::Reset).await, (2, 2, 2));
        assert_eq!(count(Tried::SignIn).await, (0, 0, 0));
        assert!(store.db().link(&key, T).await.unwrap().is_some());
        assert_eq!(store.db().waiting_mails().await.unwrap(), 1);
        // What went to the address that it had holds no more.
        store.set_mail(&ada, Some("countess@example.org"), None, &deed()).await.unwrap();
        assert!(store.db().link(&key, T).await.unwrap().is_none());
    });
}

#[test]
fn an_address_is_confirmed_and_another_one_is_not() {
    on_each(|store| async move {
        let person = ada(&store).await;
        assert!(!person.mail_verified);
        let confirm = link(Some(&person), LinkKind::Confirm, Some("ada@example.org"));
        store.add_link(&key(4), &confirm, None, &deed()).await.unwrap();
        let mail = "ada@EXAMPLE.org";
        store.confirm_mail(&person.id, mail, &confirm, &deed()).await.unwrap();
        let again = store.confirm_mail(&person.id, mail, &confirm, &deed()).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        let now = async || store.db().person(&person.id).await.unwrap();
        assert!(now().await.mail_verified);
        store.set_mail(&person, Some("other@example.org"), None, &deed()).await.unwrap();
        assert!(!now().await.mail_verified);
        // A link that came by mail shows it as well.
        let new = NewPassword {
            phc: "x".into(),
            proves: Some("other@example.org".into()),
            ..NewPassword::default()
        };
        store.set_password(&person.id, new, &deed()).await.unwrap();
        assert!(now().await.mail_verified);
    });
}
