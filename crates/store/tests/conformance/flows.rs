//! Flows: what became of steps, their runs and files, answers, what counts again, and what follows.

use rigi_model::flows::Begun;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{ContentHash, RunState, Target, Timestamp};
use rigi_store::flows::{Answer, CachedStep, StepRunsPage, StoredStep};
use rigi_store::people::Deed;
use rigi_store::tables::artifacts::Artifact;
use rigi_store::triggers::{FollowUp, RunLink};
use rigi_store::{Error, NewRun, Pace, RunChange, StepOf, Store};

use super::support::{T, change, named, new_run, on_each, project, stored};

fn step(parent: &NewRun, name: &str, item: Option<u32>) -> NewRun {
    NewRun { step: Some(StepOf { parent: parent.id.clone(), name: name.into(), item }), ..new_run("flow") }
}

async fn written(store: &Store, changes: Vec<RunChange>) {
    store.change(changes, Pace::Now).await.unwrap().await.unwrap();
}

fn ended_with(run: &NewRun, state: RunState, files: &[&str]) -> RunChange {
    let file = |path: &&str| Artifact::new((*path).to_owned(), None, 1, 3, ContentHash::new([7; 32]));
    RunChange { artifacts: files.iter().map(file).collect(), ..change(run, state, T) }
}

#[test]
fn a_flow_is_read_back_as_far_as_it_was() {
    on_each(async |store: Store| {
        let flow = new_run("flow");
        let runs = [
            step(&flow, "a", None),
            step(&flow, "b", Some(0)),
            step(&flow, "b", Some(1)),
            step(&flow, "b", Some(2)),
        ];
        store.submit([vec![flow.clone()], runs.to_vec()].concat(), None).await.unwrap();
        let changes = vec![
            ended_with(&runs[0], RunState::Succeeded, &["outputs.json", "table/x.csv"]),
            ended_with(&runs[1], RunState::Succeeded, &["outputs.json"]),
            ended_with(&runs[2], RunState::Failed, &["outputs.json"]),
        ];
        written(&store, changes).await;
        let note = |step: &str, begun| StoredStep { step: step.into(), begun, at: T };
        let first =
            [note("a", Begun::Items(1)), note("b", Begun::Items(3)), note("c", Begun::Skipped("why".into()))];
        store.note_steps(&project(), &flow.id, &first).await.unwrap();
        // What was thought to be possible was not.
        let failed = note("b", Begun::Failed("no".into()));
        store.note_steps(&project(), &flow.id, std::slice::from_ref(&failed)).await.unwrap();
        let db = store.db();
        let steps = db.flow_steps(&flow.id).await.unwrap();
        assert_eq!(steps, [first[0].clone(), failed, first[2].clone()]);
        let page =
            |step: &str, after, limit| StepRunsPage { step: Some(step.into()), state: None, after, limit };
        let some = db.step_runs(&flow.id, &page("b", None, 2)).await.unwrap();
        assert_eq!(some.iter().map(|run| run.item).collect::<Vec<_>>(), [Some(0), Some(1)]);
        let rest = db.step_runs(&flow.id, &page("b", Some(some[1].id.clone()), 2)).await.unwrap();
        assert_eq!(
            rest.iter().map(|run| (run.item, run.state)).collect::<Vec<_>>(),
            [(Some(2), RunState::Queued)]
        );
        let failed = StepRunsPage { state: Some(RunState::Failed), limit: 10, ..StepRunsPage::default() };
        assert_eq!(db.step_runs(&flow.id, &failed).await.unwrap().len(), 1);
        let mut counts: Vec<_> =
            db.step_counts(&flow.id).await.unwrap().into_iter().map(|c| (c.step, c.state, c.count)).collect();
        counts.sort_unstable();
        let wanted = [
            ("a", RunState::Succeeded),
            ("b", RunState::Queued),
            ("b", RunState::Succeeded),
            ("b", RunState::Failed),
        ];
        assert_eq!(counts, wanted.map(|(step, state)| (step.to_owned(), state, 1)));
        // Files of those alone that have succeeded.
        let paths = async |step: &str, path: &str| {
            let files = db.files_of_step(&flow.id, step, path, 10).await.unwrap();
            files.into_iter().map(|file| (file.item, file.path)).collect::<Vec<_>>()
        };
        assert_eq!(paths("a", "").await, [(None, "outputs.json".into()), (None, "table/x.csv".into())]);
        assert_eq!(paths("b", "outputs.json").await, [(Some(0), "outputs.json".into())]);
    });
}

#[test]
fn flows_within_a_flow_go_with_it() {
    on_each(async |store: Store| {
        let outer = new_run("flow");
        let inner = NewRun { target: Target::FLOW, ..step(&outer, "inner", None) };
        let deep = NewRun { target: Target::FLOW, ..step(&inner, "deep", None) };
        let leaves = [step(&deep, "leaf", Some(0)), step(&deep, "leaf", Some(1)), step(&outer, "own", None)];
        let all = [vec![outer.clone(), inner, deep], leaves.to_vec()].concat();
        store.submit(all.clone(), None).await.unwrap();
        written(&store, all.iter().map(|run| change(run, RunState::Succeeded, T)).collect()).await;
        let removed = store.remove_runs(&project(), std::slice::from_ref(&outer.id), T).await.unwrap();
        assert_eq!(removed, 6);
        let ids: Vec<_> = all.into_iter().map(|run| run.id).collect();
        assert!(store.db().runs_by_id(&ids).await.unwrap().is_empty());
    });
}

#[test]
fn the_first_answer_counts() {
    on_each(async |store: Store| {
        let run = new_run("flow");
        stored(&store, &run, RunState::Starting).await;
        let answer = |by: &str, approved| Answer { approved, by: by.into(), note: Some("n".into()), at: T };
        let deed = Deed::of_server("test", T);
        assert_eq!(store.db().answer(&run.id).await.unwrap(), None);
        // Both at once: one of them is refused, by the row if not before.
        let (ann, bob, project) = (answer("Ann", true), answer("Bob", false), project());
        let (one, other) = tokio::join!(
            store.answer(&project, &run.id, &ann, &deed),
            store.answer(&project, &run.id, &bob, &deed)
        );
        let refused =
            [&one, &other].into_iter().filter(|said| matches!(said, Err(Error::Conflict(_)))).count();
        assert_eq!(refused, 1, "{one:?} {other:?}");
        let kept = store.db().answer(&run.id).await.unwrap().unwrap();
        assert_eq!(kept.approved, one.is_ok());
    });
}

#[test]
fn what_counts_again_has_succeeded_and_is_found_by_its_key() {
    on_each(async |store: Store| {
        let made = |run: &NewRun, key: &str| CachedStep {
            run: run.id.clone(),
            pipeline: named("flow"),
            step: "a".into(),
            key: key.into(),
            parts: [("code".to_owned(), key.to_owned())].into(),
        };
        let runs = [new_run("flow"), new_run("flow"), new_run("flow")];
        store.submit(runs.to_vec(), None).await.unwrap();
        let all = [made(&runs[0], "k1"), made(&runs[1], "k1"), made(&runs[2], "k2")];
        store.note_made_of(&project(), &all).await.unwrap();
        store.note_made_of(&project(), &all[..1]).await.unwrap();
        let db = store.db();
        assert_eq!(db.cached_step(&project(), "k1").await.unwrap(), None, "none has succeeded");
        let ends = [RunState::Succeeded, RunState::Failed, RunState::Succeeded];
        written(&store, runs.iter().zip(ends).map(|(run, state)| change(run, state, T)).collect()).await;
        assert_eq!(db.cached_step(&project(), "k1").await.unwrap().as_ref(), Some(&runs[0].id));
        assert_eq!(db.cached_step(&super::support::lab(), "k1").await.unwrap(), None, "of another project");
        assert_eq!(db.made_of(&runs[2].id).await.unwrap().as_ref(), Some(&all[2]));
        let before = db.made_before(&project(), &all[2], 10).await.unwrap();
        assert_eq!(before, [all[0].clone()]);
    });
}

#[test]
fn what_follows_is_written_with_the_end_and_goes_when_it_is_done() {
    on_each(async |store: Store| {
        let (first, next) = (new_run("first"), new_run("next"));
        store.submit(vec![first.clone(), next.clone()], None).await.unwrap();
        let later = Timestamp(T.0 + 5);
        let follow_ups = vec![(FollowUpKind::Downstream, T), (FollowUpKind::Restart, later)];
        written(&store, vec![RunChange { follow_ups, ..change(&first, RunState::Succeeded, T) }]).await;
        let one = |kind, due| FollowUp { run: first.id.clone(), project: project(), kind, due };
        let db = store.db();
        let (downstream, restart) = (one(FollowUpKind::Downstream, T), one(FollowUpKind::Restart, later));
        assert_eq!(db.follow_ups().await.unwrap(), [downstream.clone(), restart.clone()]);
        let link =
            RunLink { parent: first.id.clone(), child: next.id.clone(), kind: FollowUpKind::Downstream };
        let told = ["`x` does not follow".to_owned()];
        // Done twice is done once.
        for _ in 0..2 {
            store
                .followed(&downstream, std::slice::from_ref(&link), &["key".into()], &told, T)
                .await
                .unwrap();
        }
        assert_eq!(db.follow_ups().await.unwrap(), [restart]);
        assert_eq!(db.link_to(&next.id).await.unwrap().as_ref(), Some(&link));
        assert_eq!(db.links_from(&first.id).await.unwrap(), [link]);
        let events = db.events_of(&first.id, 0, 100).await.unwrap();
        assert!(
            events
                .iter()
                .any(|event| event.kind == "followed" && event.message.as_deref() == Some(&*told[0]))
        );
    });
}
