//! The audit log: whoever changes it in the database is found out.

use std::time::Duration;

use rigi_store::people::audit_seal::{AuditSealer, Head, kept_head};
use rigi_store::people::{Deed, Entry};
use rigi_store::{DbConfig, Renew, Store};

use crate::support::{T, configs, on_each};

const HOUR: Duration = Duration::from_secs(3600);

async fn lines(store: &Store, count: usize) {
    for n in 0..count {
        let id = format!("x{n}");
        let entry = Entry { action: "test.line", subject: "test", id: &id, ..Entry::default() };
        store.audit_done(&Deed::of_server("Root", T), entry).await.unwrap();
    }
}

/// Does something to the database that no server does.
async fn tamper(config: &DbConfig, statements: &[&str]) {
    for sql in statements {
        match config {
            DbConfig::Sqlite(file) => {
                let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
                sqlx::query(sqlx::AssertSqlSafe((*sql).to_owned())).execute(&pool).await.unwrap();
                pool.close().await;
            }
            DbConfig::Postgres(url) => {
                let (url, schema) = url.split_once("?schema=").unwrap();
                let pool =
                    sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
                let path = format!("SET search_path TO \"{schema}\"");
                sqlx::query(sqlx::AssertSqlSafe(path)).execute(&pool).await.unwrap();
                sqlx::query(sqlx::AssertSqlSafe((*sql).to_owned())).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}

const ONE: &str = "(SELECT id FROM audit WHERE seal = 2 ORDER BY id LIMIT 1)";

#[test]
fn six_kinds_of_tampering_are_found() {
    let kinds: [(&str, Vec<String>); 6] = [
        ("an edited line", vec![format!("UPDATE audit SET actor = 'Eve' WHERE id = {ONE}")]),
        ("a line taken out of the middle", vec![format!("DELETE FROM audit WHERE id = {ONE}")]),
        (
            "the end cut off",
            vec![
                "DELETE FROM audit WHERE seal = 3".into(),
                "DELETE FROM audit_seals WHERE number = 3".into(),
            ],
        ),
        (
            "two lines that changed places",
            vec![
                format!("UPDATE audit SET id = 'aud_Z' WHERE id = {ONE}"),
                "UPDATE audit SET subject_id = 'moved' WHERE id = 'aud_Z'".into(),
            ],
        ),
        (
            "a line put in",
            vec![format!(
                "INSERT INTO audit SELECT 'aud_0', at, actor, actor_id, via, action, project, subject, subject_id, \
                  before, after, address, request, result, seal FROM audit WHERE id = {ONE}"
            )],
        ),
        (
            "all of it written anew",
            vec![
                "DELETE FROM audit WHERE seal > 1".into(),
                "UPDATE audit_seals SET signature = (SELECT signature FROM audit_seals WHERE number = 1)"
                    .into(),
                "DELETE FROM audit_seals WHERE number > 1".into(),
            ],
        ),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut found = 0;
    for (kind, statements) in &kinds {
        for config in configs() {
            let data = tempfile::tempdir().unwrap();
            let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
            runtime.block_on(async {
                let store = Store::open(&config, data.path()).await.unwrap();
                let sealer = AuditSealer::open(data.path()).unwrap();
                for _ in 0..3 {
                    lines(&store, 4).await;
                    store.seal_audit(&sealer, T).await.unwrap();
                }
                lines(&store, 1).await;
                let head = kept_head(data.path()).unwrap();
                assert_eq!(head.as_ref().map(|head| head.number), Some(3));
                let whole = store.db().verify_audit(head.as_ref()).await.unwrap();
                assert_eq!((whole.sealed, whole.waiting, whole.seals), (12, 1, 3));
                assert_eq!(whole.wrong, Vec::<String>::new());
                let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
                tamper(&config, &statements).await;
                let verdict = store.db().verify_audit(head.as_ref()).await.unwrap();
                assert!(!verdict.wrong.is_empty(), "{kind} was not found");
                // It is found every time, and what comes later does not hide it.
                lines(&store, 2).await;
                store.seal_audit(&sealer, T).await.unwrap();
                let verdict = store.db().verify_audit(head.as_ref()).await.unwrap();
                assert!(!verdict.wrong.is_empty(), "{kind} was hidden by the next seal");
            });
        }
        found += 1;
    }
    println!("{found} of {} kinds of tampering found", kinds.len());
}

#[test]
fn what_is_no_longer_kept_is_cut_off_and_nobody_else_can_do_so() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        runtime.block_on(async {
            let store = Store::open(&config, data.path()).await.unwrap();
            let sealer = AuditSealer::open(data.path()).unwrap();
            for hour in 0..4 {
                lines(&store, 4).await;
                store.seal_audit(&sealer, T.after(hour * HOUR)).await.unwrap();
            }
            let head = kept_head(data.path()).unwrap();
            let look = async || store.db().verify_audit(head.as_ref()).await.unwrap();
            store.cut_audit(&sealer, T.after(HOUR + HOUR / 2)).await.unwrap();
            let cut = look().await;
            assert_eq!((cut.sealed, cut.seals, cut.wrong), (8, 4, vec![]));
            // Once more is nothing, and what follows is sealed on.
            store.cut_audit(&sealer, T.after(HOUR + HOUR / 2)).await.unwrap();
            lines(&store, 2).await;
            store.seal_audit(&sealer, T.after(5 * HOUR)).await.unwrap();
            assert_eq!(look().await.wrong, Vec::<String>::new());
            // Somebody else's cut is not signed.
            let forged = [
                "DELETE FROM audit WHERE seal <= 3",
                "DELETE FROM audit_seals WHERE number < 3",
                "UPDATE audit_seals SET lines = 0 WHERE number = 3",
            ];
            tamper(&config, &forged).await;
            assert_eq!(look().await.wrong, ["seal 3 was not signed with the key of the head"]);
        });
    }
}

#[test]
fn a_key_of_ones_own_signs_nothing() {
    on_each(|store| async move {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        lines(&store, 3).await;
        let ours = AuditSealer::open(ours.path()).unwrap();
        let head: Head = store.seal_audit(&ours, T).await.unwrap().unwrap();
        lines(&store, 3).await;
        store.seal_audit(&AuditSealer::open(theirs.path()).unwrap(), T).await.unwrap();
        let verdict = store.db().verify_audit(Some(&head)).await.unwrap();
        assert_eq!(verdict.wrong, ["seal 2 was not signed with the key of the head"]);
        assert!(store.seal_audit(&ours, T).await.unwrap().is_none(), "nothing waits");
    });
}

#[test]
fn a_log_that_was_made_anew_with_its_head_does_not_fit_the_head_in_the_bucket() {
    let Some(config) = crate::bucket::bucket() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let data = tempfile::tempdir().unwrap();
    let database = DbConfig::Sqlite(data.path().join("rigi.db"));
    runtime.block_on(async {
        let storage = crate::bucket::storage(&config);
        let store = Store::open_at(&database, data.path(), &storage, Renew::default(), None).await.unwrap();
        let look = async || {
            let (kept, outside) = (kept_head(data.path()).unwrap(), store.kept_outside().await.unwrap());
            let mut wrong = store.db().verify_audit(kept.as_ref()).await.unwrap().wrong;
            wrong.extend(store.db().hold_outside(&outside, kept.as_ref()).await.unwrap());
            (outside, wrong)
        };
        assert_eq!(look().await.0.head, None);
        let mut heads = Vec::new();
        for _ in 0..3 {
            let sealer = AuditSealer::open(data.path()).unwrap();
            lines(&store, 4).await;
            let head = store.seal_audit(&sealer, T).await.unwrap().unwrap();
            store.keep_outside(&head).await.unwrap();
            heads.push(head);
        }
        let (outside, wrong) = look().await;
        assert_eq!((outside.head.as_ref(), wrong), (heads.last(), vec![]));
        assert!(outside.place.ends_with("/.audit/head.json"), "{}", outside.place);
        // The end cut off, and the head in the data folder put back to what it was: these two fit.
        let file = data.path().join("audit.head");
        std::fs::write(&file, serde_json::to_vec(&heads[1]).unwrap()).unwrap();
        tamper(&database, &["DELETE FROM audit WHERE seal = 3", "DELETE FROM audit_seals WHERE number = 3"])
            .await;
        assert_eq!(
            store.db().verify_audit(kept_head(data.path()).unwrap().as_ref()).await.unwrap().wrong,
            Vec::<String>::new()
        );
        let wrong = look().await.1;
        assert!(
            wrong[0].contains("is seal 3, which is missing") && wrong[1].contains("was put back"),
            "{wrong:?}"
        );
        // All of it made anew, with a key of one's own.
        tamper(&database, &["UPDATE audit SET seal = NULL", "DELETE FROM audit_seals"]).await;
        std::fs::remove_file(data.path().join("audit.key")).unwrap();
        let forger = AuditSealer::open(data.path()).unwrap();
        for _ in 0..3 {
            lines(&store, 1).await;
            store.seal_audit(&forger, T).await.unwrap();
        }
        assert_eq!(
            store.db().verify_audit(kept_head(data.path()).unwrap().as_ref()).await.unwrap().wrong,
            Vec::<String>::new()
        );
        let wrong = look().await.1;
        assert!(wrong.iter().any(|wrong| wrong.contains("another key")), "{wrong:?}");
        assert!(wrong.iter().any(|wrong| wrong.contains("not the one that was kept in")), "{wrong:?}");
    });
}
