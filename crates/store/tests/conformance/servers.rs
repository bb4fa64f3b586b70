//! Several servers that write one PostgreSQL: each event has an id of its own, in the order of the commits, and a key serves once.

use std::collections::HashSet;

use rigi_model::{RunId, RunState};
use rigi_store::{Accepted, DbConfig, Error, IdempotencyKey, Store};

use crate::support::{T, configs, new_run, project};

const SERVERS: usize = 3;
const CLIENTS: usize = 6;
const RUNS: usize = 15;

/// Submits until the database lets it: each server is told the same keys, for the same requests.
async fn submit(store: Store, client: usize) -> Vec<(usize, Accepted)> {
    let mut answers = Vec::new();
    for number in 0..RUNS {
        let key = IdempotencyKey { key: format!("k{client}-{number}"), request: "r".into() };
        let answer = store.submit(vec![new_run("a"), new_run("b")], Some(key)).await.unwrap();
        answers.push((client * RUNS + number, answer));
        if number % 5 == 0 {
            let stored = store.storage().put(format!("{client} {number}").as_bytes()).unwrap();
            store.add_upload(&project(), "x", &stored, T).await.unwrap();
        }
    }
    answers
}

#[test]
fn servers_of_one_database_share_its_events_and_its_keys() {
    let Some(Some(DbConfig::Postgres(url))) = configs().pop() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let data = tempfile::tempdir().unwrap();
        let mut stores = Vec::new();
        for _ in 0..SERVERS {
            stores.push(Store::open(&DbConfig::Postgres(url.clone()), data.path()).await.unwrap());
        }
        // One of them leads: its connection holds the lock, and shares ids with the others all the same.
        stores[0].db().lock().await.unwrap();
        let before = stores[0].db().last_event().await.unwrap();
        let clients = (0..SERVERS * CLIENTS)
            .map(|client| tokio::spawn(submit(stores[client % SERVERS].clone(), client / SERVERS)));
        let mut new = HashSet::new();
        let mut told = vec![HashSet::new(); CLIENTS * RUNS];
        for client in clients.collect::<Vec<_>>() {
            for (request, answer) in client.await.unwrap() {
                let ids: Vec<RunId> = match answer {
                    Accepted::New(ids) => {
                        assert!(new.insert(request), "request {request} was accepted twice");
                        ids
                    }
                    Accepted::Before(ids) => ids,
                };
                told[request].insert(ids);
            }
        }
        assert_eq!(new.len(), CLIENTS * RUNS);
        assert!(told.iter().all(|answers| answers.len() == 1), "all are told the same runs");
        let open = stores[1].db().open_runs(&project(), &[RunState::Queued], None, 10_000).await.unwrap();
        assert_eq!(open.len(), 2 * CLIENTS * RUNS);
        // No id is left out, and none is given twice: as many as there are events.
        let uploads = SERVERS * CLIENTS * RUNS.div_ceil(5);
        let events = i64::try_from(open.len() + uploads).unwrap();
        assert_eq!(stores[2].db().last_event().await.unwrap(), before + events);
        let told = stores[2].db().told_between(&project(), before, before + events).await.unwrap();
        assert_eq!(told.len(), uploads);
        let key = IdempotencyKey { key: "k0-0".into(), request: "another".into() };
        let conflict = stores[1].submit(vec![new_run("a")], Some(key)).await;
        assert!(matches!(conflict, Err(Error::IdempotencyConflict { .. })), "{conflict:?}");
    });
}

#[test]
fn the_id_of_an_event_that_was_removed_is_not_given_again() {
    crate::support::on_each(|store| async move {
        let run = new_run("a");
        crate::support::stored(&store, &run, RunState::Succeeded).await;
        let before = store.db().last_event().await.unwrap();
        for _ in 0..3 {
            let run = new_run("a");
            crate::support::stored(&store, &run, RunState::Succeeded).await;
            store.remove_runs(&project(), std::slice::from_ref(&run.id), T).await.unwrap();
        }
        // Two of each run, and one of each removal; of the removals, the newest is kept.
        let newest = store.db().last_event().await.unwrap();
        assert_eq!(newest, before + 3 * 3);
        let told = store.db().told_between(&project(), before, newest).await.unwrap();
        assert_eq!(told.iter().map(|told| told.kind.as_str()).collect::<Vec<_>>(), ["runs-removed"]);
    });
}
