//! The schema up and down, newer and damaged databases, and the locks.

use rigi_store::{DbConfig, Error, FolderLock, Migrate, Renew, Storage, Store};

use crate::support::{configs, new_run};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_schema_goes_down_and_up_again() {
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        block_on(async {
            let up = Store::migrate(&config, Some(Migrate::Up)).await.unwrap();
            assert!(up.iter().all(|m| m.applied));
            let down = Store::migrate(&config, Some(Migrate::To(0))).await.unwrap();
            assert!(down.iter().all(|m| !m.applied));
            let store = Store::open(&config, data.path()).await.unwrap();
            store.submit(vec![new_run("a")], None).await.unwrap();
            assert!(Store::migrate(&config, None).await.unwrap().iter().all(|m| m.applied));
        });
    }
}

#[test]
fn a_newer_database_and_a_damaged_one_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("rigi.db");
    let config = DbConfig::Sqlite(file.clone());
    block_on(async {
        Store::migrate(&config, Some(Migrate::Up)).await.unwrap();
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        sqlx::query("INSERT INTO schema_versions VALUES (999, 'future')").execute(&pool).await.unwrap();
        pool.close().await;
        let newer = Store::open(&config, data.path()).await.unwrap_err();
        assert!(matches!(newer, Error::Newer { found: 999, .. }), "{newer}");
    });
    for damage in
        ["not a database at all, but long enough to be read as one".repeat(100), "SQLite format 3\0".into()]
    {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("rigi.db");
        std::fs::write(&file, damage).unwrap();
        let error = block_on(Store::open(&DbConfig::Sqlite(file), data.path())).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn one_server_has_a_data_folder_or_a_database() {
    let data = tempfile::tempdir().unwrap();
    let lock = FolderLock::take(data.path(), "process 1").unwrap();
    let second = FolderLock::take(data.path(), "process 2").unwrap_err();
    assert!(second.to_string().contains("process 1"), "{second}");
    drop(lock);
    let lock = FolderLock::take(data.path(), "process 3").unwrap();
    // One that is just leaving is waited for: who was killed while it started a program.
    let (begun, wait) = std::sync::mpsc::channel();
    let leaving = std::thread::spawn(move || {
        wait.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        drop(lock);
    });
    begun.send(()).unwrap();
    FolderLock::take(data.path(), "process 4").unwrap();
    leaving.join().unwrap();
    for config in configs().into_iter().flatten() {
        block_on(async {
            let store = Store::open(&config, data.path()).await.unwrap();
            store.db().lock().await.unwrap();
            let other = Store::open(&config, data.path()).await.unwrap();
            assert!(matches!(other.db().lock().await, Err(Error::InUse { .. })));
        });
    }
}

#[test]
fn what_a_killed_server_wrote_before_its_lock_was_taken_counts() {
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        block_on(async {
            let killed = Store::open(&config, data.path()).await.unwrap();
            let next = Store::open(&config, data.path()).await.unwrap();
            // Its last commit was on the way.
            killed.submit(vec![new_run("a"), new_run("a")], None).await.unwrap();
            next.db().lock().await.unwrap();
            next.submit(vec![new_run("b")], None).await.unwrap();
            assert_eq!(next.db().last_event().await.unwrap(), 3);
        });
    }
}

#[test]
fn a_data_folder_that_lost_its_database_or_its_key_is_not_opened_as_if_it_were_new() {
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let sqlite = config.is_none();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        let open = |renew| {
            let (config, data) = (config.clone(), data.path().to_owned());
            block_on(
                async move { Store::open_at(&config, &data, &Storage::Data, renew, None).await.map(drop) },
            )
        };
        let (nothing, key, database) = (
            Renew::default(),
            Renew { key: true, ..Renew::default() },
            Renew { database: true, ..Renew::default() },
        );
        open(nothing).unwrap();
        open(nothing).unwrap();
        let lost = |opened: Result<(), Error>| match opened {
            Err(Error::Lost { part, .. }) => part,
            other => panic!("{other:?}"),
        };
        let secret = std::fs::read(data.path().join("secret.key")).unwrap();
        std::fs::remove_file(data.path().join("secret.key")).unwrap();
        assert_eq!(lost(open(nothing)), "key");
        assert!(!data.path().join("secret.key").exists());
        assert_eq!(lost(open(database)), "key");
        open(key).unwrap();
        assert_ne!(std::fs::read(data.path().join("secret.key")).unwrap(), secret);
        open(nothing).unwrap();
        if sqlite {
            for content in [None, Some("")] {
                for file in ["rigi.db", "rigi.db-wal", "rigi.db-shm"] {
                    let _ = std::fs::remove_file(data.path().join(file));
                }
                content.inspect(|text| std::fs::write(data.path().join("rigi.db"), text).unwrap());
                assert_eq!(lost(open(nothing)), "database");
                assert_eq!(lost(open(key)), "database");
            }
        } else {
            block_on(Store::migrate(&config, Some(Migrate::To(0)))).unwrap();
            assert_eq!(lost(open(nothing)), "database");
        }
        open(database).unwrap();
        open(nothing).unwrap();
        // Another database that is in use.
        std::fs::write(data.path().join("database.id"), "0123456789abcdef").unwrap();
        assert_eq!(lost(open(nothing)), "database");
        open(database).unwrap();
        open(nothing).unwrap();
    }
}

#[test]
fn files_without_a_note_of_their_database_count_too() {
    let data = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite(data.path().join("rigi.db"));
    let blob = data.path().join("objects/default/blobs/ab/abcd");
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(blob, "x").unwrap();
    assert!(matches!(block_on(Store::open(&config, data.path())), Err(Error::Lost { part: "database", .. })));
}
