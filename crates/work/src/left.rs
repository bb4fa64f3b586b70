//! What of an attempt's outputs is not kept, in words for people.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// So many are named.
const NAMED: usize = 100;
/// So many of them in one sentence.
const IN_A_SENTENCE: usize = 3;
/// Characters of a name.
const NAME_CHARS: usize = 200;

/// Something that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Its path below the outputs folder, fit to be printed.
    pub path: String,
    /// `a socket`.
    pub why: String,
}

/// What is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The first of them.
    pub named: Vec<Left>,
    /// How many more there are.
    #[serde(default)]
    pub unnamed: u64,
    /// How many of all were to be kept, and could not be read: the run's result is not whole.
    #[serde(default)]
    pub lost: u64,
    /// Files beyond the number that is kept, and that number.
    #[serde(default)]
    pub beyond: Option<(u64, u64)>,
}

impl LeftOut {
    /// Whether everything is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Something that cannot be kept as it is.
    pub fn add(&mut self, path: &Path, why: impl Into<String>) {
        if self.named.len() < NAMED {
            self.named.push(Left { path: shown(path), why: why.into() });
        } else {
            self.unnamed += 1;
        }
    }

    /// Something that was to be kept.
    pub fn lost(&mut self, path: &Path, why: impl Into<String>) {
        self.add(path, why);
        self.lost += 1;
    }

    /// A file beyond the `most` that are kept.
    pub fn too_many(&mut self, most: usize) {
        let count = self.beyond.map_or(0, |(count, _)| count);
        self.beyond = Some((count + 1, most as u64));
    }

    /// Together with what another has found.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for left in other.named {
            self.add(Path::new(&left.path), left.why);
        }
        self.unnamed += other.unnamed;
        self.lost += other.lost;
        self.beyond = self.beyond.or(other.beyond);
        self
    }

    fn count(&self) -> u64 {
        self.named.len() as u64 + self.unnamed + self.beyond.map_or(0, |(count, _)| count)
    }

    /// A sentence: how many, and the first of them.
    #[must_use]
    pub fn sentence(&self) -> String {
        let first =
            self.named.iter().take(IN_A_SENTENCE).map(|left| format!("`{}` ({})", left.path, left.why));
        let mut parts: Vec<String> = first.collect();
        let others = self.named.len().saturating_sub(IN_A_SENTENCE) as u64 + self.unnamed;
        if others > 0 {
            parts.push(format!("{others} more"));
        }
        if let Some((count, most)) = self.beyond {
            parts.push(format!("{count} beyond the {most} files that are kept of an attempt"));
        }
        let what = if self.count() == 1 { "1 output is" } else { &format!("{} outputs are", self.count()) };
        format!("{what} not kept: {}", parts.join(", "))
    }

    /// Lines for the log of the attempt.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |left: &Left| format!("Not kept: `{}`, {}.", left.path, left.why);
        let mut lines: Vec<String> = self.named.iter().map(line).collect();
        if self.unnamed > 0 {
            lines.push(format!("Not kept: {} more, which are not named here.", self.unnamed));
        }
        if let Some((count, most)) = self.beyond {
            lines.push(format!("Not kept: {count} files beyond the {most} that are kept of an attempt."));
        }
        lines
    }
}

/// A path as it can be printed anywhere.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if text.is_empty() { ".".into() } else { text };
    let mut shown: String = text.chars().take(NAME_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(NAME_CHARS).is_some() {
        shown.push('…');
    }
    shown.replace("\\'", "'").replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_and_what_is_too_much_is_counted() {
        let mut left = LeftOut::default();
        assert!(left.is_empty());
        left.add(Path::new("a\nb"), "a socket");
        assert_eq!(left.sentence(), "1 output is not kept: `a\\nb` (a socket)");
        for n in 0..150 {
            left.add(&Path::new("d").join(n.to_string()), "a pipe");
        }
        left.too_many(7);
        left.too_many(7);
        assert_eq!(
            left.sentence(),
            "153 outputs are not kept: `a\\nb` (a socket), `d/0` (a pipe), `d/1` (a pipe), 148 more, 2 beyond the 7 \
             files that are kept of an attempt"
        );
        let lines = left.lines();
        assert_eq!(lines.len(), 102);
        assert_eq!(lines[0], "Not kept: `a\\nb`, a socket.");
        assert_eq!(lines[100], "Not kept: 51 more, which are not named here.");
        let mut other = LeftOut::default();
        other.lost(Path::new("x"), "cannot be read");
        let left = left.with(other);
        assert_eq!((left.lost, left.unnamed), (1, 52));
    }
}
