//! Triggers: each event once, ends that wait for others, cursors, and what people say beside specs.

use rigi_model::event::SubjectEvent;
use rigi_model::triggers::join::Arrived;
use rigi_model::triggers::{AfterOn, AwaitedEnd, EventOutcome, FollowUpKind, TriggerOn, TriggerSpec};
use rigi_model::{PipelineName, RunId, Timestamp};
use rigi_store::people::Deed;
use rigi_store::triggers::{FollowUp, LookedAt, Noted, Pause, RunLink, TriggerEvent, TriggerKey, event_key};
use rigi_store::{Accepted, IdempotencyKey, Store};

use crate::support::{T, new_run, on_each, project};

fn key(id: &str) -> TriggerKey {
    TriggerKey { project: project(), pipeline: PipelineName::unchecked("p"), id: id.to_owned() }
}

fn at(minute: i64) -> Timestamp {
    Timestamp(T.0 + minute * 60_000_000)
}

fn event(id: &str, name: &str, minute: i64, outcome: EventOutcome) -> TriggerEvent {
    TriggerEvent { key: key(id), event: name.to_owned(), at: at(minute), outcome, reason: None, run: None }
}

async fn note(store: &Store, events: Vec<TriggerEvent>) {
    store.note_triggers(&Noted { events, ..Noted::default() }, T).await.unwrap();
}

#[test]
fn an_event_has_one_run_and_one_row() {
    on_each(async |store: Store| {
        let used = || IdempotencyKey { key: event_key(&key("a"), "x"), request: "event".into() };
        let mut all = Vec::new();
        for _ in 0..3 {
            match store.submit(vec![new_run("p")], Some(used())).await.unwrap() {
                Accepted::New(ids) | Accepted::Before(ids) => all.extend(ids),
            }
        }
        assert!(all.len() == 3 && all.iter().all(|run| *run == all[0]), "{all:?}");
        let done = TriggerEvent { run: Some(all[0].clone()), ..event("a", "x", 1, EventOutcome::Run) };
        note(&store, vec![done.clone()]).await;
        assert_eq!(store.accepted_before(&project(), &used()).await.unwrap(), None);
        // What has a run keeps it; what was refused, or was being made, may become something.
        note(
            &store,
            vec![event("a", "x", 2, EventOutcome::Ignored), event("a", "y", 2, EventOutcome::Refused)],
        )
        .await;
        let taken = TriggerEvent { reason: Some("batch".into()), ..event("a", "z", 2, EventOutcome::Taken) };
        note(&store, vec![event("a", "y", 3, EventOutcome::Ignored), taken]).await;
        assert_eq!(store.db().trigger_event(&key("a"), "x").await.unwrap(), Some(done));
        assert_eq!(store.db().taken_events(&key("a")).await.unwrap(), [("z".to_owned(), "batch".to_owned())]);
        let all = store.db().trigger_events(&key("a"), None, 10).await.unwrap();
        assert_eq!(all.iter().map(|one| one.event.as_str()).collect::<Vec<_>>(), ["y", "z", "x"]);
        let rest = store.db().trigger_events(&key("a"), Some((at(2), "z".into())), 10).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(store.db().trigger_events(&key("b"), None, 10).await.unwrap(), []);
        store.forget_events(&key("a"), &["y".to_owned()]).await.unwrap();
        store.remove_trigger_events(&key("a"), at(2)).await.unwrap();
        let seen = store.db().seen_events(&key("a")).await.unwrap();
        assert_eq!(seen, [("z".to_owned(), at(2))]);
    });
}

#[test]
fn ends_wait_for_others_and_are_used_once() {
    on_each(async |store: Store| {
        let arrived = |pipeline: &str, minute| Arrived {
            pipeline: pipeline.to_owned(),
            run: RunId::generate(),
            at: at(minute),
        };
        let (first, later, other) = (arrived("a", 1), arrived("a", 2), arrived("b", 3));
        let all = [&first, &later, &other].map(|one| (key("j"), "k".to_owned(), one.clone()));
        for one in &all {
            let noted = Noted { arrived: vec![one.clone()], ..Noted::default() };
            store.note_triggers(&noted, T).await.unwrap();
        }
        assert_eq!(store.db().arrivals(&key("j"), "k").await.unwrap(), [later, other]);
        assert_eq!(store.db().arrivals(&key("j"), "").await.unwrap(), []);
        assert_eq!(store.db().all_arrivals(&key("j"), 10).await.unwrap().len(), 2);

        let run = new_run("p");
        let child = new_run("p");
        store.submit(vec![run.clone(), child.clone()], None).await.unwrap();
        let kind = FollowUpKind::Trigger;
        let link = RunLink { parent: run.id.clone(), child: child.id.clone(), kind };
        let done = FollowUp { run: run.id.clone(), project: project(), kind, due: T };
        let noted = Noted {
            used: vec![(key("j"), "k".to_owned())],
            cursor: Some((project(), PipelineName::unchecked("s"), "12".into(), run.id.clone())),
            links: vec![link.clone()],
            done: Some((done, vec!["something was left out".to_owned()])),
            ..Noted::default()
        };
        store.note_triggers(&noted, at(4)).await.unwrap();
        assert_eq!(store.db().arrivals(&key("j"), "k").await.unwrap(), []);
        assert_eq!(store.db().link_to(&child.id).await.unwrap(), Some(link));
        let cursor = store.db().cursor(&project(), "s").await.unwrap().unwrap();
        assert_eq!((cursor.value.as_str(), cursor.at, cursor.run), ("12", at(4), Some(run.id.clone())));
        let deed = Deed::of_server("you", at(5));
        store.set_cursor(&project(), "s", Some("3"), &deed).await.unwrap();
        assert_eq!(store.db().cursor(&project(), "s").await.unwrap().unwrap().run, None);
        store.set_cursor(&project(), "s", None, &deed).await.unwrap();
        assert_eq!(store.db().cursor(&project(), "s").await.unwrap(), None);
    });
}

#[test]
fn what_people_say_of_triggers_is_kept() {
    on_each(async |store: Store| {
        let deed = Deed::of_server("you", at(1));
        let after = AfterOn { pipelines: vec!["a".into()], on: AwaitedEnd::End, key: None, within: None };
        let spec = TriggerSpec {
            id: "m".into(),
            on: TriggerOn::After(after),
            when: None,
            parameters: Default::default(),
            schedule: None,
            enabled: true,
        };
        let mut commits = store.commits();
        store.put_trigger(&key("m"), &spec, &deed).await.unwrap();
        let told = commits.recv().await.unwrap();
        assert!(told.others.iter().any(|one| one.id == "p/m" && one.kind == SubjectEvent::CHANGED));
        let pause = Pause { at: at(2), by: "you".into(), why: None };
        store.pause_trigger(&key("m"), Some(&pause), &deed).await.unwrap();
        let looked = LookedAt { key: key("m"), watched: "w".into(), problem: Some("gone".into()) };
        store.note_triggers(&Noted { looked: Some(looked), ..Noted::default() }, at(3)).await.unwrap();
        let all = store.db().triggers(&project()).await.unwrap();
        assert_eq!((all.len(), all[0].made.as_ref(), all[0].paused.as_ref()), (1, Some(&spec), Some(&pause)));
        assert_eq!((all[0].watched.as_deref(), all[0].looked_at), (Some("w"), Some(at(3))));
        store.pause_trigger(&key("m"), None, &deed).await.unwrap();
        assert_eq!(store.db().triggers(&project()).await.unwrap()[0].paused, None);
        store.remove_trigger(&key("m"), &deed).await.unwrap();
        assert_eq!(store.db().triggers(&project()).await.unwrap(), []);
    });
}
