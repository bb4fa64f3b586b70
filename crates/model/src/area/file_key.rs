//! Keys of files: what is a path everywhere, in a bucket and in a folder.

use std::fmt;

/// Bytes of a key at most, as in S3.
const LONGEST: usize = 1024;
/// Bytes of a part between two slashes at most, as in file systems.
const LONGEST_PART: usize = 255;

/// A key below a project's area, such as `uploads/2024/a.csv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey(String);

/// What is wrong with a key, to go on after the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// See its text.
    #[error("is empty")]
    Empty,
    /// See its text.
    #[error("is longer than {LONGEST} bytes")]
    Long,
    /// See its text.
    #[error("has a part of more than {LONGEST_PART} bytes between slashes")]
    LongPart,
    /// See its text.
    #[error("begins or ends with a slash, or has two in a row: here, a key is the path of a file")]
    EmptyPart,
    /// See its text.
    #[error("has the part `.` or `..`")]
    Dots,
    /// See its text.
    #[error("has a control character")]
    Control,
}

impl FileKey {
    /// Reads a key.
    ///
    /// # Errors
    /// If it cannot be a path everywhere.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidKey::Long);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidKey::Control);
        }
        for part in text.split('/') {
            match part {
                "" => return Err(InvalidKey::EmptyPart),
                "." | ".." => return Err(InvalidKey::Dots),
                part if part.len() > LONGEST_PART => return Err(InvalidKey::LongPart),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_everywhere_or_say_why_not() {
        for good in ["a", "uploads/2024/Über straße.csv", "a/.hidden", "a/...", "a/b%2Fc*?#[]"] {
            assert_eq!(FileKey::parse(good).map(|key| key.to_string()), Ok(good.to_owned()));
        }
        let long_part = format!("a/{}", "x".repeat(256));
        let long = "x/".repeat(600);
        for (wrong, why) in [
            ("", InvalidKey::Empty),
            ("/a", InvalidKey::EmptyPart),
            ("a/", InvalidKey::EmptyPart),
            ("a//b", InvalidKey::EmptyPart),
            ("a/../b", InvalidKey::Dots),
            ("./a", InvalidKey::Dots),
            ("a\nb", InvalidKey::Control),
            ("a\0b", InvalidKey::Control),
            (long_part.as_str(), InvalidKey::LongPart),
            (long.as_str(), InvalidKey::Long),
        ] {
            assert_eq!(FileKey::parse(wrong), Err(why), "{wrong:?}");
        }
    }
}
