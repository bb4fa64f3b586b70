//! No list may walk all runs, whatever its filters.

use super::*;
use crate::DbConfig;

fn filters() -> Vec<RunFilter> {
    let all = RunFilter { limit: 50, ..RunFilter::default() };
    let label = |value: &str| ("team".to_owned(), value.to_owned());
    let failed = RunFilter { states: vec![RunState::Failed], ..all.clone() };
    let of_a = RunFilter { pipeline: Some(PipelineName::unchecked("a")), ..all.clone() };
    let text = |text: &str| RunFilter { text: Some(text.into()), ..all.clone() };
    let since = Some(Timestamp(1_700_000_000_000_000));
    vec![
        RunFilter { since, until: since, before: Some(RunId::from_bits(7)), ..all.clone() },
        RunFilter { labels: vec![label("x")], ..all.clone() },
        RunFilter { labels: vec![label("x"), ("b".into(), "2".into())], ..all.clone() },
        RunFilter { labels: vec![label("x")], ..failed.clone() },
        RunFilter { labels: vec![label("x")], ..of_a.clone() },
        RunFilter { states: vec![RunState::Failed, RunState::Queued], ..of_a.clone() },
        RunFilter { pipeline: Some(PipelineName::unchecked("a")), ..text("7Q2A") },
        RunFilter { labels: vec![label("x")], ..text("a") },
        text("01M7"),
        text("name"),
        all,
        failed,
        of_a,
    ]
}

/// The plan of a statement, a line each.
async fn plan_of(db: &Db, sql: &Statement) -> Vec<String> {
    let Db::Sqlite { read, .. } = db else { unreachable!("SQLite was asked for") };
    let mut query = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.text)));
    for value in &sql.values {
        query = query.bind(value);
    }
    let rows: Vec<(i64, i64, i64, String)> = query.fetch_all(read).await.unwrap();
    rows.into_iter().map(|(.., line)| line).collect()
}

#[tokio::test]
async fn no_list_walks_all_runs() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&DbConfig::Sqlite(folder.path().join("rigi.db"))).await.unwrap();
    db.migrate(crate::migrate::newest()).await.unwrap();
    let project = ProjectName::default();
    for filter in filters() {
        let names = ["a", "name"].map(PipelineName::unchecked).to_vec();
        let search = Search::new(&project, &filter, "runs.*", names);
        for path in search.paths() {
            let sql = search.page(path, STRETCH);
            for line in plan_of(&db, &sql).await {
                let by_project = line.contains("runs") && line.contains("(project=?)");
                let scan = line.starts_with("SCAN runs") || line.starts_with("SCAN labels");
                assert!(!by_project && !scan, "{filter:?}\n{line}\n{}", sql.text);
            }
        }
    }
}
