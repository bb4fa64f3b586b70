//! What attempts print is kept: in order, with times, whatever it is, up to the limit.

use rigi_model::Exit;
use rigi_model::log::{Ending, PIECE_LEN, Stream, Unfinished};
use rigi_work::plan::{Executor, Observation, Observed};

use crate::bed::{Bed, log_of, stdout_of, text_of};

#[tokio::test]
async fn streams_keep_their_order_and_lines_their_times() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; printf end");
    let ended = bed.run(plan).await;
    let lines = log_of(&ended);
    let texts: Vec<_> = lines.iter().map(|line| (line.stream, String::from_utf8_lossy(&line.text))).collect();
    let expected = [
        (Stream::Stdout, "one"),
        (Stream::Stderr, "two"),
        (Stream::Stdout, "three"),
        (Stream::Stdout, "end"),
    ];
    assert_eq!(texts, expected.map(|(stream, text)| (stream, text.into())));
    assert!(lines[1].at - lines[0].at > 50_000 && lines[2].at - lines[1].at > 50_000);
    assert_eq!(lines[3].ending, Ending::Nothing);
}

#[tokio::test]
async fn binary_output_and_long_lines_come_back_as_they_were() {
    let mut bed = Bed::new().await;
    let program = "import sys; w = sys.stdout.buffer.write; w(bytes(range(256)) * 3); w(b'\\n' + b'x' * 100_000 + b'\\n')";
    let plan = bed.shell(&format!("python3 -c \"{program}\""));
    let ended = bed.run(plan).await;
    let lines = log_of(&ended);
    assert!(lines.iter().all(|line| line.text.len() <= PIECE_LEN));
    let mut all = Vec::new();
    for line in &lines {
        all.extend_from_slice(&line.text);
        if line.ending == Ending::Newline {
            all.push(b'\n');
        }
    }
    let expected: Vec<u8> = (0..=255)
        .cycle()
        .take(768)
        .chain(std::iter::once(b'\n'))
        .chain([b'x'; 100_000])
        .chain([b'\n'])
        .collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_log_can_be_followed_while_it_grows() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("echo first; sleep 1000");
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.lines(&key, 1).await;
    let file = bed.executor().log_file(&key);
    assert_eq!(crate::bed::read_log(&std::fs::read(&file).unwrap()).len(), 1);
    bed.executor().stop(&key, std::time::Duration::ZERO);
    let ended = bed.end_of(&key).await;
    assert_eq!(ended.log.file.as_ref(), Some(&file));
}

#[tokio::test]
async fn a_line_that_has_not_ended_is_told_as_it_stands_and_taken_back() {
    let mut bed = Bed::new().await;
    let gate = bed.data.path().join("gate");
    let plan = bed.shell(&format!(
        "printf 'one\\n 5 %%\\r50 %%\\r'; while [ ! -e {} ]; do sleep 0.02; done; echo; sleep 1000",
        gate.display()
    ));
    let key = plan.key.clone();
    bed.executor().launch(plan);
    let bar = vec![Unfinished { stream: Stream::Stdout, text: "50 %".into() }];
    bed.until(&key, |what| *what == Observation::Unfinished(bar.clone())).await;
    std::fs::write(&gate, "").unwrap();
    bed.until(&key, |what| *what == Observation::Unfinished(Vec::new())).await;
    bed.lines(&key, 2).await;
    bed.executor().stop(&key, std::time::Duration::ZERO);
    let ended = bed.end_of(&key).await;
    // It is in the log once, as it was written.
    assert_eq!(stdout_of(&ended), "one\n 5 %\r50 %\r\n");
    let told = |seen: &&Observed| matches!(seen.what, Observation::Unfinished(_));
    assert_eq!(bed.seen(&key).iter().filter(told).count(), 2);
}

#[tokio::test]
async fn too_much_output_is_cut_with_a_mark_and_its_end_is_kept() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("yes 0123456789 | head -c 104857600; echo; echo the last line");
    plan.limits.log_size = Some(1 << 20);
    let ended = bed.run(plan).await;
    assert_eq!(ended.exit, Exit::Code { code: 0 });
    let system = text_of(&ended, Stream::System);
    assert!(system.contains("bytes cut: the log limit of 1 MiB is reached"), "{system}");
    let kept = stdout_of(&ended);
    assert!(kept.ends_with("\nthe last line\n"));
    assert!(kept.len() > (1 << 20) + 32_000 && kept.len() < (1 << 20) + 300_000, "{}", kept.len());
    let written: u64 = 104_857_600 + 15;
    // Lines cut in two count one newline more.
    assert!((ended.log.cut_bytes + kept.len() as u64).abs_diff(written) <= 2);
}

#[tokio::test]
async fn a_hundred_megabytes_are_kept_when_they_may_be() {
    let mut bed = Bed::new().await;
    let mut plan = bed.shell("yes 0123456789 | head -c 104857600");
    plan.limits.log_size = None;
    let ended = bed.run(plan).await;
    assert_eq!(ended.log.lines, 104_857_600 / 11 + 1);
    let bytes: usize = log_of(&ended).iter().map(|line| line.text.len()).sum();
    assert_eq!(bytes as u64, 104_857_600 - 104_857_600 / 11);
}
