//! Accepting, changing and reading single runs.

use std::sync::Arc;
use std::time::Duration;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::run::{AttemptRecord, LogFacts, RunStatus};
use rigi_model::{AttemptState, ContentHash, RunId, RunState, Usage};
use rigi_store::people::Deed;
use rigi_store::tables::artifacts::Artifact;
use rigi_store::tables::events::Since;
use rigi_store::{
    Accepted, BroughtRun, EndedAttempt, Error, IdempotencyKey, NewRun, Pace, Run, RunChange, RunInput,
};

use crate::support::{T, change, new_run, on_each, project, stored};

#[test]
fn a_run_is_read_back_as_it_was_accepted() {
    on_each(|store| async move {
        let run = new_run("a");
        assert_eq!(store.submit(vec![run.clone()], None).await.unwrap(), Accepted::New(vec![run.id.clone()]));
        let read = store.db().run(&project(), &run.id).await.unwrap();
        assert_eq!(read.request, run);
        assert_eq!(read.status.state, RunState::Queued);
        assert!(matches!(
            store.db().run(&"other".parse().unwrap(), &run.id).await,
            Err(Error::NotFound { .. })
        ));
    });
}

#[test]
fn many_submissions_at_once_are_all_kept() {
    on_each(|store| async move {
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(
                    async move { store.submit(vec![new_run("a"), new_run("b")], None).await.unwrap() },
                )
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            store.db().open_runs(&project(), &[RunState::Queued], None, 1000).await.unwrap().len(),
            400
        );
        assert_eq!(store.db().last_event().await.unwrap(), 400);
    });
}

#[test]
fn a_key_makes_a_submission_safe_to_repeat() {
    on_each(|store| async move {
        let key = |request: &str| Some(IdempotencyKey { key: "k".into(), request: request.into() });
        let (first, second) = (new_run("a"), new_run("a"));
        let accepted = store.submit(vec![first.clone()], key("x")).await.unwrap();
        assert_eq!(accepted, Accepted::New(vec![first.id.clone()]));
        let again = store.submit(vec![second.clone()], key("x")).await.unwrap();
        assert_eq!(again, Accepted::Before(vec![first.id.clone()]));
        let other = store.submit(vec![second], key("y")).await;
        assert!(matches!(other, Err(Error::IdempotencyConflict { .. })));
        assert_eq!(store.db().open_runs(&project(), &[RunState::Queued], None, 1000).await.unwrap().len(), 1);
    });
}

#[test]
fn an_engine_starts_from_all_that_is_known_of_an_open_run() {
    on_each(|store| async move {
        let run = new_run("a");
        store.submit(vec![run.clone()], None).await.unwrap();
        let mut retrying = change(&run, RunState::Retrying, T);
        retrying.status = RunStatus {
            exit_code: Some(3),
            usage: Usage { cpu_us: 5, max_memory: 6 },
            log: LogFacts { lines: 7, cut_bytes: 8 },
            artifacts: (1, 9),
            stored_bytes: 10,
            ..retrying.status
        };
        let expected = retrying.status.clone();
        store.change(vec![retrying], Pace::Now).await.unwrap().await.unwrap();
        let open = store.db().open_runs(&project(), &[RunState::Retrying], None, 10).await.unwrap();
        assert_eq!(open.into_iter().map(|run| run.status).collect::<Vec<_>>(), [expected]);
    });
}

#[test]
fn a_change_of_nothing_is_answered_when_all_before_it_is_durable() {
    on_each(|store| async move {
        store.change(Vec::new(), Pace::Now).await.unwrap().await.unwrap();
        let run = new_run("a");
        store.submit(vec![run.clone()], None).await.unwrap();
        let first = store.change(vec![change(&run, RunState::Running, T)], Pace::Soon).await.unwrap();
        store.change(Vec::new(), Pace::Now).await.unwrap().await.unwrap();
        let read = store.db().run(&project(), &run.id).await.unwrap();
        assert_eq!(read.status.state, RunState::Running);
        first.await.unwrap();
    });
}

#[test]
fn an_ended_run_never_changes_again() {
    on_each(|store| async move {
        let run = new_run("a");
        stored(&store, &run, RunState::Succeeded).await;
        store.change(vec![change(&run, RunState::Failed, T)], Pace::Now).await.unwrap().await.unwrap();
        assert_eq!(store.db().run(&project(), &run.id).await.unwrap().status.state, RunState::Succeeded);
    });
}

#[test]
fn of_several_changes_in_one_commit_the_last_counts_and_all_are_told() {
    on_each(|store| async move {
        let run = new_run("a");
        store.submit(vec![run.clone()], None).await.unwrap();
        let mut commits = store.commits();
        let changes =
            [RunState::Starting, RunState::Running, RunState::Succeeded].map(|s| change(&run, s, T));
        store.change(changes.to_vec(), Pace::Now).await.unwrap().await.unwrap();
        assert_eq!(store.db().run(&project(), &run.id).await.unwrap().status.state, RunState::Succeeded);
        let kinds: Vec<_> =
            store.db().events_of(&run.id, 0, 10).await.unwrap().into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, ["queued", "starting", "running", "succeeded"]);
        let commit = tokio::time::timeout(Duration::from_secs(5), commits.recv()).await.unwrap().unwrap();
        assert_eq!(&*commit.runs, std::slice::from_ref(&run.id));
        let now = store.db().run(&project(), &run.id).await.unwrap();
        let since = async |event, limit| store.db().runs_since(&project(), event, limit).await.unwrap();
        assert_eq!(since(1, 3).await, Since { newest: 4, runs: Some(vec![(&now).into()]) });
        assert_eq!(since(4, 3).await, Since { newest: 4, runs: Some(Vec::new()) });
        assert_eq!(since(0, 3).await, Since { newest: 4, runs: None }, "more than a reader is told");
        assert_eq!(since(5, 3).await, Since { newest: 4, runs: None }, "an event of another database");
    });
}

/// The end of a first attempt that failed, and of its run.
fn ended(run: &NewRun, log: Option<Vec<u8>>) -> RunChange {
    let record = AttemptRecord {
        number: 1,
        state: AttemptState::Failed,
        reason: Some(rigi_model::Reason::ExitCode),
        message: Some("exit 3".into()),
        exit_code: Some(3),
        signal: None,
        claimed_at: T,
        started_at: Some(T),
        ended_at: T,
        usage: Usage { cpu_us: 7, max_memory: 9 },
        log: LogFacts { lines: 2, cut_bytes: 0 },
    };
    let attempt = Some(EndedAttempt { record, log, log_object: None, samples: Some("[]".into()) });
    RunChange { attempt, ..change(run, RunState::Failed, T) }
}

#[test]
fn attempts_logs_and_files_come_back() {
    on_each(|store| async move {
        let run = new_run("a");
        store.submit(vec![run.clone()], None).await.unwrap();
        let log = Some(vec![0, 159, 146, 150]);
        let mut ended = ended(&run, log.clone());
        ended.artifacts =
            vec![Artifact::new("a/b.txt".into(), Some("a".into()), 1, 5, ContentHash::new([0; 32]))];
        store.change(vec![ended], Pace::Now).await.unwrap().await.unwrap();
        let attempts = store.db().attempts(&run.id).await.unwrap();
        assert_eq!((attempts[0].state(), attempts[0].exit_code), (AttemptState::Failed, Some(3)));
        let stored = store.db().attempt_log(&run.id, 1).await.unwrap().unwrap();
        assert_eq!((stored.inline, stored.lines), (log, 2));
        assert_eq!(store.db().attempt_log(&run.id, 2).await.unwrap(), None);
        assert_eq!(store.db().artifact(&run.id, "a/b.txt").await.unwrap().unwrap().size, 5);
    });
}

/// More than is written at once, in rows and in bytes.
#[test]
fn a_large_commit_comes_back_whole() {
    on_each(|store| async move {
        let text = "a \"quoted\" word\tand a line\n".repeat(80);
        let runs: Vec<_> = (0..4300).map(|number| large(number, &text)).collect();
        let ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
        let key = IdempotencyKey { key: "k".into(), request: "r".into() };
        let accepted = store.submit(runs.clone(), Some(key.clone())).await.unwrap();
        assert_eq!(accepted, Accepted::New(ids.clone()));
        assert_eq!(store.submit(runs.clone(), Some(key)).await.unwrap(), Accepted::Before(ids.clone()));
        let mut found = store.db().runs_by_id(&ids).await.unwrap();
        found.sort_by(|a, b| a.request.id.cmp(&b.request.id));
        assert!(found.into_iter().map(|run| run.request).eq(runs.iter().cloned()), "as they were asked for");
        let ends = runs.iter().map(|run| ended(run, Some(text.clone().into_bytes()))).collect();
        store.change(ends, Pace::Now).await.unwrap().await.unwrap();
        for run in [&runs[0], &runs[1999], &runs[2000], &runs[4299]] {
            let events = store.db().events_of(&run.id, 0, 10).await.unwrap();
            assert_eq!(events.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["queued", "failed"]);
            let log = store.db().attempt_log(&run.id, 1).await.unwrap().unwrap();
            assert_eq!(log.inline.as_deref(), Some(text.as_bytes()));
            assert_eq!(store.db().run(&project(), &run.id).await.unwrap().status.state, RunState::Failed);
        }
        assert_eq!(store.db().last_event().await.unwrap(), 2 * 4300);
    });
}

fn large(number: u32, text: &str) -> NewRun {
    let mut run = new_run("a");
    run.priority = -i32::try_from(number).unwrap();
    run.rerun_of = number.is_multiple_of(2).then(RunId::generate);
    Arc::make_mut(&mut run.parameters).insert("text".into(), text.into());
    let input = |name: &str| RunInput {
        input: "in".into(),
        name: name.into(),
        size: 3,
        sha256: ContentHash::new([0; 32]),
        dataset: None,
    };
    run.inputs = ["x.txt", "y.txt"].iter().take(number as usize % 3).map(|name| input(name)).collect();
    run
}

#[test]
fn a_beginning_or_an_end_of_an_id_will_do_if_it_is_the_only_one() {
    on_each(|store| async move {
        let run = new_run("a");
        stored(&store, &run, RunState::Queued).await;
        let id = run.id.as_str();
        for text in [id, &id[..20], run.id.short(), &run.id.short().to_lowercase(), &id[id.len() - 6..]] {
            assert_eq!(store.db().resolve_run(&project(), text).await.unwrap(), run.id, "{text}");
        }
        for text in ["", "x", "ZZZZ", "run_", "%", "' OR 1=1", "run_00000000000000000000000000000000"] {
            let found = store.db().resolve_run(&project(), text).await;
            let only = text == "run_" && found.is_ok();
            assert!(only || matches!(found, Err(Error::NotFound { .. })), "{text}");
        }
        stored(&store, &new_run("a"), RunState::Queued).await;
        let both = store.db().resolve_run(&project(), &id[..8]).await;
        assert!(matches!(both, Err(Error::Ambiguous { count: 2, .. })));
    });
}

#[test]
fn runs_that_ended_elsewhere_come_whole_and_once() {
    on_each(|store| async move {
        let run = new_run("a");
        let kept = store.blobs(&project()).put(&b"cells"[..]).unwrap();
        let mut status = change(&run, RunState::Failed, T).status;
        (status.attempt, status.exit_code, status.message) = (1, Some(3), Some("exit 3".into()));
        let record = AttemptRecord {
            number: 1,
            state: AttemptState::Failed,
            reason: None,
            message: Some("exit 3".into()),
            exit_code: Some(3),
            signal: None,
            claimed_at: T,
            started_at: Some(T),
            ended_at: T,
            usage: Usage { cpu_us: 0, max_memory: 7 },
            log: LogFacts { lines: 2, cut_bytes: 5 },
        };
        let attempt = EndedAttempt {
            record,
            log: Some(b"blocks".to_vec()),
            log_object: None,
            samples: Some("[]".into()),
        };
        let artifacts = vec![Artifact::new("cells.json".into(), None, 1, kept.size, kept.sha256)];
        let event = SubjectEvent {
            project: project(),
            subject: Subject::Run,
            id: run.id.to_string(),
            at: T,
            kind: RunState::Failed.as_str(),
            message: Some("exit 3".into()),
        };
        let stored = Run { request: run.clone(), status: status.clone() };
        let brought =
            BroughtRun { run: stored.clone(), attempt, artifacts: artifacts.clone(), events: vec![event] };
        store.bring_runs(std::slice::from_ref(&brought)).await.unwrap();
        assert_eq!(store.db().run(&project(), &run.id).await.unwrap(), stored);
        assert_eq!(store.db().attempts(&run.id).await.unwrap()[0].exit_code, Some(3));
        assert_eq!(store.db().attempt_log(&run.id, 1).await.unwrap().unwrap().inline.unwrap(), b"blocks");
        assert_eq!(store.db().artifacts(&run.id, "", 10).await.unwrap(), artifacts);
        let events = store.db().events_of(&run.id, 0, 10).await.unwrap();
        assert_eq!((events.len(), events[0].kind.as_str()), (1, "failed"));
        // Nothing of it waits for a server, and a second time changes nothing.
        assert!(store.db().open_runs(&project(), &[RunState::Queued], None, 10).await.unwrap().is_empty());
        let twice = store.bring_runs(std::slice::from_ref(&brought)).await.unwrap_err();
        assert!(matches!(twice, Error::Conflict(_)), "{twice}");
        let mut open = brought;
        open.run.status = RunStatus::accepted(T);
        assert!(matches!(store.bring_runs(&[open]).await, Err(Error::Conflict(_))));
        let deed = Deed::of_server("import", T);
        store.tell_brought(&project(), "fast-flow", serde_json::json!({"runs": 1}), &deed).await.unwrap();
    });
}
