//! How a run that is followed looks: its head, its lines, its end.

use std::path::Path;
use std::time::Duration;

use rigi_api::view::{ArtifactView, LogLine, RunView};
use rigi_model::RunState;
use rigi_model::log::Unfinished;
use rigi_model::quantity::{show_bytes, show_duration};

use crate::cli::table::cut;
use crate::cli::words::{clock, quoted, state_colour, state_word};
use crate::terminal::{Colour, Terminal, harmless};

/// Labels and the time of a line take so many columns, so that all text begins in one.
const LABEL: usize = 12;

/// `run 7Q2A of co2-trend (code 3f2a9c1)`
#[must_use]
pub fn headline(run: &RunView) -> String {
    let code: String = run.version.trim_start_matches("sha256:").chars().take(7).collect();
    let of = run.rerun_of.as_ref().map(|of| format!(", again after {}", of.short())).unwrap_or_default();
    format!("run {} of {} (code {code}{of})", run.summary.short, run.summary.pipeline)
}

/// A label and what it says, labels of one width.
#[must_use]
pub fn labelled(terminal: &Terminal, colour: Option<Colour>, label: &str, text: &str) -> String {
    let gap = " ".repeat(LABEL.saturating_sub(label.chars().count()).max(1));
    let label = colour.map_or_else(|| label.to_owned(), |colour| terminal.paint(colour, label));
    format!("{label}{gap}{text}").trim_end().to_owned()
}

/// `12:04:12 !  RuntimeWarning: Mean of empty slice`
#[must_use]
pub fn line_text(line: &LogLine, time: &str, terminal: &Terminal) -> String {
    let text = harmless(last_written(&line.text), terminal.out && terminal.colours);
    let (mark, text) = match line.stream.as_str() {
        "stderr" => (terminal.paint(Colour::Amber, "!"), text),
        "system" => (" ".to_owned(), terminal.paint(Colour::Grey, &text)),
        _ => (" ".to_owned(), text),
    };
    let time =
        if time.is_empty() { String::new() } else { format!("{} ", terminal.paint(Colour::Grey, time)) };
    format!("{time}{mark}  {text}").trim_end().to_owned()
}

/// Instead of lines that cannot be read.
#[must_use]
pub fn unreadable(why: &str) -> String {
    format!(
        "The rest of this attempt's log cannot be read: {why}. `rigi doctor --deep` names what is damaged."
    )
}

/// What a line shows in the end that was written over, as progress bars do.
fn last_written(text: &str) -> &str {
    let text = text.trim_end_matches('\r');
    text.rsplit_once('\r').map_or(text, |(_, last)| last)
}

/// Lines that have not ended, as one line of a terminal.
#[must_use]
pub fn unfinished_line(lines: &[Unfinished], terminal: &Terminal) -> String {
    let texts = lines.iter().map(|line| harmless(last_written(&line.text), false).trim().to_owned());
    let text: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
    if text.is_empty() {
        return String::new();
    }
    cut(&format!("{}{}", " ".repeat(LABEL), text.join(" · ")), terminal.width.saturating_sub(1))
}

/// A line with its local time of the day.
#[must_use]
pub fn timed_line(line: &LogLine, terminal: &Terminal) -> String {
    line_text(line, &clock(line.at), terminal)
}

/// `preparing   Python 3.12 with 14 packages, 1.8 s`; nothing if the run needs no environment.
#[must_use]
pub fn prepared(run: &RunView, terminal: &Terminal) -> Option<String> {
    let environment = run.environment.as_ref()?;
    let took = match environment.took_ms {
        0 => String::new(),
        ms => format!(", {}", show_duration(Duration::from_millis(ms))),
    };
    Some(labelled(terminal, None, "preparing", &format!("{}{took}", environment.label)))
}

/// `succeeded   2.4 s, 1.1 cpu s, 312 MiB at most`
#[must_use]
pub fn ended(run: &RunView, terminal: &Terminal) -> String {
    let summary = &run.summary;
    let mut parts = Vec::new();
    if let Some(ms) = summary.duration_ms {
        parts.push(show_duration(Duration::from_millis(ms)));
        parts.extend(cpu_seconds(run.usage.cpu_ms));
        if run.usage.max_memory > 0 {
            parts.push(format!("{} at most", show_bytes(run.usage.max_memory)));
        }
    }
    let used = parts.join(", ");
    let why = summary
        .message
        .clone()
        .filter(|why| summary.state != RunState::Succeeded && *why != state_word(summary.state));
    let text = match why {
        Some(why) if used.is_empty() => why,
        Some(why) => format!("{why} · {used}"),
        None => used,
    };
    labelled(terminal, Some(state_colour(summary.state)), &state_word(summary.state), &text)
}

/// Two digits; nothing where there is nothing to speak of.
fn cpu_seconds(ms: u64) -> Option<String> {
    let seconds = ms as f64 / 1000.0;
    match ms {
        0..5 => None,
        5..950 => Some(format!("{seconds:.2} cpu s")),
        950..9_950 => Some(format!("{seconds:.1} cpu s")),
        _ => Some(format!("{seconds:.0} cpu s")),
    }
}

/// `outputs     trend.png 48 KiB · table.parquet 31 KiB    (…)`: as many as fit a line.
#[must_use]
pub fn outputs_line(
    artifacts: &[ArtifactView],
    count: u64,
    command: &str,
    terminal: &Terminal,
) -> Option<String> {
    const MOST: usize = 3;
    if artifacts.is_empty() {
        return None;
    }
    let one = |artifact: &ArtifactView| {
        format!("{} {}", harmless(&artifact.path, false), show_bytes(artifact.size))
    };
    let mut texts: Vec<String> = artifacts.iter().take(MOST).map(one).collect();
    if let Some(more) = count.checked_sub(texts.len() as u64).filter(|&more| more > 0) {
        texts.push(format!("{more} more"));
    }
    let text = format!("{}    (`{command}`)", texts.join(" · "));
    Some(labelled(terminal, None, "outputs", &text))
}

/// The command that lists what a run left, wherever it is kept.
#[must_use]
pub fn artifacts_command(short: &str, kept_in: Option<&Path>) -> String {
    let data = kept_in.map(|data| format!(" --data {}", quoted(&data.display().to_string())));
    format!("rigi runs artifacts {short}{}", data.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rigi_model::Timestamp;

    use super::*;

    fn line(stream: &str, text: &str) -> LogLine {
        LogLine { n: 1, at: Timestamp(0), stream: stream.to_owned(), text: text.to_owned(), continues: false }
    }

    fn artifact(path: &str, size: u64) -> ArtifactView {
        ArtifactView {
            path: path.to_owned(),
            output: None,
            attempt: 1,
            size,
            sha256: String::new(),
            media_type: String::new(),
        }
    }

    #[test]
    fn lines_have_their_time_and_mark() {
        let plain = Terminal::plain(80);
        let show = |stream, text| line_text(&line(stream, text), "12:04:11", &plain);
        assert_eq!(show("stdout", "2,225 weeks read"), "12:04:11    2,225 weeks read");
        assert_eq!(show("stderr", "Warning"), "12:04:11 !  Warning");
        assert_eq!(show("stdout", "50 %\r100 %"), "12:04:11    100 %");
        assert_eq!(show("stdout", " 10%\r 50%\r100%\r"), "12:04:11    100%");
        assert_eq!(show("stdout", ""), "12:04:11");
        assert_eq!(line_text(&line("stderr", "x"), "", &plain), "!  x");
    }

    #[test]
    fn the_end_says_what_it_took_and_left() {
        let plain = Terminal::plain(80);
        let says = |ms| cpu_seconds(ms).unwrap_or_default();
        assert_eq!([0, 37, 1_149, 12_600].map(says), ["", "0.04 cpu s", "1.1 cpu s", "13 cpu s"]);
        let artifacts = [artifact("trend.png", 48 << 10), artifact("table.parquet", 31 << 10)];
        assert_eq!(
            outputs_line(&artifacts, 2, &artifacts_command("7Q2A", None), &plain).unwrap(),
            "outputs     trend.png 48 KiB · table.parquet 31 KiB    (`rigi runs artifacts 7Q2A`)"
        );
        assert_eq!(outputs_line(&[], 0, "", &plain), None);
        let elsewhere = artifacts_command("7Q2A", Some(Path::new("/my runs/.rigi")));
        assert_eq!(elsewhere, "rigi runs artifacts 7Q2A --data '/my runs/.rigi'");
    }
}
