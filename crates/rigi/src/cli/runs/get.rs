//! `rigi runs get`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::{AttemptView, RunView, UsageView};
use rigi_model::Timestamp;
use rigi_model::quantity::{show_bytes, show_cpu, show_duration};

use super::earlier::{earlier, lines};
use crate::cli::output::{OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::cut;
use crate::cli::words::{date, labels, many, started_by, state_colour, state_words};
use crate::terminal::Exit;
use crate::terminal::{Terminal, say};

/// `rigi runs get`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi runs get 7Q2A -o json")]
pub struct Get {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    #[command(flatten)]
    output: OutputArgs,
}

impl Get {
    /// Prints it.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let run: RunView = session.block_on(async { Ok(client.get(&["runs", &self.run], &[]).await?) })?;
        if self.output.is_for_people() {
            let earlier = session.block_on(async { Ok(earlier(&client, &run.summary).await?) })?;
            say(&show(&run, &earlier, Timestamp::now(), &session.terminal))?;
        } else {
            print_value(&run, self.output, || vec![run.summary.id.to_string()])?;
        }
        Ok(Exit::Ok.into())
    }
}

fn show(run: &RunView, earlier: &[AttemptView], now: Timestamp, terminal: &Terminal) -> String {
    let summary = &run.summary;
    let state = terminal.paint(state_colour(summary.state), &state_words(summary, now));
    let optional = |at: Option<Timestamp>| at.map(date).unwrap_or_default();
    let started = match summary.duration_ms {
        Some(ms) => {
            format!("{}, took {}", optional(summary.started_at), show_duration(Duration::from_millis(ms)))
        }
        None => optional(summary.started_at),
    };
    let exit = match (run.exit_code, run.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), None) => code.to_string(),
        (None, None) => String::new(),
    };
    let inputs: Vec<String> = run
        .inputs
        .iter()
        .map(|input| format!("{}={} ({})", input.input, input.name, show_bytes(input.size)))
        .collect();
    let artifacts = match run.artifacts.count {
        0 => String::new(),
        files => format!("{}, {}", many(files, "file"), show_bytes(run.artifacts.bytes)),
    };
    facts(&[
        ("run", summary.id.to_string()),
        ("pipeline", summary.pipeline.clone()),
        ("state", state),
        ("accepted", format!("{} by {}", date(summary.created_at), started_by(&summary.trigger))),
        ("started", started),
        ("attempt", format!("{} of {}", summary.attempt, summary.max_attempts)),
        ("before it", lines(earlier).join("\n")),
        ("exit", exit),
        ("route", cut(&run.route.clone().unwrap_or_default(), terminal.width.saturating_sub(12).max(20))),
        ("code", code(run)),
        (
            "runs in",
            run.environment
                .as_ref()
                .map_or_else(|| run.target.clone(), |e| format!("{} ({})", e.label, run.target)),
        ),
        ("parameters", parameters(run, terminal.width.saturating_sub(12))),
        ("inputs", inputs.join(", ")),
        ("secrets", secrets(run)),
        ("labels", labels(&summary.labels)),
        ("used", used(run.usage)),
        ("limits", limits(run)),
        ("log", format!("{}{}", many(run.log.lines, "line"), cut_words(run.log.cut_bytes))),
        ("outputs", artifacts),
    ])
}

fn cut_words(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(", {} more were not kept", show_bytes(bytes)) }
}

fn code(run: &RunView) -> String {
    let version: String = run.version.chars().take(12).collect();
    let Some(git) = &run.git else { return version };
    let commit: String = git.commit.chars().take(7).collect();
    let branch = git.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let dirty = if git.dirty { ", with changes that were not committed" } else { "" };
    let from = git.repository.as_ref().map(|repository| format!(" of {repository}")).unwrap_or_default();
    let page = git.page.as_ref().map(|page| format!("\n{page}")).unwrap_or_default();
    format!("{version} (commit {commit}{branch}{from}{dirty}){page}")
}

fn parameters(run: &RunView, width: usize) -> String {
    let pairs: Vec<String> = run.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    cut(&pairs.join(" "), width.max(20))
}

/// With their versions; those that were others in the run that it repeats are said to be so.
fn secrets(run: &RunView) -> String {
    let each: Vec<String> =
        run.secrets.iter().map(|(name, version)| format!("{name} (version {version})")).collect();
    match run.secrets_changed.as_slice() {
        [] => each.join(", "),
        changed => format!("{}; not as in the run that it repeats: {}", each.join(", "), changed.join(", ")),
    }
}

fn used(usage: UsageView) -> String {
    if usage.cpu_ms == 0 && usage.max_memory == 0 {
        return String::new();
    }
    let cpu = show_duration(Duration::from_millis(usage.cpu_ms));
    format!("{cpu} of cpu, {} of memory at most", show_bytes(usage.max_memory))
}

fn limits(run: &RunView) -> String {
    let limits = &run.limits;
    let parts = [
        limits.cpu.map(show_cpu),
        limits.memory.map(|bytes| format!("{} of memory", show_bytes(bytes))),
        limits.timeout_ms.map(|ms| format!("{} of time", show_duration(Duration::from_millis(ms)))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    // A priority other than the usual one explains why it waits, or not.
    match run.summary.priority {
        0 => parts.join(", "),
        priority if parts.is_empty() => format!("priority {priority}"),
        priority => format!("{}, priority {priority}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_said() {
        assert_eq!(cut_words(0), "");
        assert_eq!(cut_words(2 << 20), ", 2 MiB more were not kept");
    }
}
