//! Progress in place: a spinner where nobody knows the end, a bar where the total is known. Only on a terminal.

use std::io;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rigi_model::quantity::show_bytes;
use rigi_store::backup::Progress;

use super::words::count;
use crate::client::Sending;
use crate::terminal::{Terminal, remark, say};

/// What takes less is over before one could read it.
pub const SHORT: Duration = Duration::from_secs(1);

/// A line at the foot of the output that says what goes on.
#[derive(Debug)]
pub struct Spinner {
    bar: Option<ProgressBar>,
    may_show: bool,
    /// Stands above it, in place as well.
    above: String,
    words: String,
}

impl Spinner {
    /// None yet.
    #[must_use]
    pub const fn new(terminal: &Terminal) -> Self {
        // Both, as a line in place among the lines of another stream would be a mess.
        Self { bar: None, may_show: terminal.out && terminal.err, above: String::new(), words: String::new() }
    }

    /// Whether there is a terminal to show it on.
    #[must_use]
    pub const fn may_show(&self) -> bool {
        self.may_show
    }

    /// Shows these words, from now on.
    pub fn show(&mut self, words: String) {
        self.words = words;
        self.draw();
    }

    /// Shows a line above the words, or alone; none, if it is empty.
    pub fn show_above(&mut self, line: String) {
        if line == self.above {
            return;
        }
        self.above = line;
        if self.above.is_empty() && self.words.is_empty() { self.hide() } else { self.draw() }
    }

    fn draw(&mut self) {
        if !self.may_show {
            return;
        }
        let template = match (self.above.is_empty(), self.words.is_empty()) {
            (true, _) => "{spinner} {wide_msg}",
            (false, true) => "{prefix}",
            (false, false) => "{prefix}\n{spinner} {wide_msg}",
        };
        let bar = self.bar.get_or_insert_with(ProgressBar::new_spinner);
        if template == "{prefix}" {
            // Nothing of it turns.
            bar.disable_steady_tick();
        } else {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.tick_chars("◐◓◑◒●"));
        }
        bar.set_prefix(self.above.clone());
        bar.set_message(self.words.clone());
    }

    /// Changes the words, if it turns.
    pub fn change(&mut self, words: String) {
        if !self.words.is_empty() {
            self.show(words);
        }
    }

    /// Takes it away.
    pub fn hide(&mut self) {
        self.above.clear();
        self.words.clear();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes a line above it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn say(&self, line: &str) -> io::Result<()> {
        self.aside(|| say(line))
    }

    /// Does what writes, while it is not there.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Says what goes on, once it takes longer than one likes to wait: in place on a terminal, else a line per step.
#[derive(Debug)]
pub struct Steps {
    spinner: Spinner,
    begun: Instant,
    step: String,
}

impl Steps {
    /// Nothing yet.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        Self { spinner: Spinner::new(terminal), begun: Instant::now(), step: String::new() }
    }

    /// Says how far it is.
    pub fn show(&mut self, progress: Progress<'_>) {
        if self.begun.elapsed() < SHORT {
            return;
        }
        if self.spinner.may_show() {
            let total = progress.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
            self.spinner.show(format!("{}: {}{total}", progress.step, count(progress.done)));
        } else if self.step != progress.step {
            progress.step.clone_into(&mut self.step);
            eprintln!("{}", self.step);
        }
    }
}

/// A bar over so many bytes, with an end estimate. It shows on a terminal, once the work takes longer than a second.
#[must_use]
pub fn bytes_bar(terminal: &Terminal, what: &str, total: u64) -> ProgressBar {
    if !terminal.err {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    let style =
        ProgressStyle::with_template("{msg}  {wide_bar} {binary_bytes}/{binary_total_bytes}  {eta} left");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar
}

/// Moves a bar by what is told of a file that is sent, and says where one goes on.
pub fn told(bar: &ProgressBar, name: &str) -> impl Fn(Sending) + Clone + Send + Sync + use<> {
    let (bar, name, start) = (bar.clone(), name.to_owned(), bar.position());
    move |sending| match sending {
        Sending::Sent(bytes) => bar.inc(bytes),
        Sending::GoesOn(there) => {
            bar.set_position(start + there);
            if there > 0 {
                bar.suspend(|| remark(&format!("{name} goes on at {}.", show_bytes(there))));
            }
        }
    }
}
