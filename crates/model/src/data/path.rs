//! Paths of files within a dataset: what none may be, and which two are too much alike to lie on every disk.

use unicode_normalization::UnicodeNormalization;

/// Bytes of one part of a path at most.
const LONGEST_PART: usize = 255;
/// Bytes of a path at most.
const LONGEST: usize = 4096;
/// Folders within each other at most.
const DEEPEST: usize = 64;

/// Why a path cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathMistake {
    /// It has an empty part, or begins or ends with `/`.
    #[error("`{0}` has an empty part: paths are relative, with `/` between parts")]
    Empty(String),
    /// It has `.` or `..` in it.
    #[error("`{0}` has `.` or `..` in it")]
    Dots(String),
    /// It has a control character or a backslash in it.
    #[error("`{0}` has a control character or a `\\` in it")]
    Character(String),
    /// It is too long.
    #[error(
        "`{0}` is too long: a part has up to {LONGEST_PART} bytes, a path up to {LONGEST}, in up to {DEEPEST} folders"
    )]
    Long(String),
}

/// Whether a file may be called so.
///
/// # Errors
/// [`PathMistake`].
pub fn check_path(path: &str) -> Result<(), PathMistake> {
    let shown = || path.chars().take(120).flat_map(char::escape_debug).collect::<String>();
    if path.len() > LONGEST || path.split('/').count() > DEEPEST {
        return Err(PathMistake::Long(shown()));
    }
    for part in path.split('/') {
        match part {
            "" => return Err(PathMistake::Empty(shown())),
            "." | ".." => return Err(PathMistake::Dots(shown())),
            part if part.len() > LONGEST_PART => return Err(PathMistake::Long(shown())),
            _ => {}
        }
    }
    match path.chars().any(|c| c.is_control() || c == '\\') {
        true => Err(PathMistake::Character(shown())),
        false => Ok(()),
    }
}

/// What two names have in common that one disk or another holds for the same: they differ by case or by Unicode form alone.
#[must_use]
pub fn sameness(name: &str) -> String {
    // Case first: lower case may be decomposed.
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_and_stay_inside() {
        for good in ["a", "a/b.csv", "Ä ü/名.txt", ".hidden", "a..b", "a/...", "- x"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        let deep = "a/".repeat(64) + "a";
        for wrong in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "a\0",
            "a\nb",
            "a\\b",
            &"x".repeat(256),
            &deep,
        ] {
            assert!(check_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn case_and_form_make_no_other_name() {
        assert_eq!(sameness("Stra\u{df}e.CSV"), sameness("stra\u{df}e.csv"));
        assert_eq!(sameness("\u{e9}"), sameness("e\u{301}"));
        assert_eq!(sameness("\u{c9}"), sameness("E\u{301}"));
        assert_ne!(sameness("a"), sameness("b"));
    }
}
