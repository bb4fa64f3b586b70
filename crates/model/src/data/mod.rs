//! Datasets: named sets of files by content, in versions that never change. A version is a tree of folders, each an object that is stored by
//! its content as files are: equal folders are one object, and a change makes anew what lies above it. Pure.

mod diff;
mod path;
mod tree;

pub use diff::{Change, ChangeKind, diff_folders};
pub use path::{PathMistake, check_path, sameness};
pub use tree::{Entry, EntryKind, FileAt, Folder, LARGEST_FOLDER, Totals, TreeMistake, build};

use serde::{Deserialize, Serialize};

use crate::state::text_enum;

/// Files of one version at most.
pub const MOST_FILES: u64 = 10_000_000;
/// Characters of a dataset's name at most.
const LONGEST_NAME: usize = 128;

text_enum! {
    /// How a version came to be.
    MadeFrom {
        /// Somebody gave its files.
        Upload = "upload",
        /// A run left them.
        Output = "output",
        /// It is another version with changes.
        Change = "change",
    }
}

/// Which version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The newest.
    Newest,
    /// By its number, from 1.
    Number(u32),
    /// By a tag.
    Tag(String),
}

/// A dataset and one of its versions, as people write it: `measurements`, `measurements@3`, `measurements@published`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The dataset.
    pub name: String,
    /// Which of its versions.
    pub which: Which,
}

impl Which {
    /// As people write it; empty, `latest`: the newest.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "latest") {
            return Ok(Self::Newest);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let number = text.parse().ok().filter(|number| *number > 0);
            return number.map(Self::Number).ok_or_else(|| format!("`{text}` is no number of a version"));
        }
        match is_tag(text) {
            true => Ok(Self::Tag(text.to_owned())),
            false => Err(format!("`{}` is neither a number nor a tag", text.escape_debug())),
        }
    }
}

impl Reference {
    /// As people write it.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, which) = text.split_once('@').unwrap_or((text, ""));
        check_name(name)?;
        Ok(Self { name: name.to_owned(), which: Which::parse(which)? })
    }
}

/// Whether a tag may be called so: letters, digits and `-_.`, a letter first, up to 64; `latest` is the newest.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain && text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text != "latest"
}

/// A dataset's name: small letters, digits, `-`, `_`, `.` and `/` between parts, each of which begins with a letter or a digit.
///
/// # Errors
/// In words.
pub fn check_name(name: &str) -> Result<(), String> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
    };
    match name.len() <= LONGEST_NAME && name.split('/').all(part) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no name of a dataset: small letters, digits and `-_.`, parts between `/`, at most {LONGEST_NAME}",
            name.chars().take(80).collect::<String>().escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_people_write_them() {
        let read = |text: &str| Reference::parse(text).map(|read| (read.name, read.which));
        assert_eq!(read("sea/level"), Ok(("sea/level".to_owned(), Which::Newest)));
        assert_eq!(read("a@12"), Ok(("a".to_owned(), Which::Number(12))));
        assert_eq!(read("a@v1.0"), Ok(("a".to_owned(), Which::Tag("v1.0".to_owned()))));
        assert_eq!(read("a@latest"), Ok(("a".to_owned(), Which::Newest)));
        for wrong in
            ["", "A", "a//b", "/a", "a/", "a@0", "a@-1", "a@x y", "../a", "a@99999999999", "ä", ".a", "a b"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
