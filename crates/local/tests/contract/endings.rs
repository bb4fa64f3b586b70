//! How attempts end: by themselves, by signals, by time, by request, or before they start.

use std::time::Duration;

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{Exit, Reason};
use rigi_work::plan::{Executor, Observation};

use crate::bed::{Bed, is_alive, log_of, processes_of, stdout_of};

#[tokio::test]
async fn a_success_is_told_with_its_log_and_its_usage() {
    let mut bed = Bed::new().await;
    // More than the supervisor itself takes: what lies below that says nothing of the program.
    let plan = bed.shell("head -c 100000000 /dev/zero | tail -c 50000000 >/dev/null; echo hello");
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    assert_eq!(ended.exit, Exit::Code { code: 0 });
    assert_eq!(stdout_of(&ended), "hello\n");
    assert!(ended.log.file.is_none() && ended.started_at.is_some() && ended.usage.max_memory > 0);
    assert!(ended.outputs.is_none() && ended.route.is_none());
    assert!(matches!(bed.seen(&key)[0].what, Observation::Started { .. }));
    bed.executor().release(&key);
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("exit 7");
    assert_eq!(bed.run(plan).await.exit, Exit::Code { code: 7 });
    let plan = bed.shell("kill -SEGV $$");
    assert_eq!(bed.run(plan).await.exit, Exit::Signal { signal: 11 });
}

#[tokio::test]
async fn the_time_limit_ends_the_tree() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("sleep 1000 & sleep 1000; wait");
    plan.timeout = Some(Duration::from_millis(300));
    let run = plan.key.run.clone();
    assert_eq!(bed.run(plan).await.exit, Exit::TimedOut { limit_us: 300_000 });
    assert_eq!(processes_of(&run), [0i32; 0]);
}

#[tokio::test]
async fn a_stop_is_kind_at_first() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("trap 'echo tidied up; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.lines(&key, 1).await;
    bed.executor().stop(&key, Duration::from_secs(30));
    let ended = bed.end_of(&key).await;
    assert_eq!(ended.exit, Exit::Stopped);
    assert_eq!(stdout_of(&ended), "ready\ntidied up\n");
}

#[tokio::test]
async fn a_stop_does_not_take_no_for_an_answer() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("trap '' TERM; sh -c 'trap \"\" TERM; sleep 1000 & wait' & echo ready; wait");
    let key = plan.key.clone();
    bed.executor().launch(plan);
    let pid = bed.started(&key).await;
    bed.lines(&key, 1).await;
    bed.executor().stop(&key, Duration::from_millis(200));
    assert_eq!(bed.end_of(&key).await.exit, Exit::Stopped);
    assert!(!is_alive(pid));
    assert_eq!(processes_of(&key.run), [0i32; 0]);
}

#[tokio::test]
async fn an_unknown_attempt_ends_as_stopped() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("true");
    bed.executor().stop(&plan.key, Duration::ZERO);
    assert_eq!(bed.end_of(&plan.key).await.exit, Exit::Stopped);
}

#[tokio::test]
async fn what_cannot_be_started_says_why_in_the_log() {
    let mut bed = Bed::new().await;
    let windows = "#!/usr/bin/env python3\r\nprint(1)\r\n";
    let files = [("no-interpreter", "#!/no/such/thing\n"), ("plain", "text"), ("windows", windows)];
    for (argv, mode, word) in [
        ("no-such-program", 0o644, "no such program on PATH"),
        ("./missing", 0o644, "there is no file"),
        ("./plain", 0o644, "not executable"),
        ("./plain", 0o755, "first line"),
        ("./no-interpreter", 0o755, "/no/such/thing"),
        ("plain", 0o644, "write `./plain`"),
        ("./windows", 0o755, "CR LF"),
    ] {
        let plan = bed.plan(Entry::Command { argv: vec![argv.into()] }, &files);
        for (name, _) in files {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(plan.code.join(name), permissions).unwrap();
        }
        let ended = bed.run(plan).await;
        let Exit::NotStarted { class, reason, message } = &ended.exit else {
            panic!("{argv}: {:?}", ended.exit)
        };
        assert_eq!((class, reason), (&FailureClass::User, &Reason::StartFailed));
        assert!(message.contains(word), "{argv}: {message}");
        assert_eq!(log_of(&ended)[0].text, message.as_bytes());
    }
}

#[tokio::test]
async fn the_same_key_twice_is_one_attempt_and_release_removes_its_folder() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("echo once >> $RIGI_OUTPUTS/count; sleep 0.2");
    let key = plan.key.clone();
    bed.executor().launch(plan.clone());
    bed.executor().launch(plan);
    let ended = bed.end_of(&key).await;
    let count = std::fs::read_to_string(ended.outputs.unwrap().join("count")).unwrap();
    assert_eq!(count, "once\n");
    bed.executor().release(&key);
    bed.gone(&bed.folder(&key)).await;
}
