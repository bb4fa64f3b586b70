//! Secrets of projects: sealed, told of by name alone, kept apart; and the server's key, replaced and cut off wherever it may be.

use std::fs;
use std::path::Path;

use rigi_model::Actor;
use rigi_model::secret_source::SecretSource;
use rigi_store::people::Deed;
use rigi_store::people::audit::AuditFilter;
use rigi_store::secrets::Held;
use rigi_store::{DbConfig, Error, GivenKey, Renew, Storage, Store};

use crate::support::{T, configs, lab, on_each, project};

fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn value(store: &Store, name: &str) -> Option<(i64, String)> {
    let open = store.open_secrets(&project()).await.unwrap();
    open.get(name).and_then(|secret| Some((secret.version, secret.value()?.to_owned())))
}

#[test]
fn a_secret_is_set_again_removed_and_never_has_a_version_twice() {
    on_each(async |store: Store| {
        store.add_project(&lab(), T).await.unwrap();
        let (ann, ben) = (Actor::named("ann"), Actor::named("ben"));
        assert_eq!(value(&store, "TOKEN").await, None);
        let set = store
            .set_secrets(
                &project(),
                &given(&[("TOKEN", "hunter2"), ("KEY", "k")]),
                &Deed::of_server(ann.as_str(), T),
            )
            .await;
        assert_eq!(set.unwrap().len(), 2);
        assert_eq!(value(&store, "TOKEN").await, Some((1, "hunter2".into())));
        let set = store
            .set_secrets(&project(), &given(&[("TOKEN", "hunter3")]), &Deed::of_server(ben.as_str(), T))
            .await
            .unwrap();
        assert_eq!((set[0].version, set[0].set_by.as_str(), set[0].set_at), (2, "ben", T));
        // What is in memory is never what it was before.
        assert_eq!(value(&store, "TOKEN").await, Some((2, "hunter3".into())));
        assert!(store.open_secrets(&lab()).await.unwrap().get("TOKEN").is_none());
        let all = store.db().secrets(&project()).await.unwrap();
        assert_eq!(all.iter().map(|facts| &*facts.name).collect::<Vec<_>>(), ["KEY", "TOKEN"]);
        store.remove_secret(&project(), "TOKEN", &Deed::of_server(ann.as_str(), T)).await.unwrap();
        assert_eq!(value(&store, "TOKEN").await, None);
        for (place, name) in [(project(), "TOKEN"), (lab(), "KEY")] {
            let gone = store.remove_secret(&place, name, &Deed::of_server(ann.as_str(), T)).await;
            assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        }
        store
            .set_secrets(&project(), &given(&[("TOKEN", "hunter4")]), &Deed::of_server(ann.as_str(), T))
            .await
            .unwrap();
        assert_eq!(value(&store, "TOKEN").await, Some((4, "hunter4".into())));
    });
}

#[test]
fn many_at_a_time_are_all_written() {
    on_each(async |store: Store| {
        let set = (0..50).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let values = given(&[("SAME", &format!("value {n}")), (&format!("OWN_{n}"), "x")]);
                store.set_secrets(&project(), &values, &Deed::of_server("you", T)).await.unwrap();
            })
        });
        for task in set.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(store.db().secrets(&project()).await.unwrap().len(), 51);
        assert_eq!(value(&store, "SAME").await.map(|(version, _)| version), Some(50));
    });
}

/// The files of a key.
fn key_of(data: &Path) -> [Vec<u8>; 2] {
    ["secret.key", "secret.check"].map(|name| fs::read(data.join(name)).unwrap())
}

#[test]
fn the_key_is_replaced_and_all_is_opened_wherever_it_is_cut_off() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let (data, next) = (data.path(), data.path().join("secret.key.next"));
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.join("rigi.db")));
        let open = async || {
            let store = Store::open(&config, data).await.unwrap();
            store.lead().await.unwrap();
            store
        };
        let (first, given_run, derived) = runtime.block_on(async {
            let store = open().await;
            store
                .set_secrets(&project(), &given(&[("TOKEN", "hunter2")]), &Deed::of_server("you", T))
                .await
                .unwrap();
            let (sealed, derived) = (store.sealer().seal("of a run").unwrap(), store.sealer().derive("x"));
            let before = key_of(data);
            assert_eq!(store.rotate_key(&Deed::of_server("you", T)).await.unwrap(), 1);
            assert_ne!(before, key_of(data));
            assert!(!next.exists());
            assert_eq!(store.sealer().unseal(&sealed).unwrap().as_deref(), Some("of a run"));
            store
                .set_secrets(&project(), &given(&[("OTHER", "hunter3")]), &Deed::of_server("you", T))
                .await
                .unwrap();
            (before, sealed, derived)
        });
        let all_opens = async |what: &str| {
            let store = open().await;
            assert_eq!(value(&store, "TOKEN").await, Some((1, "hunter2".into())), "{what}");
            assert_eq!(value(&store, "OTHER").await, Some((1, "hunter3".into())), "{what}");
            assert_eq!(store.sealer().unseal(&given_run).unwrap().as_deref(), Some("of a run"), "{what}");
            assert_eq!(store.sealer().derive("x"), derived, "{what}");
            assert!(!next.exists(), "{what}");
        };
        runtime.block_on(async {
            all_opens("begun anew").await;
            let second = key_of(data);
            // The transaction took place: the file of the key is still the one before, its check may be the new one.
            for check in [&first[1], &second[1]] {
                fs::write(data.join("secret.key"), &first[0]).unwrap();
                fs::write(data.join("secret.check"), check).unwrap();
                fs::write(&next, &second[0]).unwrap();
                all_opens("after the transaction").await;
                assert_eq!(key_of(data)[0], second[0]);
            }
            // All is done but the last.
            fs::write(&next, &second[0]).unwrap();
            all_opens("before the end").await;
            // It did not.
            fs::write(&next, [7; 32]).unwrap();
            all_opens("before the transaction").await;
            assert_eq!(key_of(data)[0], second[0]);
            // Half a file.
            fs::write(&next, [7; 5]).unwrap();
            all_opens("before the new key").await;
            let store = open().await;
            store.rotate_key(&Deed::of_server("you", T)).await.unwrap();
            store.rotate_key(&Deed::of_server("you", T)).await.unwrap();
            drop(store);
            all_opens("three times").await;
        });
        let found = std::process::Command::new("grep").args(["-rla", "hunter"]).arg(data).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    }
}

#[test]
fn a_key_that_is_given_takes_the_place_of_the_one_in_the_folder_and_of_the_one_before() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.join("rigi.db")));
        let open = async |key: Option<GivenKey>| {
            let store = Store::open_at(&config, data, &Storage::Data, Renew::default(), key).await?;
            store.lead().await.map(|()| store)
        };
        let given = |key: u8, former: Option<u8>| {
            Some(GivenKey { key: [key; 32], former: former.map(|former| [former; 32]) })
        };
        runtime.block_on(async {
            let store = open(None).await.unwrap();
            store
                .set_secrets(&project(), &self::given(&[("TOKEN", "hunter2")]), &Deed::of_server("you", T))
                .await
                .unwrap();
            let sealed = store.sealer().seal("of a run").unwrap();
            let derived = store.sealer().derive("x");
            let file = fs::read(data.join("secret.key")).unwrap();
            drop(store);
            let opens = async |key: Option<GivenKey>, what: &str| {
                let store = open(key).await.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(value(&store, "TOKEN").await, Some((1, "hunter2".into())), "{what}");
                assert_eq!(store.sealer().unseal(&sealed).unwrap().as_deref(), Some("of a run"), "{what}");
                assert_eq!(store.sealer().derive("x"), derived, "{what}");
                assert!(!data.join("secret.key").exists(), "{what}");
                assert!(store.rotate_key(&Deed::of_server("you", T)).await.is_err(), "{what}");
            };
            opens(given(1, None), "in place of the file").await;
            opens(given(1, None), "once more").await;
            // The file was not removed yet, nor its check replaced.
            fs::write(data.join("secret.key"), &file).unwrap();
            fs::remove_file(data.join("secret.check")).unwrap();
            opens(given(1, None), "after the transaction").await;
            assert!(matches!(open(given(2, None)).await, Err(Error::Key(_))));
            assert!(matches!(open(given(2, Some(3))).await, Err(Error::Key(_))));
            assert!(matches!(open(None).await, Err(Error::Lost { part: "key", .. })));
            opens(given(2, Some(1)), "in place of the one before").await;
            opens(given(2, Some(1)), "with the one before still told").await;
        });
    }
}

#[test]
fn a_new_database_begins_with_the_key_that_is_given() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite(data.path().join("rigi.db"));
    runtime.block_on(async {
        let key = Some(GivenKey { key: [1; 32], former: None });
        for _ in 0..2 {
            let store =
                Store::open_at(&config, data.path(), &Storage::Data, Renew::default(), key).await.unwrap();
            store
                .set_secrets(&project(), &given(&[("TOKEN", "hunter2")]), &Deed::of_server("you", T))
                .await
                .unwrap();
            assert!(!data.path().join("secret.key").exists());
        }
    });
}

#[test]
fn a_reference_takes_the_place_of_a_value_and_is_told_where_no_value_is() {
    on_each(async |store: Store| {
        let deed = Deed::of_server("ann", T);
        store
            .set_secrets(&project(), &given(&[("TOKEN", "hunter22"), ("KEY", "from:env:X")]), &deed)
            .await
            .unwrap();
        let source: SecretSource = "vault:secret/lab/db#password@3".parse().unwrap();
        let set = store.set_reference(&project(), "TOKEN", &source, &deed).await.unwrap().unwrap();
        assert_eq!((set.version, set.from.as_ref()), (2, Some(&source)));
        // A value that looks like one is a value.
        assert_eq!(value(&store, "KEY").await, Some((1, "from:env:X".into())));
        let open = store.open_secrets(&project()).await.unwrap();
        assert_eq!(open.get("TOKEN").unwrap().held, Held::From(source.clone()));
        let all = store.db().secrets(&project()).await.unwrap();
        let told: Vec<_> = all.iter().map(|facts| (&*facts.name, facts.from.as_ref())).collect();
        assert_eq!(told, [("KEY", None), ("TOKEN", Some(&source))]);
        let lines = store.db().audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap();
        let told = lines.iter().find_map(|line| line.after.clone()).unwrap();
        assert!(told.contains("vault:secret/lab/db#password@3"), "{told}");
        store.set_secrets(&project(), &given(&[("TOKEN", "hunter33")]), &deed).await.unwrap();
        assert_eq!(value(&store, "TOKEN").await, Some((3, "hunter33".into())));
        assert_eq!(store.db().secrets(&project()).await.unwrap()[1].from, None);
    });
}
