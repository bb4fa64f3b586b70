//! Environments that cannot be made, and whose fault that is.

use rigi_model::attempt::FailureClass;

use super::BuildError;

/// So many of the build's last lines go to the run's log.
const LAST_LINES: usize = 40;
/// More of what a tool said is in the log alone, in characters.
const LONGEST_MESSAGE: usize = 400;

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

    /// The same, with the file that asked for it.
    #[must_use]
    pub fn told_by(mut self, file: &str) -> Self {
        self.message = format!("{} {file} includes it.", self.message);
        self.words = vec![self.message.clone()];
        self
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

/// What a tool said last, as one line: from its last heading mark on, and of uv its error with what it follows from.
fn last_words(lines: &[&str]) -> String {
    let start =
        lines.iter().rposition(|line| line.trim_start().starts_with(['×', '✗']) || line.starts_with("error"));
    let from = start.unwrap_or(lines.len().saturating_sub(3));
    let marks = ['×', '╰', '─', '▶', '│', '├', '✗', ' '];
    let plain = |line: &&str| {
        let line = line.trim_matches(marks);
        ["error: ", "cause: "].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).to_owned()
    };
    let said: Vec<String> = lines[from..].iter().take(12).map(plain).collect();
    let said = said.join(" ");
    match said.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}
