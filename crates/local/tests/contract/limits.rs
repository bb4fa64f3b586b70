//! Hard limits: what breaks one is ended and named.

use rigi_model::Exit;
use rigi_model::log::Stream;
use rigi_work::plan::{Observation, Sample};

use crate::bed::{Bed, processes_of, stdout_of, text_of};

#[tokio::test]
async fn memory_is_held_and_named() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("python3 -c 'x = bytearray(200 << 20); print(len(x))'");
    plan.limits.memory = Some(64 << 20);
    let ended = bed.run(plan.clone()).await;
    // Where there are no control groups the program itself is told, and says so.
    match &ended.exit {
        Exit::OutOfMemory { limit } => assert_eq!(*limit, Some(64 << 20)),
        other => panic!("{other:?}"),
    }
    let system = text_of(&ended, Stream::System);
    assert!(system.contains("limit of 64 MiB of memory"), "{system}");
    plan.key.number = 2;
    plan.limits.memory = Some(512 << 20);
    let ended = bed.run(plan).await;
    assert_eq!(ended.exit, Exit::Code { code: 0 });
    assert!(ended.usage.max_memory >= 200 << 20);
}

#[tokio::test]
async fn too_many_processes_are_ended() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("for i in $(seq 600); do sleep 1000 & done; wait");
    let run = plan.key.run.clone();
    assert_eq!(
        bed.run(plan.clone()).await.exit,
        Exit::LimitExceeded { what: "processes".into(), limit: 512 }
    );
    assert_eq!(processes_of(&run), [0i32; 0]);
    plan.key.number = 2;
    plan.limits.processes = Some(20);
    assert_eq!(bed.run(plan).await.exit, Exit::LimitExceeded { what: "processes".into(), limit: 20 });
    assert_eq!(processes_of(&run), [0i32; 0]);
}

#[tokio::test]
async fn files_and_outputs_stay_within_their_size() {
    let mut bed = Bed::new().await;
    for line in [
        "head -c 5000000 /dev/zero > $RIGI_OUTPUTS/big; echo not reached",
        "for i in 1 2 3 4; do head -c 900000 /dev/zero > $RIGI_OUTPUTS/$i; done",
    ] {
        let mut plan = bed.shell(&format!("exec 2>/dev/null; set -e; {line}"));
        plan.limits.output_size = Some(1_000_000);
        let ended = bed.run(plan).await;
        let over = Exit::LimitExceeded { what: "output_size".into(), limit: 1_000_000 };
        // A shell reports the signal that ended its child as 128 + 25.
        assert!(ended.exit == over || ended.exit == Exit::Code { code: 153 }, "{line}: {:?}", ended.exit);
    }
}

#[tokio::test]
async fn open_files_and_cores_are_limited() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("sleep 0.1; ulimit -n; ulimit -c");
    plan.limits.open_files = Some(77);
    assert_eq!(stdout_of(&bed.run(plan).await), "77\n0\n");
    let mut plan = bed.shell("timeout 1 sh -c 'while :; do :; done'; true");
    plan.limits.cpu = Some(0.2);
    let ended = bed.run(plan).await;
    assert!(ended.usage.cpu_us < 500_000, "{:?}", ended.usage);
}

#[tokio::test]
async fn samples_add_up_the_whole_tree() {
    let mut bed = Bed::new().await;
    let plan =
        bed.shell("(setsid sleep 1.6 &); python3 -c 'import time; x = bytearray(50 << 20); time.sleep(1.6)'");
    let key = plan.key.clone();
    bed.run(plan).await;
    let samples: Vec<Sample> = bed
        .seen(&key)
        .iter()
        .filter_map(|observed| match observed.what {
            Observation::Sample(sample) => Some(sample),
            _ => None,
        })
        .collect();
    assert!(samples.iter().any(|sample| sample.memory > 50 << 20 && sample.processes >= 2), "{samples:?}");
}
