//! What was written is read again, whatever happened in between.

use rigi_model::{Exit, RunId, Usage};
use rigi_work::outputs::LeftOut;
use rigi_work::plan::EndedLog;

use super::*;

fn key(number: u128) -> AttemptKey {
    AttemptKey { run: RunId::from_bits(number), number: 1 }
}

fn ended(inline: &[u8]) -> Ended {
    let log = EndedLog { lines: 1, inline: inline.to_vec(), ..EndedLog::default() };
    let exit = Exit::Code { code: 3 };
    let (usage, stored) = (Usage::default(), Vec::new());
    Ended { exit, started_at: None, usage, log, route: None, outputs: None, stored, left: LeftOut::default() }
}

#[test]
fn a_new_supervisor_reads_what_is_not_released() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), "boot", &Past::default()).unwrap();
    for number in 1..=3 {
        journal.append(&Record::Accepted { key: key(number) }, &[]);
    }
    let started = Record::Started { key: key(2), pid: 77, boot_us: (5, 9), at: Timestamp(4) };
    journal.append(&started, &[]);
    journal.append_ended(&key(3), Timestamp(8), &ended(b"\0log"));
    journal.append(&Record::Released { key: key(1) }, &[]);
    journal.commit().unwrap();
    drop(journal);
    for boot in ["boot", "another"] {
        let past = read(folder.path(), boot).unwrap();
        assert_eq!(past.attempts.len(), 2);
        assert_eq!(past.attempts[&key(2)].process, Some((77, (5, 9), Timestamp(4))));
        assert_eq!(past.attempts[&key(3)].ended, Some((Timestamp(8), ended(b"\0log"))));
        assert_eq!(past.rebooted, boot == "another");
        // Opening takes everything over.
        drop(Journal::open(folder.path(), "boot", &past).unwrap());
        assert_eq!(segments(folder.path()).unwrap().len(), 1);
    }
}

#[test]
fn a_torn_end_hides_nothing_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), "boot", &Past::default()).unwrap();
    journal.append(&Record::Accepted { key: key(1) }, &[]);
    journal.commit().unwrap();
    let path = segment(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    journal.append(&Record::Accepted { key: key(2) }, &[]);
    journal.commit().unwrap();
    let both = fs::read(&path).unwrap();
    for cut in whole.len()..both.len() {
        fs::write(&path, &both[..cut]).unwrap();
        assert_eq!(read(folder.path(), "boot").unwrap().attempts.len(), 1);
    }
    let mut flipped = both;
    flipped[whole.len() + 20] ^= 1;
    fs::write(&path, &flipped).unwrap();
    assert_eq!(read(folder.path(), "boot").unwrap().attempts.len(), 1);
}

#[test]
fn a_damaged_record_is_named_and_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), "boot", &Past::default()).unwrap();
    journal.append(&Record::Accepted { key: key(1) }, &[]);
    journal.commit().unwrap();
    let path = segment(folder.path(), 1);
    let first = fs::metadata(&path).unwrap().len() as usize;
    journal.append_ended(&key(2), Timestamp(8), &ended(&[7; 300]));
    journal.commit().unwrap();
    let second = fs::metadata(&path).unwrap().len() as usize;
    journal.append(&Record::Accepted { key: key(3) }, &[]);
    journal.commit().unwrap();
    let good = fs::read(&path).unwrap();
    assert_eq!(check(folder.path()).unwrap(), (1, vec![]));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let (_, damaged) = check(folder.path()).unwrap();
        assert_eq!(damaged.len(), 1, "byte {at}");
        assert!(damaged[0].1 <= at);
    }
    // Beyond its lengths, that is.
    for at in first + 12..second {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let past = read(folder.path(), "boot").unwrap();
        assert_eq!(past.attempts.keys().collect::<Vec<_>>(), [&key(1), &key(3)], "byte {at}");
    }
}

#[test]
fn it_stays_small_however_long_one_attempt_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), "boot", &Past::default()).unwrap();
    journal.append(&Record::Accepted { key: key(1) }, &[]);
    let log = vec![7; 16 * 1024];
    for number in 2..2000 {
        journal.append(&Record::Accepted { key: key(number) }, &[]);
        journal.append_ended(&key(number), Timestamp(1), &ended(&log));
        journal.append(&Record::Released { key: key(number) }, &[]);
        journal.commit().unwrap();
    }
    assert_eq!(segments(folder.path()).unwrap().len(), 1);
    let past = read(folder.path(), "boot").unwrap();
    assert_eq!(past.attempts.keys().collect::<Vec<_>>(), [&key(1)]);
}

#[test]
fn a_whole_record_of_another_version_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), "boot", &Past::default()).unwrap();
    journal.append(&Record::Accepted { key: key(1) }, &[]);
    journal.commit().unwrap();
    drop(journal);
    let path = segment(folder.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    frame::encode(&mut bytes, &serde_json::json!({ "Paused": { "key": key(1) } }), b"tail");
    let crc = crc32fast::hash(&bytes[start + 4..]);
    bytes[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let refused = read(folder.path(), "boot").unwrap_err().to_string();
    assert!(refused.contains("another version") && refused.contains("Paused"), "{refused}");
    // Half of it is a torn end like any other.
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(read(folder.path(), "boot").unwrap().attempts.len(), 1);
}
