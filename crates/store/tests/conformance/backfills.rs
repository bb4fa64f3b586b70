//! Backfills: their due times and the runs of these.

use rigi_model::triggers::{BackfillOrder, BackfillSpec, BackfillState, TimeState};
use rigi_model::{BackfillId, PipelineName, RunState, Timestamp};
use rigi_store::people::Deed;
use rigi_store::triggers::{Backfill, BackfillTime, ScheduleKey, TimesPage, backfill_key};
use rigi_store::{IdempotencyKey, Pace, Store};

use super::support::{T, change, new_run, on_each, project};

fn backfill() -> Backfill {
    let pipeline = PipelineName::unchecked("etl");
    Backfill {
        id: BackfillId::generate(),
        schedule: ScheduleKey { project: project(), pipeline, id: "nightly".to_owned() },
        spec: BackfillSpec {
            from: T,
            to: Timestamp(T.0 + 10),
            parameters: Default::default(),
            order: BackfillOrder::Oldest,
            parallel: 2,
            only_missing: false,
        },
        state: BackfillState::Running,
        made_at: T,
        made_by: "ada".to_owned(),
        ended_at: None,
    }
}

#[test]
fn each_due_time_has_its_run_and_is_counted_by_it() {
    on_each(async |store: Store| {
        let (one, deed, db) = (backfill(), Deed::of_server("ada", T), store.db());
        let due: Vec<Timestamp> = (0..5).map(|n| Timestamp(T.0 + n)).collect();
        store.make_backfill(&one, &due, &deed).await.unwrap();
        assert_eq!(db.backfill(&one.id).await.unwrap(), Some(one.clone()));
        assert_eq!(db.running_backfills().await.unwrap(), std::slice::from_ref(&one));
        let waiting = db.waiting_times(&one.id, 2).await.unwrap();
        assert_eq!(waiting.iter().map(|time| time.due).collect::<Vec<_>>(), due[..2]);
        let mut came = Vec::new();
        for (time, state) in waiting.into_iter().zip([RunState::Failed, RunState::Running]) {
            let run = new_run("etl");
            let key = IdempotencyKey { key: backfill_key(&one.id, &time), request: "backfill".to_owned() };
            store.submit(vec![run.clone()], Some(key)).await.unwrap();
            store.change(vec![change(&run, state, T)], Pace::Now).await.unwrap().await.unwrap();
            came.push(BackfillTime { state: TimeState::Run, run: Some(run.id), ..time });
        }
        store.note_backfill_times(&one, &came, T).await.unwrap();
        let counts = db.backfill_counts(&one.id).await.unwrap();
        let counts: Vec<(&str, u64)> = counts.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        assert_eq!(counts, [("failed", 1), ("running", 1), ("waiting", 3)]);
        assert_eq!(db.open_backfill_runs(&one.id).await.unwrap(), [came[1].run.clone().unwrap()]);
        let key = IdempotencyKey { key: backfill_key(&one.id, &came[0]), request: "backfill".to_owned() };
        assert_eq!(store.accepted_before(&project(), &key).await.unwrap(), None);
        let failed = TimesPage { failed: true, after: None, limit: 10 };
        let failed = db.backfill_times(&one.id, &failed).await.unwrap();
        assert_eq!((failed.len(), failed[0].run_state), (1, Some(RunState::Failed)));
        let again = BackfillTime { state: TimeState::Waiting, tries: 1, run: None, ..failed[0].clone() };
        store.set_backfill(&one, BackfillState::Running, &[again], Some(&deed), T).await.unwrap();
        assert_eq!(db.waiting_times(&one.id, 10).await.unwrap().len(), 4);
        let page = TimesPage { failed: false, after: Some(3), limit: 10 };
        assert_eq!(db.backfill_times(&one.id, &page).await.unwrap().len(), 1);
        store.set_backfill(&one, BackfillState::Done, &[], None, Timestamp(T.0 + 5)).await.unwrap();
        assert!(db.running_backfills().await.unwrap().is_empty());
        assert_eq!(db.backfills(&project(), None, 10).await.unwrap().len(), 1);
        store.remove_backfills(&project(), Timestamp(T.0 + 6)).await.unwrap();
        assert_eq!(db.backfills(&project(), None, 10).await.unwrap(), []);
        assert_eq!(db.fired_between(&one.schedule, T, one.spec.to).await.unwrap(), []);
    });
}
