//! Lists and their filters.

use std::collections::BTreeMap;

use rigi_model::{RunState, Timestamp};
use rigi_store::Pace;
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::{NewRun, StepOf, Store};

use crate::support::{T, change, named, new_run, on_each, project, stored};

#[test]
fn lists_are_newest_first_and_page_without_gaps() {
    on_each(|store| async move {
        let runs: Vec<_> = (0..25).map(|_| new_run("a")).collect();
        store.submit(runs.clone(), None).await.unwrap();
        let mut seen = Vec::new();
        let mut filter = RunFilter { limit: 10, ..RunFilter::default() };
        loop {
            let page = store.db().list_runs(&project(), &filter).await.unwrap();
            seen.extend(page.runs.into_iter().map(|run| run.id));
            filter.before = page.next;
            if filter.before.is_none() {
                break;
            }
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
            let found = store.db().list_runs(&project(), &filter).await.unwrap();
            found.runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
        };
        let of_alpha = RunFilter { pipeline: Some(named("alpha")), ..RunFilter::default() };
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
        assert_eq!(store.db().expected_us(&project(), &named("a")).await.unwrap(), None);
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
        let marks = store.db().recent_marks(&project(), &named("a"), 2).await.unwrap();
        assert_eq!(
            marks.iter().map(|m| m.duration_us).collect::<Vec<_>>(),
            [Some(9_000_000), Some(2_000_000)]
        );
        assert_eq!(store.db().expected_us(&project(), &named("a")).await.unwrap(), Some(2_000_000));
    });
}

/// Runs in every state of three pipelines, with labels that overlap.
async fn many_kinds(store: &Store) -> Vec<(NewRun, RunState)> {
    let mut all = Vec::new();
    for n in 0..90usize {
        let mut run = new_run(["alpha", "beta", "gamma-7Q2A"][n % 3]);
        let labels = [("team".to_owned(), (n % 2).to_string()), ("batch".to_owned(), (n % 5).to_string())];
        run.labels = BTreeMap::from(labels).into();
        let state = RunState::ALL[n % RunState::ALL.len()];
        stored(store, &run, state).await;
        all.push((run, state));
    }
    all.sort_by(|(a, _), (b, _)| b.id.cmp(&a.id));
    all
}

/// What a filter means, said without an index.
fn fits(filter: &RunFilter, run: &NewRun, state: RunState) -> bool {
    let labels = filter.labels.iter().all(|(key, value)| run.labels.get(key) == Some(value));
    let text = filter.text.as_ref().is_none_or(|text| {
        let body = &run.id.as_str()[4..];
        run.pipeline.as_str().contains(&text.to_lowercase())
            || body.starts_with(text)
            || (text.len() == 4 && body.ends_with(text))
    });
    labels
        && text
        && filter.pipeline.as_ref().is_none_or(|name| *name == run.pipeline)
        && (filter.states.is_empty() || filter.states.contains(&state))
}

#[test]
fn every_combination_of_filters_finds_what_it_says_page_by_page() {
    on_each(|store| async move {
        let all = many_kinds(&store).await;
        let some_id = &all[40].0.id;
        let texts = [None, Some("alp"), Some("zzzz"), Some(some_id.short()), Some(&some_id.as_str()[4..12])];
        let pipelines = [None, Some("beta"), Some("nothing")];
        let states = [vec![], vec![RunState::Failed], vec![RunState::Queued, RunState::Succeeded]];
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = [
            vec![],
            vec![label("team", "1")],
            vec![label("team", "1"), label("batch", "3")],
            vec![label("no", "1")],
        ];
        for (text, pipeline) in texts.iter().flat_map(|t| pipelines.iter().map(move |p| (t, p))) {
            for (states, labels) in states.iter().flat_map(|s| labels.iter().map(move |l| (s, l))) {
                let mut filter = RunFilter {
                    text: text.map(str::to_owned),
                    pipeline: pipeline.map(named),
                    states: states.clone(),
                    labels: labels.clone(),
                    limit: 7,
                    ..RunFilter::default()
                };
                let fitting = all.iter().filter(|(run, state)| fits(&filter, run, *state));
                let expected: Vec<_> = fitting.map(|(run, _)| run.id.clone()).collect();
                let mut found = Vec::new();
                loop {
                    let (ids, next) = store.db().find_runs(&project(), &filter).await.unwrap();
                    assert!(ids.len() <= 7);
                    found.extend(ids);
                    filter.before = next;
                    if filter.before.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{filter:?}");
            }
        }
    });
}

#[test]
fn a_search_that_no_index_answers_goes_on_page_by_page() {
    on_each(|store| async move {
        let rare = new_run("rare");
        stored(&store, &rare, RunState::Failed).await;
        let common: Vec<_> =
            (0..2500).map(|_| NewRun { labels: rare.labels.clone(), ..new_run("common") }).collect();
        store.submit(common, None).await.unwrap();
        let failed: Vec<_> = (0..2500).map(|_| new_run("other")).collect();
        store.submit(failed.clone(), None).await.unwrap();
        let changes = failed.iter().map(|run| change(run, RunState::Failed, T)).collect();
        store.change(changes, rigi_store::Pace::Now).await.unwrap().await.unwrap();
        // Thousands have the label, thousands failed, and one did both.
        let label = vec![("team".to_owned(), "rare".to_owned())];
        let mut filter =
            RunFilter { labels: label, states: vec![RunState::Failed], limit: 10, ..RunFilter::default() };
        let (mut found, mut pages) = (Vec::new(), 0);
        loop {
            let page = store.db().list_runs(&project(), &filter).await.unwrap();
            pages += 1;
            found.extend(page.runs.into_iter().map(|run| run.id));
            let Some(next) = page.next else { break };
            assert!(filter.before.as_ref().is_none_or(|before| next < *before), "the search must go on");
            filter.before = Some(next);
        }
        assert_eq!(found, [rare.id]);
        assert!(pages > 1, "the search was to be longer than one page");
    });
}

/// A flow and so many of its steps.
fn flow(steps: u32) -> (NewRun, Vec<NewRun>) {
    let flow = new_run("flow");
    let step = |item| NewRun {
        step: Some(StepOf { parent: flow.id.clone(), name: "map".into(), item: Some(item) }),
        ..new_run("flow")
    };
    let steps = (0..steps).map(step).collect();
    (flow, steps)
}

#[test]
fn steps_are_in_no_list_of_runs_and_go_with_their_flow() {
    on_each(|store| async move {
        let (flow, steps) = flow(30);
        let (plain, db) = (new_run("flow"), store.db());
        store.submit([vec![flow.clone(), plain.clone()], steps.clone()].concat(), None).await.unwrap();
        let read = db.run(&project(), &steps[7].id).await.unwrap();
        assert_eq!(read.request, steps[7], "a step says of which flow it is");
        let any = RunFilter { limit: 10, ..RunFilter::default() };
        let label = RunFilter { labels: vec![("team".into(), "flow".into())], ..any.clone() };
        let of_flow = RunFilter { pipeline: Some(named("flow")), ..any.clone() };
        let tail = RunFilter { text: Some(steps[3].id.short().into()), ..any.clone() };
        let both = [plain.id.clone(), flow.id.clone()];
        for (filter, expected) in [(any, &both[..]), (label, &both), (of_flow, &both), (tail, &[])] {
            let page = db.list_runs(&project(), &filter).await.unwrap();
            let mut found: Vec<_> = page.runs.into_iter().map(|run| run.id).collect();
            let mut expected = expected.to_vec();
            found.sort();
            expected.sort();
            assert_eq!((found, page.next), (expected, None), "{filter:?}");
        }
        // Whoever starts takes all of them up, in pages, oldest first.
        let mut all: Vec<_> = steps.iter().chain([&flow, &plain]).map(|run| run.id.clone()).collect();
        all.sort();
        let (mut open, mut after) = (Vec::new(), None);
        loop {
            let page = db.open_runs(&project(), &[RunState::Queued], after.as_ref(), 7).await.unwrap();
            after = page.last().map(|run| run.id.clone());
            open.extend(page.into_iter().map(|run| run.id));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(open, all);
        let ends = steps.iter().chain([&flow]).map(|run| change(run, RunState::Succeeded, T)).collect();
        store.change(ends, Pace::Now).await.unwrap().await.unwrap();
        assert_eq!(store.remove_runs(&project(), std::slice::from_ref(&flow.id), T).await.unwrap(), 31);
        assert!(
            db.run(&project(), &steps[0].id).await.is_err() && db.run(&project(), &plain.id).await.is_ok()
        );
    });
}

#[test]
fn projects_see_nothing_of_each_other() {
    on_each(|store| async move {
        let other = "other".parse().unwrap();
        store.add_project(&other, T).await.unwrap();
        let (ours, theirs) = (new_run("same"), NewRun { project: other, ..new_run("same") });
        let other = &theirs.project;
        stored(&store, &ours, RunState::Queued).await;
        stored(&store, &theirs, RunState::Queued).await;
        let db = store.db();
        for (own, run, foreign) in [(&ours.project, &ours, &theirs), (other, &theirs, &ours)] {
            assert!(db.run(own, &run.id).await.is_ok() && db.run(own, &foreign.id).await.is_err());
            assert!(db.resolve_run(own, &foreign.id.as_str()[4..]).await.is_err());
            let any = RunFilter { limit: 10, ..RunFilter::default() };
            let filters = [
                RunFilter { labels: vec![("team".into(), "same".into())], ..any.clone() },
                RunFilter { pipeline: Some(named("same")), ..any.clone() },
                RunFilter { text: Some("sam".into()), ..any.clone() },
                RunFilter { states: vec![RunState::Queued], ..any.clone() },
                any,
            ];
            for filter in filters {
                let page = db.list_runs(own, &filter).await.unwrap();
                let found: Vec<_> = page.runs.into_iter().map(|run| run.id).collect();
                assert_eq!(found, std::slice::from_ref(&run.id), "{filter:?}");
            }
            let open = db.open_runs(own, &[RunState::Queued], None, 10).await.unwrap();
            assert_eq!(open.iter().map(|run| &run.id).collect::<Vec<_>>(), [&run.id]);
            assert_eq!(db.recent_marks(own, &named("same"), 9).await.unwrap().len(), 1);
        }
        let tail = RunFilter { text: Some(theirs.id.short().into()), limit: 9, ..RunFilter::default() };
        assert_eq!(db.list_runs(&ours.project, &tail).await.unwrap().runs, []);
    });
}
