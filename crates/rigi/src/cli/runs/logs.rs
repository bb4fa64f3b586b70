//! `rigi runs logs`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap_complete::ArgValueCompleter;
use futures_util::StreamExt as _;
use rigi_api::view::{LogLine, LogPage, RunView};
use rigi_model::log::Unfinished;

use super::earlier::{earlier, lines};
use crate::cli::follow::{ended, line_text, unfinished_line, unreadable};
use crate::cli::output::{Format, yaml};
use crate::cli::progress::Spinner;
use crate::cli::session::Session;
use crate::cli::words::{clock, state_word};
use crate::client::{CallError, Client, LogEvent, LogStart, LogStream};
use crate::terminal::Exit;
use crate::terminal::{Terminal, remark, say, seen_json};

/// Lines that one call may answer at most.
const PAGE: u64 = 5000;

/// `rigi runs logs`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs logs 7Q2A --tail 20
  rigi runs logs 7Q2A --follow        until its end; the exit code is its result
  rigi runs logs 7Q2A --raw > log     the bytes as they were written

Lines of standard error are marked with `!`. Times are local.")]
pub struct Logs {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    /// Go on until the run ends; the exit code is its result
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines
    #[arg(short, long, value_name = "N", conflicts_with = "since_line")]
    tail: Option<u64>,
    /// From this line on
    #[arg(long, value_name = "N")]
    since_line: Option<u64>,
    /// Which attempt; the last unless told
    #[arg(short, long, value_name = "N")]
    attempt: Option<u32>,
    /// The bytes as they were written, without times and marks
    #[arg(long, conflicts_with_all = ["follow", "tail", "since_line", "timestamps", "json"])]
    raw: bool,
    /// Whole times, in UTC
    #[arg(long)]
    timestamps: bool,
    /// How to print; JSON is one object a line
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Format,
    /// One JSON object a line, as `-o json`
    #[arg(long, conflicts_with_all = ["timestamps", "output"])]
    json: bool,
}

/// The log is that of the newest attempt: why there is one, those before it say.
async fn tell_earlier(client: &Client, run: &RunView) -> Result<(), CallError> {
    let before = lines(&earlier(client, &run.summary).await?);
    before.iter().for_each(|line| remark(line));
    if !before.is_empty() {
        remark(&format!("(`rigi runs logs {} --attempt N` shows the log of one)", run.summary.short));
    }
    Ok(())
}

impl Logs {
    /// Prints it.
    ///
    /// # Errors
    /// When there is no such run or attempt.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = if self.follow { session.client()? } else { session.reader()? };
        session.block_on(async {
            if self.raw {
                self.print_raw(&client).await?;
                return Ok(Exit::Ok.into());
            }
            // Any part of an id is turned into the whole, so that a run that comes later cannot make it ambiguous.
            let run: RunView = client.get(&["runs", &self.run], &[]).await?;
            let id = run.summary.id.as_str();
            if self.attempt.is_none() && matches!(self.format(), Format::Table | Format::Wide) {
                tell_earlier(&client, &run).await?;
            }
            let start = match (run.summary.attempt, self.attempt) {
                (0, None) => LogStart::Current,
                _ => self.print_stored(&client, id, session).await?,
            };
            if !self.follow {
                if matches!(start, LogStart::Current) {
                    eprintln!(
                        "Run {} has no log yet: it is {}.",
                        run.summary.short,
                        state_word(run.summary.state)
                    );
                }
                return Ok(Exit::Ok.into());
            }
            self.print_new(LogStream::open(&client, id, start).await?, session).await?;
            let run: RunView = client.get(&["runs", id], &[]).await?;
            if self.format() == Format::Table || self.format() == Format::Wide {
                say(&ended(&run, &session.terminal))?;
            }
            Ok(Exit::of_run(run.summary.state).into())
        })
    }

    const fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }

    async fn print_raw(&self, client: &Client) -> anyhow::Result<()> {
        let attempt: Vec<_> =
            self.attempt.map(|attempt| ("attempt", attempt.to_string())).into_iter().collect();
        let mut pieces = client.open(&["runs", &self.run, "log", "raw"], &attempt).await?.bytes_stream();
        let mut out = std::io::stdout().lock();
        while let Some(piece) = pieces.next().await {
            out.write_all(&piece.context("reading the log")?)?;
        }
        Ok(out.flush()?)
    }

    /// Prints what is there now; answers where it goes on.
    async fn print_stored(&self, client: &Client, id: &str, session: &Session) -> anyhow::Result<LogStart> {
        let mut next = match self.tail {
            Some(tail) => self.page(client, id, 1, 1).await?.total.saturating_sub(tail) + 1,
            None => self.since_line.unwrap_or(1).max(1),
        };
        loop {
            let page = self.page(client, id, next, PAGE).await?;
            self.print(&page.lines, session)?;
            next = page.lines.last().map_or(next, |line| line.n + 1);
            if page.lines.is_empty() || next > page.total {
                if page.cut_bytes > 0 && page.complete {
                    let cut = rigi_model::quantity::show_bytes(page.cut_bytes);
                    eprintln!("{cut} more were not kept: the log is larger than its limit.");
                }
                return Ok(match self.attempt {
                    Some(attempt) => LogStart::Only { attempt, from: next },
                    None => LogStart::Behind { attempt: page.attempt, line: next - 1 },
                });
            }
        }
    }

    async fn page(&self, client: &Client, id: &str, from: u64, limit: u64) -> Result<LogPage, CallError> {
        let mut query = vec![("from", from.to_string()), ("limit", limit.to_string())];
        query.extend(self.attempt.map(|attempt| ("attempt", attempt.to_string())));
        client.get(&["runs", id, "log"], &query).await
    }

    async fn print_new(&self, mut log: LogStream, session: &Session) -> anyhow::Result<()> {
        let terminal = &session.terminal;
        let is_seen = matches!(self.format(), Format::Table | Format::Wide);
        let mut spinner = Spinner::new(&Terminal { out: terminal.out && is_seen, ..*terminal });
        let mut unfinished = Vec::new();
        loop {
            match log.next().await? {
                LogEvent::Lines(lines) => {
                    unfinished.retain(|open: &Unfinished| lines.iter().all(|line| !line.is_of(open.stream)));
                    spinner.show_above(unfinished_line(&unfinished, terminal));
                    spinner.aside(|| self.print(&lines, session))?;
                }
                LogEvent::Unfinished(lines) => {
                    unfinished = lines;
                    spinner.show_above(unfinished_line(&unfinished, terminal));
                }
                LogEvent::Attempt => spinner.hide(),
                LogEvent::Unreadable(why) => eprintln!("{}", unreadable(&why)),
                LogEvent::End => return Ok(()),
            }
        }
    }

    fn print(&self, lines: &[LogLine], session: &Session) -> anyhow::Result<()> {
        let mut text = String::new();
        for line in lines {
            match self.format() {
                Format::Json => text.push_str(&seen_json(&serde_json::to_string(line)?)),
                Format::Yaml => {
                    text.push_str("---\n");
                    text.push_str(yaml(line)?.trim_end());
                }
                Format::Name => text.push_str(&line.n.to_string()),
                Format::Table | Format::Wide => {
                    let time = if self.timestamps { line.at.to_string() } else { clock(line.at) };
                    text.push_str(&line_text(line, &time, &session.terminal));
                }
            }
            text.push('\n');
        }
        if text.is_empty() { Ok(()) } else { Ok(say(&text)?) }
    }
}
