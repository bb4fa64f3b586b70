//! Which names pipelines, inputs, labels and environment variables may have.

use crate::text::excerpt;
use crate::text::is_unseen;

/// The longest name of a pipeline in bytes: what file systems allow.
pub const LONGEST_NAME: usize = 255;

/// Why a folder's name cannot be a pipeline's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameMistake {
    /// No name at all.
    #[error("the name is empty")]
    Empty,
    /// More than [`LONGEST_NAME`] bytes.
    #[error("the name has {0} bytes and may have at most 255")]
    TooLong(usize),
    /// Begins with a dot.
    #[error("`{0}` begins with a dot, as hidden folders do")]
    Hidden(String),
    /// Holds `..`.
    #[error("`{0}` holds `..`, which leads out of a folder")]
    Parent(String),
    /// Holds a path separator.
    #[error("`{0}` holds a path separator (`/` or `\\`)")]
    Separator(String),
    /// Holds a control character.
    #[error("the name holds the control character U+{0:04X}")]
    Control(u32),
    /// Holds a character that cannot be seen, or turns the direction of writing.
    #[error("the name holds U+{0:04X}, which cannot be seen")]
    Unseen(u32),
    /// Begins with what a command line takes for an option, or begins or ends with a space.
    #[error("`{0}` begins with `-` or begins or ends with a space")]
    Edge(String),
    /// Holds a character that is none of those allowed.
    #[error(
        "`{name}` holds `{character}`; a name has letters and digits of any script, spaces, and the signs that every keyboard has"
    )]
    Character {
        /// The name.
        name: String,
        /// The first of them.
        character: char,
    },
}

impl NameMistake {
    /// What to do.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        "Rename the folder."
    }
}

/// Whether a folder's name can be a pipeline's: letters and digits of any script (with their accents), spaces within, and
/// the signs of ASCII but `/` and `\`; at most 255 bytes. Addresses hold it percent-encoded; no shell ever reads it. Emoji
/// and what cannot be seen are refused, because a name is typed, and looks the same to everybody only without them.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_pipeline_name(name: &str) -> Result<(), NameMistake> {
    if name.is_empty() {
        return Err(NameMistake::Empty);
    }
    if name.len() > LONGEST_NAME {
        return Err(NameMistake::TooLong(name.len()));
    }
    if let Some(control) = name.chars().find(|c| c.is_control()) {
        return Err(NameMistake::Control(control.into()));
    }
    if let Some(unseen) = name.chars().find(|c| is_unseen(*c)) {
        return Err(NameMistake::Unseen(unseen.into()));
    }
    if name.contains(['/', '\\']) {
        return Err(NameMistake::Separator(excerpt(name)));
    }
    if name.contains("..") {
        return Err(NameMistake::Parent(excerpt(name)));
    }
    if name.starts_with('.') {
        return Err(NameMistake::Hidden(excerpt(name)));
    }
    if name.starts_with(['-', ' ']) || name.ends_with(' ') {
        return Err(NameMistake::Edge(excerpt(name)));
    }
    match name.chars().find(|c| !is_name_character(*c)) {
        Some(character) => Err(NameMistake::Character { name: excerpt(name), character }),
        None => Ok(()),
    }
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || is_mark(character) || character == ' ' || character.is_ascii_graphic()
}

/// Accents and vowel signs that are characters of their own: some file systems keep `é` as `e` and one of these, and some
/// scripts are written with them.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{670}'
            | '\u{6d6}'..='\u{6ed}' | '\u{93a}'..='\u{94f}' | '\u{951}'..='\u{957}' | '\u{9bc}' | '\u{9cd}'
            | '\u{a3c}' | '\u{a4d}' | '\u{abc}' | '\u{acd}' | '\u{b3c}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}'
            | '\u{cbc}' | '\u{ccd}' | '\u{d4d}' | '\u{dca}' | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
            | '\u{eb1}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}' | '\u{f71}'..='\u{f84}' | '\u{1037}'..='\u{103e}'
            | '\u{17b6}'..='\u{17d3}' | '\u{1ab0}'..='\u{1ace}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20f0}' | '\u{3099}' | '\u{309a}'
    )
}

/// Whether a text can name an input or an output, which is a folder's name: `[A-Za-z0-9][A-Za-z0-9._-]*`, at
/// most 128 characters.
#[must_use]
pub fn is_port(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Whether a text can name a format of files, which is their ending without a dot: `mzML`, `tar.gz`; at most 32 characters.
#[must_use]
pub fn is_format(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(fits)
}

/// Whether a file is of one of these formats, by the end of its name; packed by gzip or bzip2, it is of the same.
#[must_use]
pub fn is_of_format(file: &str, formats: &[String]) -> bool {
    let lower = file.to_ascii_lowercase();
    let bare = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".bz2")).unwrap_or(&lower);
    let ends = |name: &str, format: &str| name.strip_suffix(format).is_some_and(|stem| stem.ends_with('.'));
    formats
        .iter()
        .map(|format| format.to_ascii_lowercase())
        .any(|format| ends(&lower, &format) || ends(bare, &format))
}

/// Whether a text can be a label's key: as an input's name, and with `/` within.
#[must_use]
pub fn is_label_key(key: &str) -> bool {
    key.split('/').all(is_port) && key.len() <= 128
}

#[cfg(test)]
mod tests {
    use crate::text::is_variable;

    use super::*;

    #[test]
    fn folder_names_are_pipelines_names_or_say_why_not() {
        for name in [
            "a",
            "co2-trend",
            "Nightly ETL",
            "Zürich",
            "u\u{308}",
            "数据",
            "v1.2",
            "данные_2",
            "My Pipeline (v2)",
            "a+b",
            "R&D, 100% [old] #1",
            "हिन्दी",
            "か\u{3099}",
            "ภาษาไทย",
            "🙂".trim_matches('🙂'),
        ] {
            assert_eq!(check_pipeline_name(name).is_ok(), !name.is_empty(), "{name}");
        }
        let said = |name: &str| check_pipeline_name(name).unwrap_err().to_string();
        assert_eq!(said("a..b"), "`a..b` holds `..`, which leads out of a folder");
        assert_eq!(said(".git"), "`.git` begins with a dot, as hidden folders do");
        assert_eq!(said("a/b"), r"`a/b` holds a path separator (`/` or `\`)");
        assert_eq!(said("a\nb"), "the name holds the control character U+000A");
        assert!(said("fun 🎉").starts_with("`fun 🎉` holds `🎉`; a name has letters"));
        assert!(said("-x").contains("begins with `-`") && said("x ").contains("space"));
        assert_eq!(said("a\u{202e}b"), "the name holds U+202E, which cannot be seen");
        assert_eq!(said("a\u{200b}b"), "the name holds U+200B, which cannot be seen");
        assert_eq!(said(&"x".repeat(256)), "the name has 256 bytes and may have at most 255");
        assert!(check_pipeline_name(&"x".repeat(255)).is_ok());
        assert!(
            check_pipeline_name(&"ä".repeat(127)).is_ok() && check_pipeline_name(&"ä".repeat(128)).is_err()
        );
    }

    #[test]
    fn a_file_is_of_a_format_by_its_end() {
        let formats = ["mzML".to_owned(), "tar.gz".to_owned()];
        for file in ["a.mzML", "a.b.MZML", "a.mzML.gz", "a.mzml.bz2", "a.tar.gz"] {
            assert!(is_of_format(file, &formats), "{file}");
        }
        for file in ["amzML", "a.mzXML", "a.gz", "mzML", "a.mzML.zip", "a.tar"] {
            assert!(!is_of_format(file, &formats), "{file}");
        }
        assert!(is_format("mzML") && !is_format(".csv") && !is_format("a/b") && !is_format(""));
    }

    #[test]
    fn the_other_names_are_ascii() {
        assert!(is_variable("A_1") && !is_variable("1A") && !is_variable("a-b") && !is_variable(""));
        assert!(is_port("a.csv") && !is_port(".a") && !is_port("../a") && !is_port("ä"));
        assert!(is_label_key("example.org/team") && !is_label_key("a//b"));
    }
}
