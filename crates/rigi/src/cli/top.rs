//! `rigi top`: what runs and what waits, as it changes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rigi_api::view::{Page, RunSummary, RunView, SystemView};
use rigi_model::quantity::{parse_duration, show_bytes, show_duration};
use rigi_model::{RunState, Timestamp};
use tokio::signal::unix::{SignalKind, signal};

use super::output::{OutputArgs, print_value};
use super::session::Session;
use super::table::{Column, Field, Heads, lay_out};
use super::words::{count, many, started_by, state_field, took};
use crate::client::{CallError, Client};
use crate::terminal::{Colour, Exit, Failure, Terminal, say};

/// Runs that are shown, however high the terminal is.
const MOST: usize = 60;
/// Of these, whose use is asked for.
const LOOKED_AT: usize = 20;
/// However often it is asked to.
const SOONEST: Duration = Duration::from_millis(500);
/// Another screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const TO_THE_END: &str = "\x1b[J";
const TO_THE_END_OF_THE_LINE: &str = "\x1b[K";

/// `rigi top`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi top                 until Ctrl-C
  rigi top --every 10s
  rigi top | cat           once")]
pub struct Top {
    /// How often it looks
    #[arg(long, value_name = "TIME", default_value = "2s")]
    every: String,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    Column::fixed("RUN"),
    Column::elastic("PIPELINE", 10),
    Column::elastic("STATE", 12),
    Column::ranked("TOOK", 1),
    Column::ranked("CPU", 2),
    Column::ranked("MEMORY", 2),
    Column::ranked("TARGET", 3),
    Column::ranked("BY", 4),
];

/// A moment of the server.
struct Moment {
    system: SystemView,
    runs: Vec<RunSummary>,
    /// Of the first of them.
    used: Vec<Option<RunView>>,
}

impl Top {
    /// Shows it until Ctrl-C; once, where nobody looks.
    ///
    /// # Errors
    /// When a flag is wrong, or the server does not answer at the first look.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let every = parse_duration(&self.every).map_err(|error| {
            Failure::new(Exit::Usage, format!("`--every {}`: {error}", self.every))
                .cure("say it as `2s` or `1m`")
        })?;
        let every = every.max(SOONEST);
        let client = session.client()?;
        session.block_on(async {
            let moment = look(&client).await?;
            if !self.output.is_for_people() {
                print_value(&moment.runs, self.output, || names(&moment.runs))?;
            } else if session.terminal.out {
                live(&client, &session.terminal, every, moment).await?;
            } else {
                say(show(&moment, &session.terminal, MOST).trim_end())?;
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn names(runs: &[RunSummary]) -> Vec<String> {
    runs.iter().map(|run| run.id.to_string()).collect()
}

async fn look(client: &Client) -> Result<Moment, CallError> {
    let system: SystemView = client.get(&["system"], &[]).await?;
    let mut runs: Vec<RunSummary> = Vec::new();
    // What runs is above what waits.
    for states in ["running,starting", "retrying", "queued"] {
        let rest = MOST - runs.len();
        if rest > 0 {
            let query = [("state", states.to_owned()), ("limit", rest.to_string())];
            let page: Page<RunSummary> = client.get(&["runs"], &query).await?;
            runs.extend(page.items);
        }
    }
    let mut used = Vec::new();
    for run in runs.iter().take(LOOKED_AT).filter(|run| run.state == RunState::Running) {
        // It may have ended meanwhile, and is gone from the next look.
        used.push(client.get(&["runs", run.id.as_str()], &[]).await.ok());
    }
    Ok(Moment { system, runs, used })
}

/// Draws over what stands there, until somebody has seen enough.
async fn live(client: &Client, terminal: &Terminal, every: Duration, first: Moment) -> anyhow::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut ends = signal(SignalKind::terminate())?;
    let mut sizes = signal(SignalKind::window_change())?;
    let mut out = std::io::stdout();
    write!(out, "{ENTER}")?;
    let mut text = show(&first, terminal, MOST);
    let result = loop {
        let terminal = Terminal { width: Terminal::of_process().width, ..*terminal };
        if let Err(error) = draw(&text) {
            break Err(error.into());
        }
        tokio::select! {
            _ = interrupts.recv() => break Ok(()),
            _ = ends.recv() => break Ok(()),
            _ = sizes.recv() => {}
            () = tokio::time::sleep(every) => {}
        }
        text = match look(client).await {
            Ok(moment) => show(&moment, &terminal, MOST),
            // It may come back.
            Err(error) => format!("{}\n", terminal.paint(Colour::Red, &error.to_string())),
        };
    };
    write!(out, "{LEAVE}")?;
    out.flush()?;
    result
}

fn draw(text: &str) -> std::io::Result<()> {
    let rows = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    // Some terminals do not know.
    let height = if rows == 0 { 24 } else { rows };
    let lines: Vec<&str> = text.lines().take(height - 1).collect();
    let mut out = std::io::stdout().lock();
    let lines = lines.join(&format!("{TO_THE_END_OF_THE_LINE}\n"));
    write!(out, "{HOME}{lines}{TO_THE_END_OF_THE_LINE}\n{TO_THE_END}")?;
    out.flush()
}

fn show(moment: &Moment, terminal: &Terminal, most: usize) -> String {
    let Moment { system, runs, used } = moment;
    let now = system.now;
    let counts = &system.runs;
    let mut text = format!(
        "Rigi {}, up {}   {} active of at most {}   {} waiting   {} between attempts\n",
        system.version,
        show_duration(now.since(system.started_at)),
        count(counts.active),
        count(system.max_active_runs),
        count(counts.queued),
        count(counts.retrying),
    );
    for warning in system.warnings.iter().take(3) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {warning}", terminal.paint(Colour::Amber, "warning:"));
    }
    text.push('\n');
    if runs.is_empty() {
        text.push_str("Nothing runs, and nothing waits.\n");
        return text;
    }
    let of = |run: &RunSummary| used.iter().flatten().find(|view| view.summary.id == run.id);
    let rows: Vec<_> = runs.iter().take(most).map(|run| row(run, of(run), now)).collect();
    text.push_str(&lay_out(COLUMNS, &rows, Some(terminal.width), Heads::Shown, terminal));
    text.push('\n');
    let open = counts.active + counts.queued + counts.retrying;
    let left = open.saturating_sub(rows.len() as u64);
    if left > 0 {
        let _ = writeln!(text, "{} more", many(left, "run"));
    }
    text
}

fn row(run: &RunSummary, view: Option<&RunView>, now: Timestamp) -> Vec<Field> {
    let usage = view.map(|view| view.usage).filter(|usage| usage.max_memory > 0);
    vec![
        run.short.clone().into(),
        run.pipeline.clone().into(),
        state_field(run, now),
        took(run, now).into(),
        usage.map(|usage| show_duration(Duration::from_millis(usage.cpu_ms))).unwrap_or_default().into(),
        usage.map(|usage| show_bytes(usage.max_memory)).unwrap_or_default().into(),
        view.map(|view| view.target.clone()).unwrap_or_default().into(),
        started_by(&run.trigger).into(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_is_shown_below_what_the_server_does() {
        let at = Timestamp(1_700_000_100_000_000);
        let system = json!({
            "version": "0.1.0", "pipelines_folder": "", "database": "sqlite", "started_at": at.before(Duration::from_secs(90)),
            "now": at, "runs": {"queued": 7, "active": 1, "retrying": 0}, "pipelines": 1, "pipelines_with_mistakes": 0,
            "max_active_runs": 4, "warnings": ["the disk is nearly full"],
        });
        let run = json!({
            "id": "run_01JDBX4Q3N8ZK5V2M7WYTRABCD", "short": "ABCD", "pipeline": "co2-trend", "state": "running",
            "trigger": {"kind": "manual", "by": "you"}, "labels": {}, "priority": 0, "attempt": 1, "max_attempts": 1,
            "created_at": at.before(Duration::from_secs(20)), "started_at": at.before(Duration::from_secs(10)),
        });
        let moment = Moment {
            system: serde_json::from_value(system).unwrap(),
            runs: vec![serde_json::from_value(run).unwrap()],
            used: Vec::new(),
        };
        let text = show(&moment, &Terminal::plain(100), 60);
        for words in [
            "1 active of at most 4",
            "7 waiting",
            "warning: the disk is nearly full",
            "ABCD",
            "co2-trend",
            "7 runs more",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let nothing = Moment { runs: Vec::new(), ..moment };
        assert!(show(&nothing, &Terminal::plain(80), 60).contains("Nothing runs"));
    }
}
