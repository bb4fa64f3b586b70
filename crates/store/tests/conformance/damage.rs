//! What is damaged is found and named: in rows of either database, in stored files, in the file of SQLite.

use std::fs;

use rigi_store::backup::Target;
use rigi_store::inspect::{Inspected, inspect};
use rigi_store::{DbConfig, Error, Store};

use crate::backup::{block_on, empty, files_below, fill};
use crate::support::configs;

async fn found(at: &Target) -> Vec<String> {
    let parts: Vec<Inspected> = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
    assert!(parts.iter().any(|part| part.name == "files" && part.read > 0));
    let line = |d: rigi_store::inspect::Damage| format!("{}: {}", d.what, d.problem);
    parts.into_iter().flat_map(|part| part.damage).map(line).collect()
}

async fn execute(config: &DbConfig, sql: &'static str) {
    match config {
        DbConfig::Sqlite(file) => {
            let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        }
        DbConfig::Postgres(url) => {
            let (url, schema) = url.split_once("?schema=").unwrap();
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            let options = options.options([("search_path", format!("\"{schema}\""))]);
            let pool = sqlx::PgPool::connect_with(options).await.unwrap();
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

#[test]
fn rows_that_contradict_each_other_or_their_files_are_named() {
    for config in configs() {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let at = empty(&dir, "data", config);
            fill(&at).await;
            assert_eq!(found(&at).await, Vec::<String>::new());
            let damages = [
                ("UPDATE attempts SET log_lines = 11 WHERE log_lines = 10", "it ends after line 10 of 11"),
                ("UPDATE artifacts SET size = size + 1", "bytes"),
                ("UPDATE runs SET parameters = '{' WHERE pipeline = 'waits'", "`parameters` is no JSON"),
                ("DELETE FROM events WHERE kind = 'failed'", "no event says how it ended"),
                ("DELETE FROM versions", "its code is not stored"),
                ("UPDATE runs SET state = 'flying' WHERE pipeline = 'waits'", "there is no such state"),
                ("DELETE FROM attempts", "its last attempt is not stored"),
                ("UPDATE labels SET project = 'lab'", "something of it counts as another project's"),
                ("UPDATE artifacts SET project = 'gone'", "there is no project `gone`"),
            ];
            for (sql, words) in damages {
                execute(&at.config, sql).await;
                let found = found(&at).await;
                assert!(found.iter().any(|line| line.contains(words)), "{sql}: {found:?}");
            }
        });
    }
}

#[test]
fn every_stored_file_is_named_when_it_is_damaged_or_gone() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = empty(&dir, "data", None);
        fill(&at).await;
        for file in files_below(&at.data.join("objects")) {
            let good = fs::read(&file).unwrap();
            let mut flipped = good.clone();
            flipped[good.len() / 2] ^= 1;
            for bad in [flipped, good[..good.len() - 1].to_vec()] {
                fs::write(&file, bad).unwrap();
                let found = found(&at).await;
                assert!(found.iter().any(|line| line.contains(file.to_str().unwrap())), "{found:?}");
            }
            fs::remove_file(&file).unwrap();
            let gone = found(&at).await;
            assert!(gone.iter().any(|line| line.contains(file.to_str().unwrap())), "{gone:?}");
            fs::write(&file, good).unwrap();
        }
    });
}

#[test]
fn what_one_project_has_does_not_stand_for_what_another_has_lost() {
    for config in configs() {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let at = empty(&dir, "data", config);
            fill(&at).await;
            let objects = at.data.join("objects");
            let below = |project: &str, part: &str| files_below(&objects.join(project).join(part));
            let both = below("lab", "blobs").into_iter().filter(|file| {
                objects.join("default").join(file.strip_prefix(objects.join("lab")).unwrap()).is_file()
            });
            let both: Vec<_> = both.collect();
            assert_eq!(both.len(), 2, "code and a result");
            for file in both.iter().chain(&below("lab", "logs")) {
                let good = fs::read(file).unwrap();
                fs::remove_file(file).unwrap();
                let found = found(&at).await;
                assert_eq!(found.len(), 1, "{found:?}");
                assert!(found[0].contains(file.to_str().unwrap()), "{found:?}");
                fs::write(file, good).unwrap();
            }
            fs::remove_dir_all(objects.join("lab")).unwrap();
            let found = found(&at).await;
            assert_eq!(found.len(), 5, "two results, a log, code and an upload: {found:?}");
            assert!(found.iter().all(|line| line.contains("/objects/lab/")), "{found:?}");
            assert!(!objects.join("lab").exists(), "it was only looked at");
        });
    }
}

#[test]
fn files_of_a_project_that_the_database_does_not_have_are_told_and_are_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = empty(&dir, "data", None);
        fill(&at).await;
        let objects = at.data.join("objects");
        for folder in ["empty/blobs/ab", "gone/logs/ab", "gone/blobs", "No project/blobs/ab"] {
            fs::create_dir_all(objects.join(folder)).unwrap();
        }
        fs::write(objects.join("gone/logs/ab/log"), "x").unwrap();
        fs::write(objects.join("No project/blobs/ab/file"), "x").unwrap();
        assert_eq!(found(&at).await, Vec::<String>::new());
        let notes = async || {
            let parts = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
            parts.into_iter().flat_map(|part| part.notes).collect::<Vec<_>>()
        };
        let found = notes().await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(objects.join("gone").to_str().unwrap()), "{found:?}");
        assert!(objects.join("gone/logs/ab/log").is_file());
    });
}

#[test]
fn files_of_all_projects_are_read_where_the_database_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = empty(&dir, "data", None);
        fill(&at).await;
        let database = dir.path().join("broken.db");
        fs::write(&database, "no database at all").unwrap();
        let at = Target { config: DbConfig::Sqlite(database.clone()), ..at };
        let victim = files_below(&at.data.join("objects/lab/blobs")).remove(0);
        fs::write(&victim, "damaged").unwrap();
        let found = found(&at).await;
        assert!(found.iter().any(|line| line.starts_with(database.to_str().unwrap())), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with(victim.to_str().unwrap())), "{found:?}");
    });
}

#[test]
fn a_write_ahead_log_that_is_damaged_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = empty(&dir, "data", None);
        fill(&at).await;
        let store = Store::open(&at.config, &at.data).await.unwrap();
        for _ in 0..3 {
            store.submit(vec![crate::support::new_run("a")], None).await.unwrap();
        }
        // As a machine that dies leaves it.
        let copy = empty(&dir, "copy", None);
        let names = ["rigi.db", "rigi.db-wal", "secret.key", "secret.check"];
        for name in names {
            fs::copy(at.data.join(name), copy.data.join(name)).unwrap();
        }
        let wal = copy.data.join("rigi.db-wal");
        let good = fs::read(&wal).unwrap();
        let mut bad = good.clone();
        bad[32 + 24 + 100] ^= 1;
        fs::write(&wal, &bad).unwrap();
        let error = Store::open(&copy.config, &copy.data).await.unwrap_err();
        assert!(
            matches!(&error, Error::Damaged { what, .. } if *what == wal.display().to_string()),
            "{error}"
        );
        assert_eq!(fs::read(&wal).unwrap(), bad, "it was touched");
        let read = inspect(&copy.config, &copy.data, &copy.storage, &mut |_| {}).await.unwrap();
        let named = read.iter().flat_map(|part| &part.damage).any(|d| d.what == wal.display().to_string());
        assert!(named, "{read:?}");
        assert_eq!(fs::read(&wal).unwrap(), bad, "it was touched");
        fs::write(&wal, good).unwrap();
        Store::open(&copy.config, &copy.data).await.unwrap();
    });
}
