//! At the end of an attempt nothing of it is left, wherever it tried to go.

use std::time::{Duration, Instant};

use rigi_model::Exit;
use rigi_work::plan::Executor;

use crate::bed::{Bed, processes_of, stdout_of};

#[tokio::test]
async fn what_it_leaves_behind_is_killed() {
    let mut bed = Bed::new().await;
    for line in [
        "sleep 1000 & echo done",
        "setsid sleep 1000 & echo done",
        "setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 & wait' & sleep 0.1; echo done",
        "(setsid sh -c 'trap \"\" TERM HUP; sleep 1000' >/dev/null 2>&1 </dev/null &) ; sleep 0.1; echo done",
    ] {
        let plan = bed.shell(line);
        let run = plan.key.run.clone();
        let since = Instant::now();
        let ended = bed.run(plan).await;
        assert_eq!(
            (ended.exit.clone(), stdout_of(&ended).as_str()),
            (Exit::Code { code: 0 }, "done\n"),
            "{line}"
        );
        assert_eq!(processes_of(&run), [0i32; 0], "{line}");
        assert!(since.elapsed() < Duration::from_secs(4), "{line}: {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn a_stray_without_its_marker_is_killed_once_nobody_can_own_it() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("env -i setsid sleep 4321 & sleep 0.1");
    bed.run(plan).await;
    let found = std::process::Command::new("pgrep").args(["-fx", "sleep 4321"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[tokio::test]
async fn one_attempts_strays_do_not_die_with_anothers() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("(setsid sh -c 'sleep 0.5; echo alive' &); sleep 1; echo end");
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.started(&key).await;
    for _ in 0..5 {
        let plan = bed.shell("true");
        bed.run(plan).await;
    }
    assert_eq!(stdout_of(&bed.end_of(&key).await), "alive\nend\n");
}

#[tokio::test]
async fn closed_output_is_no_end() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("exec >&- 2>&-; sleep 0.3; exit 5");
    let since = Instant::now();
    assert_eq!(bed.run(plan).await.exit, Exit::Code { code: 5 });
    assert!(since.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn ten_thousand_processes_are_ended_with_it() {
    let mut bed = Bed::new().await;
    // Shells that wait for a writer that never comes, and some in sessions of their own.
    let mut plan = bed.shell(
        "mkfifo never; i=0; while [ $i -lt 10000 ]; do (read x < never) & i=$((i+1)); done; \
         for i in 1 2 3 4 5 6 7 8 9; do setsid sleep 1000 & done; echo all; read x < never",
    );
    plan.limits.processes = None;
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.lines(&key, 1).await;
    bed.executor().stop(&key, Duration::from_millis(1));
    assert_eq!(bed.end_of(&key).await.exit, Exit::Stopped);
    assert_eq!(processes_of(&key.run), [0i32; 0]);
}
