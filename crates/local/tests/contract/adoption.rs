//! The server or the supervisor is killed: nothing is lost, or it is told as lost and gone.

use std::time::Duration;

use rigi_model::Exit;
use rigi_work::plan::{Executor, Known, Observation, Phase};

use crate::bed::{Bed, log_of, processes_of, signal, stdout_of};

#[tokio::test]
async fn a_new_server_finds_running_and_ended_attempts() {
    let mut bed = Bed::new().await;
    let fifo = bed.data.path().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let running = bed.shell(&format!("echo before; read word < {}; echo $word; exit 9", fifo.display()));
    let short = bed.shell("echo short");
    let (running, short) = (launch(&mut bed, running).await, launch(&mut bed, short).await);
    bed.end_of(&short).await;
    bed.lines(&running, 1).await;
    let mut bed = bed.reopen().await;
    let mut known = bed.known.clone();
    known.sort_by_key(|known| known.phase == Phase::Ended);
    let expected = [(running.clone(), Phase::Running), (short.clone(), Phase::Ended)]
        .map(|(key, phase)| Known { key, phase });
    assert_eq!(known, expected);
    assert_eq!(stdout_of(&bed.end_of(&short).await), "short\n");
    bed.executor().release(&short);
    std::fs::write(&fifo, "after\n").unwrap();
    let ended = bed.end_of(&running).await;
    assert_eq!(ended.exit, Exit::Code { code: 9 });
    assert_eq!(stdout_of(&ended), "before\nafter\n");
    let bed = bed.reopen().await;
    assert_eq!(bed.known, [Known { key: running, phase: Phase::Ended }]);
}

async fn launch(bed: &mut Bed, plan: rigi_work::AttemptPlan) -> rigi_model::AttemptKey {
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.started(&key).await;
    key
}

#[tokio::test]
async fn a_killed_supervisor_loses_its_attempts_and_leaves_no_process() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("(setsid sleep 1000 &); (env -i sleep 1000 &); echo begun; sleep 1000");
    let lost = launch(&mut bed, plan).await;
    let plan = bed.shell("echo ended");
    let ended = launch(&mut bed, plan).await;
    bed.end_of(&ended).await;
    bed.lines(&lost, 1).await;
    let before = bed.supervisor_pid();
    signal(before, 9);
    let end = bed.end_of(&lost).await;
    assert!(matches!(end.exit, Exit::Lost { .. }), "{:?}", end.exit);
    assert_eq!(stdout_of(&end), "begun\n");
    assert_eq!(log_of(&end).len(), 2);
    assert_eq!(processes_of(&lost.run), [0i32; 0]);
    assert_ne!(bed.supervisor_pid(), before);
    let plan = bed.shell("echo next");
    assert_eq!(stdout_of(&bed.run(plan).await), "next\n");
    // What had ended is said again by the new one.
    bed.executor().release(&lost);
    bed.gone(&bed.folder(&lost)).await;
    let bed = bed.reopen().await;
    assert!(bed.known.contains(&Known { key: ended, phase: Phase::Ended }));
    assert!(!bed.known.iter().any(|known| known.key == lost));
}

#[tokio::test]
async fn a_supervisor_with_nothing_to_do_ends_and_is_started_again() {
    let mut bed = Bed::new().await;
    let before = bed.supervisor_pid();
    bed.executor().quit().await;
    let since = std::time::Instant::now();
    while crate::bed::is_alive(before) {
        assert!(since.elapsed() < crate::bed::BOUND);
        tokio::task::yield_now().await;
    }
    let plan = bed.shell("echo again");
    assert_eq!(stdout_of(&bed.run(plan).await), "again\n");
    assert_ne!(bed.supervisor_pid(), before);
}

#[tokio::test]
async fn a_server_that_is_followed_by_another_comes_back_in_vain() {
    let mut bed = Bed::new().await;
    let (late, next) = (bed.shell("echo late"), bed.shell("echo next"));
    let (late_key, next_key) = (late.key.clone(), next.key.clone());
    let older = bed.follow().await;
    older.launch(late);
    bed.executor().launch(next);
    assert_eq!(stdout_of(&bed.end_of(&next_key).await), "next\n");
    assert!(!bed.folder(&late_key).exists());
}

#[tokio::test]
async fn limits_hold_while_the_server_is_away() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("sleep 1000");
    plan.timeout = Some(Duration::from_millis(400));
    let key = launch(&mut bed, plan).await;
    let mut bed = bed.reopen().await;
    let found = bed.until(&key, |what| matches!(what, Observation::Ended(_))).await;
    let Observation::Ended(ended) = found.what else { panic!() };
    assert_eq!(ended.exit, Exit::TimedOut { limit_us: 400_000 });
}

#[tokio::test]
async fn whenever_the_supervisor_is_killed_every_attempt_ends_and_nothing_runs_on() {
    let mut bed = Bed::new().await;
    for ended_before in [0, 1, 3, 7, 15] {
        let mut keys = Vec::new();
        for i in 0..20 {
            let plan = bed.shell(&format!("(setsid sleep 1000 &); echo begun; sleep 0.0{i:02}; echo done"));
            keys.push(plan.key.clone());
            bed.executor().launch(plan);
        }
        for key in &keys[..ended_before] {
            bed.end_of(key).await;
        }
        signal(bed.supervisor_pid(), 9);
        for key in &keys {
            let ended = bed.end_of(key).await;
            let text = stdout_of(&ended);
            match ended.exit {
                Exit::Code { code: 0 } => assert_eq!(text, "begun\ndone\n"),
                Exit::Lost { .. } => assert!("begun\ndone\n".starts_with(&text), "{text}"),
                other => panic!("{other:?}"),
            }
            assert_eq!(processes_of(&key.run), [0i32; 0]);
            bed.executor().release(key);
        }
    }
}

#[tokio::test]
async fn whenever_the_server_is_killed_no_line_and_no_end_is_missing() {
    let mut bed = Bed::new().await;
    for ended_before in [0, 1, 3, 7, 15] {
        let mut keys = Vec::new();
        for i in 0..20 {
            let plan = bed.shell(&format!("for i in 1 2 3 4 5; do echo $i; sleep 0.0{i:02}; done; exit {i}"));
            keys.push(plan.key.clone());
            bed.executor().launch(plan);
        }
        for key in &keys[..ended_before] {
            bed.end_of(key).await;
        }
        bed = bed.reopen().await;
        for (i, key) in (0..).zip(&keys) {
            if bed.known.iter().any(|known| known.key == *key) {
                let ended = bed.end_of(key).await;
                assert_eq!(
                    (ended.exit.clone(), stdout_of(&ended)),
                    (Exit::Code { code: i }, "1\n2\n3\n4\n5\n".into())
                );
            } else {
                assert!(ended_before == 0, "{key} was launched long ago");
            }
            bed.executor().release(key);
        }
    }
}
