//! Lists and their filters.

use rigi_model::{RunState, Timestamp};
use rigi_store::Pace;
use rigi_store::tables::runs_list::RunFilter;

use crate::support::{T, change, new_run, on_each, stored};

#[test]
fn lists_are_newest_first_and_page_without_gaps() {
    on_each(|store| async move {
        let runs: Vec<_> = (0..25).map(|_| new_run("a")).collect();
        store.submit(runs.clone(), None).await.unwrap();
        let mut seen = Vec::new();
        let mut filter = RunFilter { limit: 10, ..RunFilter::default() };
        loop {
            let page = store.db().list_runs("default", &filter).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some(last.request.id.clone());
            seen.extend(page.into_iter().map(|run| run.request.id));
        }
        let mut expected: Vec<_> = runs.into_iter().map(|run| run.id).collect();
        expected.sort();
        expected.reverse();
        assert_eq!(seen, expected);
    });
}

#[test]
fn filters_can_be_combined() {
    on_each(|store| async move {
        let (a, b, c) = (new_run("alpha"), new_run("beta"), new_run("alpha"));
        stored(&store, &a, RunState::Succeeded).await;
        stored(&store, &b, RunState::Failed).await;
        stored(&store, &c, RunState::Queued).await;
        let store = &store;
        let ids = |filter: RunFilter| async move {
            let filter = RunFilter { limit: 100, ..filter };
            let found = store.db().list_runs("default", &filter).await.unwrap();
            found.into_iter().map(|run| run.request.id).collect::<Vec<_>>()
        };
        let of_alpha = RunFilter { pipeline: Some("alpha".into()), ..RunFilter::default() };
        assert_eq!(ids(of_alpha.clone()).await, [c.id.clone(), a.id.clone()]);
        let queued = RunFilter { states: vec![RunState::Queued], ..of_alpha };
        assert_eq!(ids(queued).await, std::slice::from_ref(&c.id));
        let labelled = RunFilter { labels: vec![("team".into(), "beta".into())], ..RunFilter::default() };
        assert_eq!(ids(labelled).await, std::slice::from_ref(&b.id));
        let text = |text: &str| RunFilter { text: Some(text.into()), ..RunFilter::default() };
        assert_eq!(ids(text("bet")).await, std::slice::from_ref(&b.id));
        assert_eq!(ids(text(b.id.short())).await, std::slice::from_ref(&b.id));
        assert_eq!(ids(text("100%_")).await, []);
        let future = RunFilter { since: Some(Timestamp(4_000_000_000_000_000)), ..RunFilter::default() };
        assert_eq!(ids(future).await, []);
        let past = RunFilter { until: Some(Timestamp(0)), ..RunFilter::default() };
        assert_eq!(ids(past).await, []);
    });
}

#[test]
fn marks_are_the_newest_and_the_expected_time_is_the_median_of_successes() {
    on_each(|store| async move {
        assert_eq!(store.db().expected_us("default", "a").await.unwrap(), None);
        for seconds in [1, 9, 2] {
            let run = new_run("a");
            store.submit(vec![run.clone()], None).await.unwrap();
            let end = Timestamp(T.0 + seconds * 1_000_000);
            store
                .change(vec![change(&run, RunState::Succeeded, end)], Pace::Now)
                .await
                .unwrap()
                .await
                .unwrap();
        }
        let marks = store.db().recent_marks("default", "a", 2).await.unwrap();
        assert_eq!(
            marks.iter().map(|m| m.duration_us).collect::<Vec<_>>(),
            [Some(9_000_000), Some(2_000_000)]
        );
        assert_eq!(store.db().expected_us("default", "a").await.unwrap(), Some(2_000_000));
    });
}
