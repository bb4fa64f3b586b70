//! Schema changes on data: whatever is taken back and brought up again, rows that both schemas have stay as they were.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::run::{AttemptRecord, LogFacts};
use rigi_model::{AttemptState, RunState, Usage};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::{DbConfig, EndedAttempt, IdempotencyKey, Migrate, Pace, Store, migrate};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::support::{T, change, configs, new_run, project};

/// A row: values as text, by column.
type Row = BTreeMap<String, serde_json::Value>;

/// Columns and rows of each table.
type Content = BTreeMap<String, (BTreeSet<String>, Vec<Row>)>;

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool, String),
}

impl Pool {
    async fn open(config: &DbConfig) -> Self {
        match config {
            DbConfig::Sqlite(file) => {
                Self::Sqlite(SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap())
            }
            DbConfig::Postgres(url) => {
                let (url, schema) = url.split_once("?schema=").unwrap();
                Self::Postgres(PgPool::connect(url).await.unwrap(), schema.to_owned())
            }
        }
    }

    async fn texts(&self, sql: String) -> Vec<String> {
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool, _) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
        }
    }

    async fn tables(&self) -> Vec<String> {
        self.texts(match self {
            Self::Sqlite(_) => {
                "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%'".into()
            }
            Self::Postgres(_, schema) => {
                format!("SELECT tablename::text FROM pg_tables WHERE schemaname = '{schema}'")
            }
        })
        .await
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        self.texts(match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
            Self::Postgres(_, schema) => format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name = '{table}'"
            ),
        })
        .await
    }

    async fn rows(&self, table: &str, columns: &BTreeSet<String>) -> Vec<Row> {
        let texts = self.texts(match self {
            Self::Sqlite(_) => {
                let pairs: Vec<_> = columns.iter().map(|c| format!("'{c}', quote(\"{c}\")")).collect();
                format!("SELECT json_object({}) FROM \"{table}\"", pairs.join(", "))
            }
            Self::Postgres(_, schema) => {
                format!("SELECT row_to_json(t)::text FROM \"{schema}\".\"{table}\" AS t")
            }
        });
        texts.await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    async fn content(&self) -> Content {
        let mut content = Content::new();
        for table in self.tables().await {
            let columns = BTreeSet::from_iter(self.columns(&table).await);
            let rows = self.rows(&table, &columns).await;
            content.insert(table, (columns, rows));
        }
        // It says which schema there is, which is what changes.
        content.remove("schema_versions");
        // Before schema 4, every event was a run's: it has no place for others.
        let of_a_run =
            |row: &Row| row.get("subject").is_none_or(|subject| subject.as_str().unwrap().contains("run"));
        content.get_mut("events").into_iter().for_each(|(_, rows)| rows.retain(of_a_run));
        content
    }
}

/// Of `content`, what `other` has as well, in an order that both have.
fn common(content: &Content, other: &Content) -> Content {
    let mut kept = Content::new();
    for (table, (columns, rows)) in content {
        let Some((others, _)) = other.get(table) else { continue };
        let columns: BTreeSet<String> = columns.intersection(others).cloned().collect();
        let project =
            |row: &Row| row.clone().into_iter().filter(|(c, _)| columns.contains(c)).collect::<Row>();
        let mut rows: Vec<Row> = rows.iter().map(project).collect();
        rows.sort_by_key(|row| serde_json::to_string(row).unwrap());
        kept.insert(table.clone(), (columns, rows));
    }
    kept
}

fn shape(content: &Content) -> BTreeMap<&String, &BTreeSet<String>> {
    content.iter().map(|(table, (columns, _))| (table, columns)).collect()
}

/// Something of everything that a server stores.
async fn fill(store: &Store) {
    let stored = store.storage().put(&b"a,b\n1,2\n"[..]).unwrap();
    store.add_upload(&project(), "table.csv", &stored, T).await.unwrap();
    let states = [RunState::Queued, RunState::Running, RunState::Succeeded, RunState::Failed];
    for (index, state) in states.into_iter().enumerate() {
        let run = new_run(if index % 2 == 0 { "even" } else { "odd" });
        let key = IdempotencyKey { key: format!("key {index}"), request: "hash".into() };
        store.submit(vec![run.clone()], Some(key)).await.unwrap();
        if state == RunState::Queued {
            continue;
        }
        let mut change = change(&run, state, T);
        if state.is_terminal() {
            let record = AttemptRecord {
                number: 1,
                state: AttemptState::Succeeded,
                reason: None,
                message: Some("a message with 'quotes' and Ümläute".into()),
                exit_code: Some(0),
                signal: None,
                claimed_at: T,
                started_at: Some(T),
                ended_at: T,
                usage: Usage::default(),
                log: LogFacts { lines: 1, cut_bytes: 0 },
            };
            let log = Some(vec![0, 1, 2, 255]);
            change.attempt = Some(EndedAttempt { record, log, log_object: None, samples: None });
            change.artifacts = vec![Artifact::new("plot.png".into(), None, 1, stored.size, stored.sha256)];
        }
        store.change(vec![change], Pace::Now).await.unwrap().await.unwrap();
    }
}

#[test]
fn schema_changes_keep_what_both_schemas_have() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for config in configs() {
        let data = tempfile::tempdir().unwrap();
        let config = config.unwrap_or_else(|| DbConfig::Sqlite(data.path().join("rigi.db")));
        runtime.block_on(async {
            fill(&Store::open(&config, data.path()).await.unwrap()).await;
            let pool = Pool::open(&config).await;
            let newest = pool.content().await;
            for table in ["runs", "attempts", "events", "artifacts", "uploads", "labels", "idempotency"] {
                assert!(!newest[table].1.is_empty(), "{table} is tried on rows");
            }
            for number in (1..migrate::newest()).rev() {
                let before = pool.content().await;
                Store::migrate(&config, Some(Migrate::To(number))).await.unwrap();
                let older = pool.content().await;
                assert_eq!(common(&older, &before), common(&before, &older), "down to {number}");
            }
            Store::migrate(&config, Some(Migrate::Up)).await.unwrap();
            let again = pool.content().await;
            assert_eq!(shape(&again), shape(&newest));
            let store = Store::open(&config, data.path()).await.unwrap();
            let open = [RunState::Queued, RunState::Starting, RunState::Running, RunState::Retrying];
            assert_eq!(store.db().open_runs(&project(), &open, None, 10).await.unwrap().len(), 2);
            store.submit(vec![new_run("even")], None).await.unwrap();
            drop(store);

            Store::migrate(&config, Some(Migrate::To(0))).await.unwrap();
            assert_eq!(pool.content().await, Content::new(), "nothing is left of what was taken back");
            Store::migrate(&config, Some(Migrate::Up)).await.unwrap();
            let afresh = pool.content().await;
            assert_eq!(shape(&afresh), shape(&newest));
            assert!(afresh["runs"].1.is_empty());
        });
    }
}
