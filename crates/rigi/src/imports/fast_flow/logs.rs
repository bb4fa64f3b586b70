//! Log and metric files of Fast-Flow: found in its folder alone, read line by line, within bounds.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use rigi_engine::folder::Folder;
use rigi_model::Timestamp;
use rigi_model::log::{Encoder, Stream};
use rigi_work::plan::Sample;

use super::values::time;

/// Bytes of a file of metrics that are read at most.
const LONGEST_METRICS: u64 = 64 << 20;
/// Samples that are kept of a run, spread over it.
const SAMPLES: usize = 2000;
/// `[2026-08-01 06:00:00.000] `
const STAMP: usize = 26;

/// Opens a file that a row names. The path is one of another machine or container: its last part is looked for in the folder of logs,
/// and no link is followed out of it.
pub(super) fn open(folder: Option<&Path>, named: &str) -> Result<File, String> {
    let Some(folder) = folder else { return Err("no folder of logs was given (`--logs`)".to_owned()) };
    let name = Path::new(named).file_name().ok_or("its name is none")?;
    let file = Folder::open(folder).and_then(|folder| folder.file(Path::new(name)));
    file.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "it is not in the folder of logs".to_owned(),
        _ => format!("it cannot be read: {error}"),
    })
}

/// A log as Rigi keeps one.
#[derive(Debug, Default)]
pub(super) struct ReadLog {
    /// Blocks of lines.
    pub blocks: Vec<u8>,
    pub lines: u64,
    /// Bytes that were more than are kept.
    pub cut: u64,
}

/// Reads a log of at most so many bytes. A line has its time before it; one that has none was said when the one before it was.
pub(super) fn read_log(
    mut from: impl std::io::Read,
    began: Timestamp,
    most: u64,
) -> std::io::Result<ReadLog> {
    let mut encoder = Encoder::new(1);
    let mut read = ReadLog::default();
    let mut at = began;
    let mut lines = BufReader::new((&mut from).take(most));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let (stamped, text) = stamp(&line);
        // A clock that was set back does not take a log apart.
        at = stamped.filter(|stamped| *stamped >= at).unwrap_or(at);
        encoder.write(at, Stream::Stdout, text);
        line.clear();
    }
    encoder.end(at, Stream::Stdout);
    drop(lines);
    read.cut = std::io::copy(&mut from, &mut std::io::sink())?;
    if read.cut > 0 {
        encoder.note(at, &format!("{} bytes more were in the log of Fast-Flow", read.cut));
    }
    read.lines = encoder.lines();
    encoder.take(&mut read.blocks);
    Ok(read)
}

fn stamp(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let stamped = line.first() == Some(&b'[') && line.len() >= STAMP && &line[STAMP - 2..STAMP] == b"] ";
    let text = stamped.then(|| std::str::from_utf8(&line[1..STAMP - 2]).ok()).flatten();
    match text.and_then(time) {
        Some(at) => (Some(at), &line[STAMP..]),
        None => (None, line),
    }
}

/// The samples of a run, and the most memory of them.
pub(super) fn read_metrics(from: impl std::io::Read) -> std::io::Result<(Vec<(Timestamp, Sample)>, u64)> {
    let mut samples = Vec::new();
    for line in BufReader::new(from.take(LONGEST_METRICS)).lines() {
        let Ok(row) = serde_json::from_str::<serde_json::Value>(&line?) else { continue };
        let Some(at) = row["timestamp"].as_str().and_then(time) else { continue };
        let number = |name: &str| row[name].as_f64().filter(|number| number.is_finite() && *number >= 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
        let memory = (number("ram_mb").unwrap_or(0.0) * 1_048_576.0).min(1e18) as u64;
        let cpu = number("cpu_percent").unwrap_or(0.0) / 100.0;
        samples.push((at, Sample { cpu, memory, processes: 0 }));
    }
    let most = samples.iter().map(|(_, sample)| sample.memory).max().unwrap_or(0);
    let step = samples.len().div_ceil(SAMPLES).max(1);
    Ok((samples.into_iter().step_by(step).collect(), most))
}

#[cfg(test)]
mod tests {
    use rigi_store::logs::LogSource;

    use super::*;

    const BEGAN: Timestamp = Timestamp(1_785_564_000_000_000);

    fn lines(text: &[u8], most: u64) -> (Vec<(i64, String)>, ReadLog) {
        let read = read_log(text, BEGAN, most).unwrap();
        let (page, _) = LogSource::Bytes(read.blocks.clone().into()).page(1, 100, None).unwrap();
        let shown = |line: rigi_store::logs::LogLine| {
            ((line.at.0 - BEGAN.0) / 1000, String::from_utf8_lossy(&line.text).into_owned())
        };
        (page.into_iter().map(shown).collect(), read)
    }

    #[test]
    fn a_line_has_the_time_that_stands_before_it() {
        let text = b"no time yet\n[2026-08-01 06:00:01.250] one\n[2026-08-01 06:00:00.500] set back\n[x] two\n\n[2026-08-01 06:00:02.000] ";
        let (lines, read) = lines(text, 1 << 20);
        let expected = [(0, "no time yet"), (1250, "one"), (1250, "set back"), (1250, "[x] two"), (1250, "")];
        assert_eq!(lines[..5], expected.map(|(at, text)| (at, text.to_owned())));
        assert_eq!(read.cut, 0);
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let text = b"[2026-08-01 06:00:01.250] one\n".repeat(100);
        let (shown, read) = lines(&text, 100);
        assert_eq!(read.cut, 2900);
        assert!(shown.last().unwrap().1.contains("2900 bytes more"), "{shown:?}");
        let (empty, _) = lines(b"", 100);
        assert!(empty.is_empty());
    }

    #[test]
    fn metrics_are_samples_and_odd_lines_none() {
        let text = br#"{"timestamp": "2026-08-01T06:00:00+00:00", "cpu_percent": 50.0, "ram_mb": 40.0}
nothing
{"timestamp": "2026-08-01T06:00:02+00:00", "cpu_percent": null, "ram_mb": -1}
{"cpu_percent": 3}
"#;
        let (samples, most) = read_metrics(&text[..]).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!((samples[0].1.cpu, samples[0].1.memory, most), (0.5, 40 << 20, 40 << 20));
        assert_eq!((samples[1].1.cpu, samples[1].1.memory), (0.0, 0));
        let many = "{\"timestamp\": \"2026-08-01T06:00:00\", \"ram_mb\": 1}\n".repeat(5001);
        assert!(read_metrics(many.as_bytes()).unwrap().0.len() <= SAMPLES);
    }

    #[test]
    fn only_files_of_the_folder_are_read() {
        let root = tempfile::tempdir().unwrap();
        let logs = root.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        std::fs::write(logs.join("a.log"), "a").unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), logs.join("link.log")).unwrap();
        std::fs::create_dir(logs.join("folder.log")).unwrap();
        assert!(open(Some(&logs), "/app/logs/a.log").is_ok());
        for wrong in ["/app/logs/b.log", "../secret", "/app/logs/link.log", "folder.log", "..", "/"] {
            assert!(open(Some(&logs), wrong).is_err(), "{wrong}");
        }
        assert!(open(None, "a.log").unwrap_err().contains("--logs"));
    }
}
