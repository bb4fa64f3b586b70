//! What is wrong with a configuration, all of it at once.

use std::fmt;

/// One mistake with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMistake {
    /// `rigi.toml:3:1`, `RIGI_LIMITS__RUNS` or `--port`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for ConfigMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.place, self.message)
    }
}

/// A configuration that cannot be used. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.mistakes))]
pub struct ConfigError {
    /// In the order of the file, then of the variables, then of the flags; never empty.
    pub mistakes: Vec<ConfigMistake>,
}

fn words(mistakes: &[ConfigMistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect();
    let many =
        if mistakes.len() == 1 { "a mistake".to_owned() } else { format!("{} mistakes", mistakes.len()) };
    format!("the configuration has {many}:{}", lines.concat())
}
