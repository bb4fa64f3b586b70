use std::path::Path;

use rigi_model::log::{Scanner, decode_lines};
use rigi_model::{RunId, Usage};
use tempfile::TempDir;

use rigi_model::log::{Encoder, Stream, Unfinished};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::{EndedLog, STOPPED, StoredFile};
use rigi_work::wire::{LastWord, MOST_STORED};

use super::*;

type Seen = mpsc::UnboundedReceiver<Observed>;

fn open_in(root: &Path) -> (Remote, Seen) {
    let (sender, seen) = mpsc::unbounded_channel();
    (Remote::open(root.join("remote"), TokenKey::new([1; 32]), sender).unwrap(), seen)
}

fn claimed(root: &TempDir) -> (Remote, Seen, AttemptKey) {
    let (remote, seen) = open_in(root.path());
    let key = AttemptKey { run: RunId::generate(), number: 1 };
    assert!(remote.expect(&key, &Target::CONTAINER).unwrap());
    remote.claim(&key, &claim("one", 0), Timestamp(0)).unwrap();
    (remote, seen, key)
}

fn claim(runner: &str, now: i64) -> Claim {
    Claim { runner: runner.into(), version: "1".into(), now: Timestamp(now) }
}

fn block(first: u64, texts: &[&str]) -> Vec<u8> {
    let mut encoder = Encoder::new(first);
    for text in texts {
        encoder.write(Timestamp(1), Stream::Stdout, format!("{text}\n").as_bytes());
    }
    let mut bytes = Vec::new();
    encoder.take(&mut bytes);
    bytes
}

fn ended(exit: Exit) -> Ended {
    let (usage, log, stored) = (Usage::default(), EndedLog::default(), Vec::new());
    Ended {
        exit,
        started_at: Some(Timestamp(5)),
        usage,
        log,
        route: None,
        outputs: None,
        stored,
        left: LeftOut::default(),
    }
}

fn last(exit: Exit, log_bytes: u64) -> LastWord {
    LastWord { at: Timestamp(10), log_bytes, outputs: false, ended: ended(exit) }
}

fn end_of(seen: &mut Seen) -> Ended {
    loop {
        if let Observation::Ended(ended) = seen.try_recv().unwrap().what {
            return *ended;
        }
    }
}

fn texts(file: &Path) -> Vec<String> {
    let mut scanner = Scanner::new(std::fs::File::open(file).unwrap());
    let mut found = Vec::new();
    while let Some(block) = scanner.next_block().unwrap() {
        let body = scanner.read_body(&block).unwrap();
        for line in decode_lines(&block.header, &body).unwrap() {
            assert_eq!(line.number, found.len() as u64 + 1);
            found.push(String::from_utf8_lossy(line.text).into_owned());
        }
    }
    found
}

#[test]
fn the_first_runner_has_the_attempt() {
    let root = tempfile::tempdir().unwrap();
    let (remote, _seen, key) = claimed(&root);
    remote.claim(&key, &claim("one", 0), Timestamp(9)).unwrap();
    assert!(matches!(remote.claim(&key, &claim("two", 0), Timestamp(0)), Err(Refusal::Taken(_))));
    let other = AttemptKey { number: 2, ..key };
    assert!(matches!(remote.claim(&other, &claim("one", 0), Timestamp(0)), Err(Refusal::Gone(_))));
}

#[test]
fn a_log_that_is_sent_twice_is_kept_once() {
    let root = tempfile::tempdir().unwrap();
    let (remote, _seen, key) = claimed(&root);
    let (one, two) = (block(1, &["a", "b"]), block(3, &["c"]));
    let length = remote.log(&key, 0, 2, &one).unwrap();
    assert_eq!(length, one.len() as u64);
    assert_eq!(remote.log(&key, 0, 2, &one).unwrap(), length);
    assert!(matches!(remote.log(&key, length + 1, 3, &two), Err(Refusal::Gap(at)) if at == length));
    remote.log(&key, 0, 3, &[one, two].concat()).unwrap();
    assert_eq!(texts(&remote.log_file(&key)), ["a", "b", "c"]);
}

#[test]
fn an_attempt_of_another_server_goes_on_with_the_runner_that_has_it() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen) = open_in(root.path());
    let key = AttemptKey { run: RunId::generate(), number: 1 };
    remote.adopt(&key, &Target::KUBERNETES, true).unwrap();
    assert_eq!(remote.known(&Target::KUBERNETES), [Known { key: key.clone(), phase: Phase::Running }]);
    assert!(matches!(remote.claim(&key, &claim("another", 0), Timestamp(0)), Err(Refusal::Taken(_))));
    // It says what it has sent elsewhere once more.
    let (one, two) = (block(1, &["a"]), block(2, &["b"]));
    let sent = one.len() as u64;
    assert!(matches!(remote.log(&key, sent, 2, &two), Err(Refusal::Gap(0))));
    let length = remote.log(&key, 0, 2, &[one, two].concat()).unwrap();
    // Outputs that another server got are not here.
    let word = LastWord { outputs: true, ..last(Exit::Code { code: 0 }, length) };
    assert!(matches!(remote.end(&key, word.clone()), Err(Refusal::Gap(at)) if at == length));
    remote.outputs(&key, tar_of("a.txt", b"a").as_slice()).unwrap();
    remote.end(&key, word).unwrap();
    assert!(end_of(&mut seen).outputs.is_some());

    // One that had not begun is its first runner's, wherever that has claimed it.
    let key = AttemptKey { number: 2, ..key };
    remote.adopt(&key, &Target::KUBERNETES, false).unwrap();
    let report = Report {
        first: 3,
        said: vec![Said { at: Timestamp(5), what: wire::Seen::Started { pid: 7 } }],
        unfinished: None,
    };
    remote.report(&key, report).unwrap();
    assert!(matches!(remote.claim(&key, &claim("another", 0), Timestamp(0)), Err(Refusal::Taken(_))));
    assert!(remote.has_started(&key));
    drop(remote);
    let found = open_in(root.path()).0.known(&Target::KUBERNETES);
    assert!(found.contains(&Known { key, phase: Phase::Running }), "{found:?}");
}

#[test]
fn an_end_survives_the_server_until_it_is_forgotten() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    let bytes = block(1, &["a"]);
    remote.log(&key, 0, 1, &bytes).unwrap();
    let word = last(Exit::Code { code: 0 }, bytes.len() as u64);
    assert!(matches!(remote.end(&key, LastWord { log_bytes: 10_000, ..word.clone() }), Err(Refusal::Gap(_))));
    remote.end(&key, word.clone()).unwrap();
    // The answer was lost.
    remote.end(&key, word).unwrap();
    assert_eq!(end_of(&mut seen).exit, Exit::Code { code: 0 });
    assert!(seen.try_recv().is_err());
    drop(remote);
    let (remote, mut seen) = open_in(root.path());
    assert_eq!(remote.known(&Target::CONTAINER), [Known { key: key.clone(), phase: Phase::Ended }]);
    assert_eq!(remote.known(&Target::KUBERNETES), []);
    assert_eq!(end_of(&mut seen).exit, Exit::Code { code: 0 });
    remote.forget(&key);
    assert!(open_in(root.path()).0.known(&Target::CONTAINER).is_empty());
}

#[test]
fn an_end_that_the_executor_sees_says_so_behind_what_arrived() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    remote.log(&key, 0, 2, &block(1, &["a", "b"])).unwrap();
    drop(remote);
    let (remote, mut again) = open_in(root.path());
    assert!(seen.try_recv().is_ok());
    remote.end_here(&key, Exit::OutOfMemory { limit: None }, b"c\nd", &["Killed.".to_owned()]);
    let ended = end_of(&mut again);
    assert_eq!(ended.log.lines, 5);
    assert_eq!(texts(ended.log.file.as_deref().unwrap()), ["a", "b", "c", "d", "Killed."]);
    assert!(matches!(remote.log(&key, 0, 1, b""), Err(Refusal::Gone(_))));
}

#[test]
fn a_runner_that_was_told_to_end_by_somebody_else_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    remote.end(&key, last(Exit::Stopped, 0)).unwrap();
    assert!(matches!(end_of(&mut seen).exit, Exit::Lost { .. }));
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    assert!(remote.stopping(&key));
    remote.end(&key, last(Exit::Stopped, 0)).unwrap();
    let ended = end_of(&mut seen);
    assert_eq!(ended.exit, Exit::Stopped);
    assert_eq!(texts(ended.log.file.as_deref().unwrap()), [STOPPED]);
    // Before its start, its runner has said so itself.
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    assert!(remote.stopping(&key));
    let mut early = last(Exit::Stopped, 0);
    early.ended.started_at = None;
    remote.end(&key, early).unwrap();
    assert_eq!(end_of(&mut seen).log.file, None);
}

#[test]
fn nobody_is_blamed_before_the_executor_has_looked() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    let target = remote.with(&key, |attempt| attempt.record.target.clone()).unwrap();
    remote.blind(&target);
    assert!(matches!(remote.end(&key, last(Exit::Stopped, 0)), Err(Refusal::Early(_))));
    assert!(remote.is_open(&key));
    remote.moves(&key, "a drain".into());
    remote.end(&key, last(Exit::Stopped, 0)).unwrap();
    assert_eq!(end_of(&mut seen).exit, Exit::Evicted { message: "a drain".into() });

    // What it did itself is not in doubt, and nothing is once everything was seen.
    for (exit, sees) in [(Exit::Code { code: 0 }, false), (Exit::Stopped, true)] {
        let root = tempfile::tempdir().unwrap();
        let (remote, mut seen, key) = claimed(&root);
        remote.blind(&target);
        if sees {
            remote.sees(&target);
        }
        remote.end(&key, last(exit, 0)).unwrap();
        end_of(&mut seen);
    }
}

#[test]
fn a_runner_that_is_moved_out_of_the_way_says_by_what() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    remote.moves(&key, "a drain".into());
    remote.end(&key, last(Exit::Stopped, 0)).unwrap();
    let ended = end_of(&mut seen);
    assert_eq!(ended.exit, Exit::Evicted { message: "a drain".into() });
    assert_eq!(texts(ended.log.file.as_deref().unwrap()), ["A drain."]);
    // Its own end stays what it is.
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    remote.moves(&key, "a drain".into());
    remote.end(&key, last(Exit::Code { code: 0 }, 0)).unwrap();
    assert_eq!(end_of(&mut seen).exit, Exit::Code { code: 0 });
}

#[test]
fn times_are_told_in_the_servers_clock() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen) = open_in(root.path());
    let key = AttemptKey { run: RunId::generate(), number: 1 };
    remote.expect(&key, &Target::CONTAINER).unwrap();
    remote.claim(&key, &claim("one", 1_000), Timestamp(61_000)).unwrap();
    let said = Said { at: Timestamp(2_000), what: wire::Seen::Started { pid: 7 } };
    let report = Report { first: 0, said: vec![said], unfinished: None };
    remote.report(&key, report.clone()).unwrap();
    remote.report(&key, report).unwrap();
    assert_eq!(seen.try_recv().unwrap().at, Timestamp(62_000));
    assert!(seen.try_recv().is_err(), "heard once");
    assert!(remote.has_started(&key));
}

#[test]
fn unfinished_lines_are_told_and_a_runner_need_not_know_of_them() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen, key) = claimed(&root);
    let line = Unfinished { stream: Stream::Stderr, text: "50 %".into() };
    let report = Report { first: 0, said: Vec::new(), unfinished: Some(vec![line.clone()]) };
    remote.report(&key, report).unwrap();
    assert_eq!(seen.try_recv().unwrap().what, Observation::Unfinished(vec![line]));
    let older: Report = serde_json::from_str(r#"{"first": 0, "said": []}"#).unwrap();
    remote.report(&key, older).unwrap();
    assert!(seen.try_recv().is_err(), "there is no news of them");
}

#[test]
fn an_attempt_that_cannot_be_noted_down_ends_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (remote, mut seen) = open_in(root.path());
    let key = AttemptKey { run: RunId::generate(), number: 1 };
    std::fs::write(root.path().join("remote"), "a file where the folder must be").unwrap();
    let error = remote.expect(&key, &Target::CONTAINER).unwrap_err();
    remote.refuse(key, &error);
    let ended = end_of(&mut seen);
    assert!(matches!(ended.exit, Exit::NotStarted { reason: Reason::StagingFailed, .. }), "{:?}", ended.exit);
    assert_eq!(ended.log.lines, 1);
}

/// A tar stream with this file.
fn tar_of(path: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn what_is_stored_already_is_known_at_the_end_whatever_happens_to_the_server() {
    let root = tempfile::tempdir().unwrap();
    let (remote, _, key) = claimed(&root);
    let stored = |path: &str| StoredFile {
        path: path.into(),
        sha256: rigi_model::ContentHash::new([10; 32]),
        size: 1 << 30,
    };
    remote.stored(&key, &[stored("dropped")]).unwrap();
    remote.stored(&key, &[stored("maps/big.tif")]).unwrap();
    drop(remote);
    let (remote, _seen) = open_in(root.path());
    // The stream broke, and comes once more.
    remote.outputs(&key, tar_of("half", b"x").as_slice()).unwrap();
    remote.outputs(&key, tar_of("maps/small.csv", b"a,b").as_slice()).unwrap();
    // What the runner itself says in its last word is not asked for.
    let mut word = last(Exit::Code { code: 0 }, 0);
    word.ended.stored = vec![stored("never-told")];
    drop(remote);
    let (remote, _seen) = open_in(root.path());
    remote.end(&key, word).unwrap();
    drop(remote);
    let ended = end_of(&mut open_in(root.path()).1);
    assert_eq!(ended.stored, [stored("maps/big.tif")]);
    let outputs = ended.outputs.unwrap();
    let length = |path: &str| std::fs::metadata(outputs.join(path)).map(|facts| facts.len()).ok();
    assert_eq!((length("maps/big.tif"), length("maps/small.csv"), length("half")), (Some(0), Some(3), None));
}

#[test]
fn a_stored_file_that_leaves_its_folder_or_is_in_the_way_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (remote, _seen, key) = claimed(&root);
    let stored = |path: String| StoredFile { path, sha256: rigi_model::ContentHash::new([10; 32]), size: 1 };
    for path in ["../x", "/etc/x", "a/../../x", "a/./b", ""] {
        let refused = remote.stored(&key, &[stored("good".into()), stored(path.into())]);
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{path}: {refused:?}");
    }
    let many: Vec<_> = (0..=MOST_STORED).map(|n| stored(n.to_string())).collect();
    assert!(matches!(remote.stored(&key, &many), Err(Refusal::Invalid(_))));
    remote.stored(&key, &[stored("a".into())]).unwrap();
    for path in ["a", "a/b"] {
        let refused = remote.outputs(&key, tar_of(path, b"x").as_slice());
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{path}: {refused:?}");
    }
    let other = AttemptKey { number: 2, ..key };
    assert!(matches!(remote.stored(&other, &[]), Err(Refusal::Gone(_))));
}
