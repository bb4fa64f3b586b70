//! Sessions that PostgreSQL ends at any instant: nothing is lost, nothing is written twice, and the lock comes back first.

use std::time::Duration;

use rigi_model::RunState;
use rigi_store::{Accepted, DbConfig, Error, IdempotencyKey, NewRun, Pace, Store};
use sqlx::{Connection, PgConnection};

use crate::support::{T, change, configs, new_run, project};

/// Ends the sessions that hold the lock of the schema.
const END_WRITERS: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' \
    AND objid::bigint = (1380534089::bigint # hashtext($1)) & 4294967295";

const CLIENTS: usize = 8;
const RUNS: usize = 20;

/// Submits until it is accepted, as a client does.
async fn accepted(store: &Store, number: usize) -> NewRun {
    let run = new_run("cut");
    let key = IdempotencyKey { key: format!("k{number}"), request: "r".into() };
    loop {
        match store.submit(vec![run.clone()], Some(key.clone())).await {
            Ok(Accepted::New(ids)) => break assert_eq!(ids, std::slice::from_ref(&run.id)),
            Ok(Accepted::Before(ids)) => panic!("a refused submission was accepted: {ids:?}"),
            Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run
}

#[test]
fn a_session_that_is_ended_costs_nothing_and_doubles_nothing() {
    let Some(Some(DbConfig::Postgres(url))) = configs().pop() else { return };
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&DbConfig::Postgres(url.clone()), data.path()).await.unwrap();
        store.db().lock().await.unwrap();
        let (server, schema) = url.split_once("?schema=").unwrap();
        let submitting: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (store, server, schema) = (store.clone(), server.to_owned(), schema.to_owned());
                tokio::spawn(async move {
                    let mut other = PgConnection::connect(&server).await.unwrap();
                    for number in 0..RUNS {
                        let run = accepted(&store, client * 1000 + number).await;
                        let ended = change(&run, RunState::Succeeded, T);
                        let written = store.change(vec![ended], Pace::Now).await.unwrap();
                        if client == 0 {
                            // Before, amid or after the commit, as it comes.
                            tokio::time::sleep(Duration::from_micros(400 * number as u64)).await;
                            let end = sqlx::query_scalar::<_, i64>(END_WRITERS).bind(&schema);
                            end.fetch_one(&mut other).await.unwrap();
                        }
                        written.await.unwrap();
                    }
                })
            })
            .collect();
        for client in submitting {
            tokio::time::timeout(Duration::from_secs(60), client).await.unwrap().unwrap();
        }
        let run = accepted(&store, 9999).await;
        assert_eq!(store.db().open_runs(&project(), &[RunState::Queued], None, 1000).await.unwrap().len(), 1);
        assert_eq!(store.db().run(&project(), &run.id).await.unwrap().status.state, RunState::Queued);
        // Two events of each run: none is missing, none is there twice.
        assert_eq!(store.db().last_event().await.unwrap(), i64::try_from(CLIENTS * RUNS * 2 + 1).unwrap());
        let other = Store::open(&DbConfig::Postgres(url.clone()), data.path()).await.unwrap();
        assert!(matches!(other.db().lock().await, Err(Error::InUse { .. })));
    });
}
