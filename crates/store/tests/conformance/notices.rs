//! Notices: channels, rules, trouble that goes on, each word once, tries that are claimed; and what happened beside runs.

use rigi_model::notices::{ChannelKind, Facts, NoticeKind, NoticeState, Rule, message};
use rigi_model::{NoticeId, Timestamp};
use rigi_store::notices::{Happened, IncidentPage, IncidentRow, NewNotice, NoticePage, Words};
use rigi_store::people::Deed;
use rigi_store::{Error, Store};

use super::support::{T, on_each, project};

fn deed() -> Deed {
    Deed::of_server("ada", T)
}

fn later(micros: i64) -> Timestamp {
    Timestamp(T.0 + micros)
}

fn facts() -> Facts {
    Facts { pipeline: Some("etl".into()), message: Some("exit 1".into()), ..Facts::default() }
}

fn notice(channel: &str, dedupe: &str, due: Timestamp) -> NewNotice {
    NewNotice {
        project: project(),
        rule: "all".to_owned(),
        channel: channel.to_owned(),
        dedupe: dedupe.to_owned(),
        message: message(NoticeKind::Failed, facts(), None),
        due,
    }
}

async fn tell(store: &Store, notices: Vec<NewNotice>, incidents: Vec<IncidentRow>) {
    let words = Words { incidents, notices };
    store.tell_of(&Happened::Seen(project()), words, T).await.unwrap();
}

#[test]
fn channels_rules_and_keys_are_read_back() {
    on_each(async |store: Store| {
        let db = store.db();
        store
            .put_channel(&project(), "team", ChannelKind::Slack, "https://a.example.org/x", &deed())
            .await
            .unwrap();
        store
            .put_channel(&project(), "team", ChannelKind::Webhook, "https://b.example.org\nwhsec_x", &deed())
            .await
            .unwrap();
        let channel = db.channels(&project()).await.unwrap().remove(0);
        assert_eq!((channel.kind, channel.name.as_str()), (ChannelKind::Webhook, "team"));
        assert_eq!(store.channel_target(&channel).unwrap().0, "https://b.example.org\nwhsec_x");
        let rule = Rule {
            on: vec![NoticeKind::Failed],
            pipelines: vec!["e*".into()],
            channels: vec!["team".into()],
            digest: Some(std::time::Duration::from_secs(60)),
            quiet: None,
            waiting_after: None,
            template: None,
            paused: false,
        };
        store.put_rule(&project(), "all", &rule, &deed()).await.unwrap();
        assert_eq!(db.all_rules().await.unwrap(), db.rules(&project()).await.unwrap());
        assert_eq!(db.rules(&project()).await.unwrap()[0].rule, rule);
        store.remove_rule(&project(), "all", &deed()).await.unwrap();
        store.remove_channel(&project(), "team", &deed()).await.unwrap();
        assert!(
            db.rules(&project()).await.unwrap().is_empty()
                && db.channels(&project()).await.unwrap().is_empty()
        );
        store.put_notice_key(&project(), "ci", "a key", &deed()).await.unwrap();
        assert_eq!(db.notice_key("a key").await.unwrap(), Some((project(), "ci".to_owned())));
        store.put_notice_key(&project(), "ci", "another key", &deed()).await.unwrap();
        assert_eq!(db.notice_key("a key").await.unwrap(), None);
        assert_eq!(db.notice_keys(&project()).await.unwrap().len(), 1);
        store.remove_notice_key(&project(), "ci", &deed()).await.unwrap();
        assert_eq!(db.notice_key("another key").await.unwrap(), None);
    });
}

#[test]
fn the_same_is_told_once_and_each_try_is_claimed_by_one() {
    on_each(async |store: Store| {
        let db = store.db();
        tell(&store, vec![notice("team", "a", later(5)), notice("mail", "a", T)], Vec::new()).await;
        tell(&store, vec![notice("team", "a", T)], Vec::new()).await;
        let page = NoticePage { limit: 10, ..NoticePage::default() };
        assert_eq!(db.notices(&project(), &page).await.unwrap().len(), 2);
        assert_eq!(db.next_notice_at().await.unwrap(), Some(T));
        let due = db.due_notices(later(1), 10).await.unwrap();
        assert_eq!(due.iter().map(|one| one.channel.as_str()).collect::<Vec<_>>(), ["mail"]);
        store.claim_notices(&due, later(100), later(1)).await.unwrap();
        let second = store.claim_notices(&due, later(100), later(1)).await;
        assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
        assert!(db.due_notices(later(1), 10).await.unwrap().is_empty());
        store.put_off_notices(&due, "no", later(50), later(2)).await.unwrap();
        let again = db.due_notices(later(50), 10).await.unwrap();
        let mail = again.iter().find(|one| one.channel == "mail").unwrap();
        assert_eq!((mail.tries, mail.error.as_deref()), (1, Some("no")));
        store.end_notices(std::slice::from_ref(mail), Err("gone"), &[], later(60)).await.unwrap();
        let dead = NoticePage { state: Some(NoticeState::Dead), limit: 10, ..NoticePage::default() };
        assert_eq!(db.notices(&project(), &dead).await.unwrap().len(), 1);
        store.retry_notice(&db.notice(&mail.id).await.unwrap().unwrap(), later(70)).await.unwrap();
        let waiting = db.notice(&mail.id).await.unwrap().unwrap();
        assert_eq!((waiting.state, waiting.tries), (NoticeState::Waiting, 1));
        store.claim_notices(std::slice::from_ref(&waiting), later(100), later(71)).await.unwrap();
        store.end_notices(&[waiting], Ok(()), &[], later(72)).await.unwrap();
        store.forget_notices(later(1_000)).await.unwrap();
        let left = db.notices(&project(), &page).await.unwrap();
        assert_eq!(left.iter().map(|one| one.channel.as_str()).collect::<Vec<_>>(), ["team"]);
    });
}

#[test]
fn one_incident_of_a_kind_and_pipeline_is_open_at_a_time() {
    on_each(async |store: Store| {
        let db = store.db();
        let incident = |kind| IncidentRow {
            id: NoticeId::generate(),
            project: project(),
            kind,
            pipeline: "etl".to_owned(),
            opened_at: T,
            count: 1,
            last_at: T,
            last_run: None,
            closed_at: None,
        };
        let first = incident(NoticeKind::Failed);
        tell(&store, Vec::new(), vec![first.clone(), incident(NoticeKind::Missed)]).await;
        assert_eq!(db.open_incidents(&project(), "etl").await.unwrap().len(), 2);
        assert!(db.open_incidents(&project(), "other").await.unwrap().is_empty());
        let rival = Words { incidents: vec![incident(NoticeKind::Failed)], notices: Vec::new() };
        assert!(store.tell_of(&Happened::Seen(project()), rival, T).await.is_err());
        let closed = IncidentRow { count: 3, closed_at: Some(later(9)), ..first.clone() };
        tell(&store, Vec::new(), vec![closed.clone()]).await;
        let page = IncidentPage { open: true, before: None, limit: 10 };
        assert_eq!(db.incidents(&project(), &page).await.unwrap().len(), 1);
        let all = IncidentPage { open: false, ..page };
        assert!(db.incidents(&project(), &all).await.unwrap().contains(&closed));
    });
}

#[test]
fn what_happened_is_there_until_it_was_looked_at() {
    on_each(async |store: Store| {
        store.note_occurrence(&project(), NoticeKind::Missed, &facts(), T).await.unwrap();
        let all = store.db().occurrences().await.unwrap();
        assert_eq!((all.len(), all[0].kind, &all[0].facts), (1, NoticeKind::Missed, &facts()));
        let happened = Happened::Occurrence(Box::new(all[0].clone()));
        store.tell_of(&happened, Words::default(), T).await.unwrap();
        assert!(store.db().occurrences().await.unwrap().is_empty());
    });
}
