//! What may go, and what must not.

use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{ProjectName, RunState, Timestamp};
use rigi_store::retention::{Before, Keep};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::tables::versions::{Version, VersionFile};
use rigi_store::{Accepted, IdempotencyKey, NewRun, Pace, RunInput};

use crate::support::{T, change, lab, named, new_run, on_each, project, stored, version_hash};

const NOTHING: Keep = Keep { runs: None, age: None, bytes: None };

#[test]
fn only_ended_runs_beyond_what_is_kept_are_removable() {
    on_each(|store| async move {
        let runs: Vec<_> = (0..4).map(|_| new_run("a")).collect();
        for run in &runs[..3] {
            stored(&store, run, RunState::Succeeded).await;
        }
        stored(&store, &runs[3], RunState::Running).await;
        let db = store.db();
        let removable = |keep: Keep, now: Timestamp| async move {
            db.removable_runs(&project(), Some(&named("a")), &keep, now).await.unwrap()
        };
        assert_eq!(removable(NOTHING, T).await, []);
        assert_eq!(removable(Keep { runs: Some(2), ..NOTHING }, T).await, [runs[0].id.clone()]);
        let later = T.after(Duration::from_secs(100));
        let old = removable(Keep { age: Some(Duration::from_secs(99)), ..NOTHING }, later).await;
        assert_eq!(old.len(), 3);
        assert_eq!(
            store.remove_runs(&project(), &[runs[0].id.clone(), runs[3].id.clone()], T).await.unwrap(),
            1
        );
        assert!(db.run(&project(), &runs[0].id).await.is_err());
        assert!(db.run(&project(), &runs[3].id).await.is_ok(), "a running run was removed");
        assert_eq!(db.events_of(&runs[0].id, 0, 10).await.unwrap(), []);
    });
}

#[test]
fn what_a_run_refers_to_is_in_use() {
    on_each(|store| async move {
        let stored_file = store.storage().put(&b"data"[..]).unwrap();
        let id = store.add_upload(&project(), "x.csv", &stored_file, T).await.unwrap();
        // Another project's, as old, are its own to collect.
        let lab = lab();
        store.add_project(&lab, T).await.unwrap();
        let kept = store.add_upload(&lab, "x.csv", &stored_file, T).await.unwrap();
        let of_lab = || NewRun { project: lab.clone(), ..new_run("a") };
        let key = || Some(IdempotencyKey { key: "k".into(), request: "r".into() });
        store.submit(vec![of_lab()], key()).await.unwrap();
        assert_eq!(store.db().upload(&project(), &id).await.unwrap().sha256, stored_file.sha256);
        assert!(store.db().referenced_content(&project()).await.unwrap().contains(&stored_file.sha256));
        let later = T.after(Duration::from_secs(1));
        let before = Before { versions: later, uploads: later, keys: later };
        let used = store.db().used_by_runs(&project()).await.unwrap();
        store.remove_unreferenced(&project(), &used, &before).await.unwrap();
        assert!(store.db().upload(&project(), &id).await.is_err());
        assert!(store.db().referenced_content(&project()).await.unwrap().is_empty());
        assert_eq!(store.db().upload(&lab, &kept).await.unwrap().sha256, stored_file.sha256);
        let again = store.submit(vec![of_lab()], key()).await.unwrap();
        assert!(matches!(again, Accepted::Before(_)), "{again:?}");
        let used = store.db().used_by_runs(&lab).await.unwrap();
        store.remove_unreferenced(&lab, &used, &before).await.unwrap();
        assert!(store.db().upload(&lab, &kept).await.is_err());
        let again = store.submit(vec![of_lab()], key()).await.unwrap();
        assert!(matches!(again, Accepted::New(_)), "{again:?}");
    });
}

#[test]
fn code_of_a_run_that_came_while_it_was_looked_for_stays() {
    on_each(|store| async move {
        let version = |n: u8| Version {
            hash: version_hash(n),
            pipeline: named("a"),
            spec: PipelineSpec::of(Entry::Command { argv: Vec::new() }),
            files: Vec::new(),
            git: None,
        };
        for n in [1, 2, 3] {
            store.add_version(&project(), version(n), T).await.unwrap();
        }
        store.submit(vec![new_run("a")], None).await.unwrap();
        let used = store.db().used_by_runs(&project()).await.unwrap();
        assert_eq!(used.versions, [version_hash(1)].into());
        let late = NewRun { version: version_hash(2), ..new_run("a") };
        store.submit(vec![late], None).await.unwrap();
        let later = T.after(Duration::from_secs(1));
        let before = Before { versions: later, uploads: later, keys: later };
        store.remove_unreferenced(&project(), &used, &before).await.unwrap();
        assert_eq!(store.db().versions(&project()).await.unwrap(), [version_hash(1), version_hash(2)].into());
    });
}

#[test]
fn every_column_of_content_says_what_is_in_use_of_its_own_project() {
    on_each(|store| async move {
        let put = |text: &'static [u8]| store.storage().put(text).unwrap();
        let (code, input, left, upload) = (put(b"code"), put(b"input"), put(b"left"), put(b"upload"));
        let other: ProjectName = "other".parse().unwrap();
        store.add_project(&other, T).await.unwrap();
        let file = VersionFile { path: "main.py".into(), executable: false, size: 4, sha256: code.sha256 };
        let spec = PipelineSpec::of(Entry::Command { argv: Vec::new() });
        let (hash, pipeline) = (version_hash(1), named("a"));
        let version = Version { hash, pipeline, spec, files: vec![file], git: None };
        store.add_version(&other, version, T).await.unwrap();
        store.add_upload(&other, "u", &upload, T).await.unwrap();
        let given =
            RunInput { input: "in".into(), name: "x".into(), size: 5, sha256: input.sha256, dataset: None };
        let run = NewRun { project: other.clone(), inputs: vec![given].into(), ..new_run("a") };
        store.submit(vec![run.clone()], None).await.unwrap();
        let mut end = change(&run, RunState::Succeeded, T);
        end.artifacts = vec![Artifact::new("left".into(), None, 1, left.size, left.sha256)];
        store.change(vec![end], Pace::Now).await.unwrap().await.unwrap();
        let all = [code, input, left, upload].map(|stored| stored.sha256);
        assert_eq!(store.db().referenced_content(&other).await.unwrap(), all.into());
        assert!(store.db().referenced_content(&project()).await.unwrap().is_empty());
    });
}
