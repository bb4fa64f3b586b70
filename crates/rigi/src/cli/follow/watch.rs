//! Watches a run until it ends, by its events and its log at the same time.

use std::process::ExitCode;
use std::time::Duration;

use rigi_api::view::{ArtifactView, LogLine, Page, RunSummary, RunView};
use rigi_model::log::Unfinished;
use rigi_model::{RunState, Timestamp};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::printer::{
    artifacts_command, ended, labelled, outputs_line, prepared, timed_line, unfinished_line, unreadable,
};
use super::{Follow, Interrupt, Placing, Show, Style};
use crate::cli::progress::{SHORT, Spinner};
use crate::cli::words::{about, left, state_colour, state_words};
use crate::client::{CallError, Client, LogEvent, LogStart, LogStream, RunNews, RunStream};
use crate::terminal::Exit;
use crate::terminal::{Terminal, say};

/// The last lines of an attempt may come after the news of its end.
const LINES_COME_LATER: Duration = Duration::from_millis(500);

/// One thing that happened.
enum News {
    Run(RunNews),
    Log(LogEvent),
    Interrupt,
    /// No line came that belongs before what was held back.
    Late,
    /// A second in which nothing was printed.
    Tick,
}

/// Watches a run to its end, and says how it went. The exit code is the run's.
///
/// # Errors
/// When the server goes away for good, or standard output cannot be written.
pub async fn watch(
    client: &Client,
    terminal: &Terminal,
    run: RunView,
    follow: &Follow,
) -> anyhow::Result<ExitCode> {
    let id = run.summary.id.as_str().to_owned();
    // The streams first, then the state: what happens in between is in the streams.
    let mut states = RunStream::open(client, &id).await?;
    let mut log = match follow.show {
        Show::Log => Some(LogStream::open(client, &id, LogStart::Current).await?),
        Show::Accepted | Show::End => None,
    };
    let mut watcher = Watcher::new(client, terminal, follow, run);
    watcher.changed(get(client, &id).await?.summary)?;
    let mut cancelled = false;
    let mut interrupts = signal(SignalKind::interrupt())?;
    while !watcher.is_over(log.is_some()) {
        let news = tokio::select! {
            log = next_line(&mut log) => News::Log(log?),
            news = states.next() => News::Run(news?),
            _ = interrupts.recv() => News::Interrupt,
            () = sleep_until(watcher.held_until()), if watcher.held.is_some() => News::Late,
            () = sleep_until(watcher.tick), if watcher.spinner.may_show() => News::Tick,
        };
        match news {
            News::Run(RunNews::Changed(run)) => watcher.changed(*run)?,
            News::Run(RunNews::LookAgain) => watcher.changed(get(client, &id).await?.summary)?,
            News::Log(LogEvent::Lines(lines)) => watcher.lines(&lines).await?,
            News::Log(LogEvent::Unfinished(lines)) => watcher.unfinished(lines),
            News::Log(LogEvent::Attempt) => watcher.attempt()?,
            News::Log(LogEvent::Unreadable(why)) => watcher.unreadable(&why),
            News::Late => watcher.let_go()?,
            News::Log(LogEvent::End) => watcher.log_ended = true,
            News::Tick => watcher.spin(),
            News::Interrupt if follow.interrupt == Interrupt::Cancel && !cancelled => {
                cancelled = true;
                eprintln!("cancelling; Ctrl-C again leaves it");
                let _: RunView = client.act(&["runs", &id, "cancel"], &[]).await?;
            }
            News::Interrupt => {
                watcher.spinner.hide();
                let short = &watcher.run.short;
                eprintln!(
                    "\nRun {short} goes on. Follow it with `rigi runs logs {short} --follow`, or stop it with `rigi \
                     runs cancel {short}`."
                );
                return Ok(Exit::Cancelled.into());
            }
        }
    }
    watcher.end(&id).await
}

async fn get(client: &Client, id: &str) -> Result<RunView, CallError> {
    client.get(&["runs", id], &[]).await
}

/// The next of the log; never, without one.
async fn next_line(log: &mut Option<LogStream>) -> Result<LogEvent, CallError> {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}

struct Watcher<'a> {
    client: &'a Client,
    terminal: &'a Terminal,
    follow: &'a Follow,
    run: RunSummary,
    spinner: Spinner,
    /// How long a run of this pipeline usually takes.
    expected: Option<Duration>,
    /// When to say anew what goes on.
    tick: Instant,
    /// What was last said of its state, so that nothing is said twice.
    said: String,
    /// What to say of its state once the lines before it are there, and when at the latest.
    held: Option<(String, Instant)>,
    /// Its environment was shown.
    prepared: bool,
    log_ended: bool,
    unfinished: Vec<Unfinished>,
}

impl<'a> Watcher<'a> {
    fn new(client: &'a Client, terminal: &'a Terminal, follow: &'a Follow, run: RunView) -> Self {
        let shown = Terminal { out: terminal.out && follow.style == Style::People, ..*terminal };
        Self {
            client,
            terminal,
            follow,
            run: run.summary,
            spinner: Spinner::new(&shown),
            expected: run.expected_ms.map(Duration::from_millis),
            tick: Instant::now() + SHORT,
            said: String::new(),
            held: None,
            prepared: false,
            log_ended: false,
            unfinished: Vec::new(),
        }
    }

    /// The log says last that it is complete; without it the state decides.
    const fn is_over(&self, with_log: bool) -> bool {
        if with_log { self.log_ended } else { self.run.state.is_terminal() }
    }

    fn words(&self) -> String {
        let now = Timestamp::now();
        let words = state_words(&self.run, now);
        let (RunState::Running, Some(started)) = (self.run.state, self.run.started_at) else { return words };
        let took = now.since(started);
        // What the run says itself is better than what its pipeline usually takes.
        let says = self.run.progress.as_ref().is_some_and(|progress| progress.fraction.is_some());
        let rest = self.expected.filter(|_| !says).and_then(|expected| expected.checked_sub(took));
        let rest = rest.map(|rest| format!(" · {}", left(rest))).unwrap_or_default();
        format!("{words} · {}{rest}", about(took))
    }

    fn spin(&mut self) {
        self.tick = Instant::now() + SHORT;
        let words = self.words();
        self.spinner.show(words);
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        self.tick = Instant::now() + SHORT;
        Ok(self.spinner.say(line)?)
    }

    fn changed(&mut self, run: RunSummary) -> anyhow::Result<()> {
        self.run = run;
        let words = self.words();
        self.spinner.change(words);
        if self.follow.style != Style::People {
            return Ok(());
        }
        // Only what somebody waits for: the end and the beginning have their own lines.
        let line = match (self.run.state, self.run.message.clone()) {
            (RunState::Queued, Some(why)) => why,
            (RunState::Retrying, why) => {
                let attempt = format!("attempt {} of {}", self.run.attempt, self.run.max_attempts);
                why.map_or(attempt.clone(), |why| format!("{why}, {attempt}"))
            }
            _ => return Ok(()),
        };
        let line =
            labelled(self.terminal, Some(state_colour(self.run.state)), self.run.state.as_str(), &line);
        if line == self.said {
            return Ok(());
        }
        self.said.clone_from(&line);
        if self.run.state == RunState::Retrying && self.follow.show == Show::Log {
            self.held = Some((line, Instant::now() + LINES_COME_LATER));
            return Ok(());
        }
        self.say(&line)
    }

    fn held_until(&self) -> Instant {
        self.held.as_ref().map_or_else(Instant::now, |(_, until)| *until)
    }

    fn let_go(&mut self) -> anyhow::Result<()> {
        match self.held.take() {
            Some((line, _)) => self.say(&line),
            None => Ok(()),
        }
    }

    fn unfinished(&mut self, lines: Vec<Unfinished>) {
        self.unfinished = lines;
        self.spinner.show_above(unfinished_line(&self.unfinished, self.terminal));
    }

    /// The next attempt begins; what failed may fail again.
    fn attempt(&mut self) -> anyhow::Result<()> {
        self.unfinished(Vec::new());
        self.let_go()?;
        self.said.clear();
        Ok(())
    }

    fn unreadable(&mut self, why: &str) {
        self.spinner.hide();
        eprintln!("{}", unreadable(why));
    }

    async fn lines(&mut self, lines: &[LogLine]) -> anyhow::Result<()> {
        if self.follow.style == Style::People {
            self.show_environment().await?;
        }
        if !self.unfinished.is_empty() {
            self.unfinished.retain(|open| lines.iter().all(|line| !line.is_of(open.stream)));
            self.spinner.show_above(unfinished_line(&self.unfinished, self.terminal));
        }
        for line in lines {
            match self.follow.style {
                Style::People => self.say(&timed_line(line, self.terminal))?,
                style @ (Style::Json | Style::Yaml) => {
                    say(&style.object(&json!({ "type": "line", "line": line }), Placing::OneOfMany)?)?;
                }
                Style::Id => {}
            }
        }
        Ok(())
    }

    /// Before the first line, once: the code began to run, so that its environment is there.
    async fn show_environment(&mut self) -> anyhow::Result<()> {
        if self.prepared || self.follow.show != Show::Log {
            return Ok(());
        }
        self.prepared = true;
        let run = get(self.client, self.run.id.as_str()).await?;
        match prepared(&run, self.terminal) {
            Some(line) => self.say(&line),
            None => Ok(()),
        }
    }

    async fn end(mut self, id: &str) -> anyhow::Result<ExitCode> {
        self.let_go()?;
        let run = get(self.client, id).await?;
        let code = Exit::of_run(run.summary.state).into();
        match self.follow.style {
            Style::Id => return Ok(code),
            style @ (Style::Json | Style::Yaml) => {
                let text = match self.follow.show {
                    Show::Log => style.object(&json!({ "type": "run", "run": run }), Placing::OneOfMany),
                    _ => style.object(&run, Placing::Alone),
                };
                say(&text?)?;
                return Ok(code);
            }
            Style::People => self.show_environment().await?,
        }
        self.spinner.hide();
        self.say(&ended(&run, self.terminal))?;
        if run.artifacts.count > 0 {
            let first = [("limit", "3".to_owned())];
            let artifacts: Page<ArtifactView> = self.client.get(&["runs", id, "artifacts"], &first).await?;
            let hint = artifacts_command(&run.summary.short, self.follow.kept_in.as_deref());
            if let Some(line) = outputs_line(&artifacts.items, run.artifacts.count, &hint, self.terminal) {
                self.say(&line)?;
            }
        }
        Ok(code)
    }
}
