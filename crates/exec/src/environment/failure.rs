//! Environments that cannot be made, and whose fault that is.

use rigi_model::attempt::FailureClass;

use super::BuildError;

/// So many of the build's last lines go to the run's log.
const LAST_LINES: usize = 40;

impl BuildError {
    fn plain(class: FailureClass, message: &str) -> Self {
        Self { class, message: message.to_owned(), words: vec![message.to_owned()] }
    }

    /// The pipeline asks for what cannot be.
    #[must_use]
    pub fn user(message: &str) -> Self {
        Self::plain(FailureClass::User, message)
    }

    /// The machine cannot.
    #[must_use]
    pub fn infrastructure(message: &str) -> Self {
        Self::plain(FailureClass::Infrastructure, message)
    }

    /// Something outside did not answer.
    #[must_use]
    pub fn transient(message: &str) -> Self {
        Self::plain(FailureClass::Transient, message)
    }

    /// The same with the end of what a tool said, and its last sentences in the message.
    #[must_use]
    pub fn with_output(mut self, output: &str) -> Self {
        let lines: Vec<&str> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let said = last_words(&lines);
        if !said.is_empty() {
            self.message = format!("{} {said}", self.message);
        }
        self.words
            .extend(lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| (*line).to_owned()));
        self
    }
}

/// What a tool said last: from its last heading mark on, as one line.
fn last_words(lines: &[&str]) -> String {
    let start =
        lines.iter().rposition(|line| line.trim_start().starts_with(['×', '✗']) || line.starts_with("error"));
    let from = start.unwrap_or(lines.len().saturating_sub(3));
    let marks = ['×', '╰', '─', '▶', '│', '├', '✗', ' '];
    let said: Vec<&str> = lines[from..].iter().take(12).map(|line| line.trim_matches(marks)).collect();
    let said = said.join(" ");
    match said.char_indices().nth(1000) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}
