//! Several servers that write one PostgreSQL: each event has an id of its own, in the order of the commits, and a key serves once.

use std::collections::HashSet;
use std::time::Duration;

use rigi_model::{Actor, RunId, RunState};
use rigi_store::retention::Before;
use rigi_store::seat::{Election, Lead, Reached};
use rigi_store::{Accepted, DbConfig, Error, GivenKey, Heard, IdempotencyKey, Pace, Renew, Storage, Store};
use tempfile::tempdir;

use crate::support::{T, change, configs, new_run, on_each, project};

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
        // An upload's event goes with it, unless it is the newest.
        let stored = store.storage().put(&b"x"[..]).unwrap();
        for _ in 0..2 {
            store.add_upload(&project(), "x", &stored, T).await.unwrap();
        }
        let used = store.db().used_by_runs(&project()).await.unwrap();
        let later = T.after(Duration::from_secs(1));
        let before = Before { versions: later, uploads: later, keys: later };
        store.remove_unreferenced(&project(), &used, &before).await.unwrap();
        assert_eq!(store.db().last_event().await.unwrap(), newest + 2);
        assert_eq!(store.db().told_between(&project(), newest, newest + 2).await.unwrap().len(), 1);
    });
}

/// What two servers hear of each other.
#[test]
fn servers_of_one_database_hear_of_each_others_commits() {
    let Some(Some(DbConfig::Postgres(url))) = configs().pop() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = DbConfig::Postgres(url);
        let (data, other, files) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
        let shared = Storage::Folder(files.path().to_owned());
        let follow = || Store::follow(&config, other.path(), &shared, None);
        let refused = follow().await.unwrap_err();
        assert!(matches!(refused, Error::Database { .. }), "nobody leads it yet: {refused:?}");
        let leader = Store::open_at(&config, data.path(), &shared, Renew::default(), None).await.unwrap();
        leader.lead().await.unwrap();
        assert!(matches!(follow().await, Err(Error::Lost { part: "key", .. })), "it has no key");
        Store::open(&DbConfig::Sqlite(other.path().join("a.db")), other.path()).await.unwrap();
        assert!(matches!(follow().await, Err(Error::Key(_))), "it has another key");
        for name in ["secret.key", "secret.check"] {
            std::fs::copy(data.path().join(name), other.path().join(name)).unwrap();
        }
        std::fs::remove_file(other.path().join("database.id")).unwrap();
        let sqlite = DbConfig::Sqlite(other.path().join("a.db"));
        assert!(Store::follow(&sqlite, other.path(), &shared, None).await.is_err(), "SQLite has one server");
        assert!(
            Store::follow(&config, other.path(), &Storage::Data, None).await.is_err(),
            "files are shared"
        );
        leader.submit(vec![new_run("a")], None).await.unwrap();
        let mut heard = leader.hear_others().await.unwrap();
        let follower = follow().await.unwrap();
        let mut heard_there = follower.hear_others().await.unwrap();
        let (mut commits, mut commits_there) = (leader.commits(), follower.commits());
        // Once it is heard, both listen.
        let first = new_run("a");
        follower.submit(vec![first.clone()], None).await.unwrap();
        let accepted = Heard { accepted: vec![first.id.clone()], cancels: Vec::new() };
        assert_eq!(within(heard.recv()).await, Some(accepted));
        within(commits.recv()).await.unwrap();
        let first = new_run("a");
        leader.submit(vec![first.clone()], None).await.unwrap();
        while !within(commits_there.recv()).await.unwrap().runs.contains(&first.id) {}
        while heard_there.try_recv().is_ok() {}
        within(commits.recv()).await.unwrap();
        let run = new_run("a");
        follower.submit(vec![run.clone()], None).await.unwrap();
        let accepted = Heard { accepted: vec![run.id.clone()], cancels: Vec::new() };
        assert_eq!(within(heard.recv()).await, Some(accepted));
        assert_eq!(&*within(commits.recv()).await.unwrap().runs, std::slice::from_ref(&run.id));
        follower
            .ask_to_stop(&project(), std::slice::from_ref(&run.id), &Actor::named("Zoé"), T)
            .await
            .unwrap();
        let asked = vec![(run.id.clone(), Actor::named("Zoé"))];
        assert_eq!(within(heard.recv()).await.unwrap().cancels, asked);
        assert_eq!(leader.db().asked_to_stop().await.unwrap(), asked, "it is there for one who leads later");
        // Its own two commits, then what the leader does.
        for _ in 0..2 {
            within(commits_there.recv()).await.unwrap();
        }
        let ended = change(&run, RunState::Succeeded, T);
        leader.change(vec![ended], Pace::Now).await.unwrap().await.unwrap();
        assert_eq!(&*within(commits_there.recv()).await.unwrap().runs, std::slice::from_ref(&run.id));
        assert!(heard_there.try_recv().is_err(), "what the leader changes is nobody's to act on");
        assert_eq!(leader.db().asked_to_stop().await.unwrap(), []);
        // Uploads are told as well, and a large commit as a whole.
        let stored = follower.storage().put(&b"x"[..]).unwrap();
        follower.add_upload(&project(), "x", &stored, T).await.unwrap();
        within(async { while commits.recv().await.unwrap().others.is_empty() {} }).await;
        let many: Vec<_> = (0..5000).map(|_| new_run("a")).collect();
        follower.submit(many, None).await.unwrap();
        assert_eq!(within(heard.recv()).await.unwrap().accepted.len(), 5000);
    });
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}

#[test]
fn a_database_tells_its_size_and_its_connections() {
    on_each(async |store: Store| {
        let db = store.db();
        db.last_event().await.unwrap();
        let (idle, used) = db.connections();
        assert!((1..=8).contains(&(idle + used)), "{idle} idle, {used} used");
        assert!(db.bytes().await.unwrap() > 4096);
    });
}

/// A server leads as soon as the one before it has ended, and one that has lost the lead is told.
#[test]
fn another_server_leads_when_one_ends_and_never_two() {
    let Some(Some(DbConfig::Postgres(url))) = configs().pop() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = DbConfig::Postgres(url.clone());
        let (data, other, files) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
        let shared = Storage::Folder(files.path().to_owned());
        let key = || Some(GivenKey { key: [7; 32], former: None });
        let election = Election::hold(&config).await.unwrap();
        assert!(!election.is_led(), "nobody leads it yet");
        let leader = Store::open_at(&config, data.path(), &shared, Renew::default(), key()).await.unwrap();
        leader.lead().await.unwrap();
        drop(election);
        leader.reached_at(Reached { api: Some("http://10.0.0.5:7444".into()), door: None });
        let _heard = leader.hear_others().await.unwrap();
        assert!(Election::hold(&config).await.unwrap().is_led());

        let follower = Store::follow(&config, other.path(), &shared, key()).await.unwrap();
        let _heard_there = follower.hear_others().await.unwrap();
        within(follower.is_led_by_another()).await;
        let heard = follower.lead_heard().borrow().clone();
        assert_eq!(heard, Lead::Heard(Reached { api: Some("http://10.0.0.5:7444".into()), door: None }));

        // It ends as it should.
        let stands_by = tokio::spawn({
            let follower = follower.clone();
            async move { follower.stand_by().await }
        });
        leader.step_down().await;
        let chair = within(stands_by).await.unwrap();
        // What wrote before writes no more, and says so.
        let refused = leader.submit(vec![new_run("a")], None).await.unwrap_err();
        assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
        assert!(matches!(within(leader.taken()).await, Error::InUse { .. }));
        assert!(leader.lead().await.is_err(), "another one has the lock");
        chair.leave().await;
        leader.lead().await.unwrap();
    });
}
