//! Schedules and due times: a run for each, whoever tries again; what is settled stays so.

use rigi_model::pipeline::spec::Schedule;
use rigi_model::triggers::FireOutcome;
use rigi_model::{PipelineName, Timestamp};
use rigi_store::people::Deed;
use rigi_store::triggers::{Fire, FirePage, Pause, ScheduleKey, fire_key};
use rigi_store::{Accepted, IdempotencyKey, Store};

use crate::support::{T, new_run, on_each, project};

fn key(id: &str) -> ScheduleKey {
    ScheduleKey { project: project(), pipeline: PipelineName::unchecked("p"), id: id.to_owned() }
}

fn at(minute: i64) -> Timestamp {
    Timestamp(T.0 + minute * 60_000_000)
}

fn fire(id: &str, minute: i64, outcome: FireOutcome) -> Fire {
    Fire { schedule: key(id), due: at(minute), outcome, reason: Some("x".into()), run: None, at: at(minute) }
}

fn page() -> FirePage {
    FirePage { limit: 100, ..FirePage::default() }
}

#[test]
fn a_due_time_has_one_run_and_one_row() {
    on_each(async |store: Store| {
        let used = || IdempotencyKey { key: fire_key(&key("a"), at(1)), request: "due".into() };
        let mut all = Vec::new();
        for _ in 0..3 {
            match store.submit(vec![new_run("p")], Some(used())).await.unwrap() {
                Accepted::New(ids) | Accepted::Before(ids) => all.extend(ids),
            }
        }
        assert!(all.len() == 3 && all.iter().all(|run| *run == all[0]), "{all:?}");
        let settled = Fire { run: Some(all[0].clone()), reason: None, ..fire("a", 1, FireOutcome::Run) };
        store.note_fires(std::slice::from_ref(&settled)).await.unwrap();
        // The key has done its work; what is settled is not settled otherwise.
        assert_eq!(store.accepted_before(&project(), &used()).await.unwrap(), None);
        store
            .note_fires(&[fire("a", 1, FireOutcome::Missed), fire("a", 2, FireOutcome::Skipped)])
            .await
            .unwrap();
        let fires = store.db().fires(&project(), &page()).await.unwrap();
        assert_eq!(
            fires.iter().map(|fire| fire.outcome).collect::<Vec<_>>(),
            [FireOutcome::Skipped, FireOutcome::Run]
        );
        assert_eq!(fires[1], settled);
        let runs = store.db().runs_of_schedule(&key("a"), 10).await.unwrap();
        assert_eq!((runs.len(), runs[0].due), (1, at(1)));
        let older = FirePage { after: Some((at(2), "p".into(), "a".into())), ..page() };
        assert_eq!(store.db().fires(&project(), &older).await.unwrap().len(), 1);
        // Of many that were due at one time, a page goes on behind its last.
        store.note_fires(&["b", "c", "d"].map(|id| fire(id, 2, FireOutcome::Missed))).await.unwrap();
        let behind = FirePage { after: Some((at(2), "p".into(), "b".into())), ..page() };
        let rest = store.db().fires(&project(), &behind).await.unwrap();
        assert_eq!(rest.iter().map(|fire| fire.schedule.id.as_str()).collect::<Vec<_>>(), ["c", "d", "a"]);
    });
}

#[test]
fn the_newest_due_time_stays_however_old_it_is() {
    on_each(async |store: Store| {
        let fires: Vec<_> = (0..5).map(|minute| fire("a", minute, FireOutcome::Missed)).collect();
        store.note_fires(&fires).await.unwrap();
        store.note_fires(&[fire("b", 0, FireOutcome::Missed)]).await.unwrap();
        store.remove_fires(&project(), at(3)).await.unwrap();
        let last = store.db().last_fires(&project()).await.unwrap();
        assert_eq!(last, [("p".into(), "a".into(), at(4)), ("p".into(), "b".into(), at(0))]);
        assert_eq!(store.db().fires(&project(), &page()).await.unwrap().len(), 3);
    });
}

#[test]
fn a_pause_outlives_a_change_and_a_new_rhythm_settles_what_was_due() {
    on_each(async |store: Store| {
        let deed = |minute: i64| Deed::of_server("ann", at(minute));
        store.saw_schedules(&[(key("a"), "hourly".into())], at(0)).await.unwrap();
        let pause = Pause { at: at(1), by: "ann".into(), why: None };
        store.pause_schedule(&key("a"), "hourly", Some(&pause), &deed(1)).await.unwrap();
        store.saw_schedules(&[(key("a"), "daily".into())], at(2)).await.unwrap();
        let row = &store.db().schedules(&project()).await.unwrap()[0];
        assert_eq!((row.rhythm.as_str(), row.since, row.paused.clone()), ("daily", at(2), Some(pause)));
        store.pause_schedule(&key("a"), "daily", None, &deed(3)).await.unwrap();
        let row = &store.db().schedules(&project()).await.unwrap()[0];
        assert_eq!((row.since, row.paused.clone(), row.resumed_at), (at(2), None, Some(at(3))));
        // One that somebody made: the same rhythm goes on, another begins anew.
        let made = Schedule { cron: Some("0 6 * * *".into()), ..Schedule::named("m") };
        for (minute, rhythm, since) in [(4, "six", 4), (5, "six", 4), (6, "seven", 6)] {
            store.put_schedule(&key("m"), &made, rhythm, &deed(minute)).await.unwrap();
            let rows = store.db().schedules(&project()).await.unwrap();
            let row = rows.iter().find(|row| row.key == key("m")).unwrap();
            assert_eq!((row.since, row.made.as_ref()), (at(since), Some(&made)));
        }
        store.remove_schedule(&key("m"), &deed(7)).await.unwrap();
        assert_eq!(store.db().schedules(&project()).await.unwrap().len(), 1);
    });
}
