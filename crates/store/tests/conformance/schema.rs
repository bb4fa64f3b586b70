//! The schema up and down, newer and damaged databases, and the locks.

use rigi_store::{DbConfig, Error, FolderLock, Migrate, Store};

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
